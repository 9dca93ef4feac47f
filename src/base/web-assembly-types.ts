// The names of WebAssembly's objects that our declarations mention. TypeScript has them in the DOM's library alone, and
// a program for Node that embeds Reel may do without it. Empty interfaces merge with the DOM's where both are there.

declare global {
  namespace WebAssembly {
    // biome-ignore-start lint/suspicious/noEmptyInterface: they only name what others define
    interface Memory {}
    interface Module {}
    interface Instance {}
    // biome-ignore-end lint/suspicious/noEmptyInterface: they only name what others define
  }
}

export {};
