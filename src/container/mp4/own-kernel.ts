// The muxer kernels for work outside of the pools: tools, and the heads of tracks that playback asks for.

import { compileKernel } from "../../arena/kernel.js";

const KERNEL_FILE = new URL("../../../dist/wasm/reel.wasm", import.meta.url);

let module: WebAssembly.Module | undefined;

/** Compiled with the first call, once a thread. */
export function ownKernel(): WebAssembly.Module {
  module ??= compileKernel(KERNEL_FILE);
  return module;
}
