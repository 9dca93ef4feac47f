// Which URI a request about a medium has (RFC 2326 §C.1.1), as cameras and their clients have it: the base and the
// control attribute are put together as texts. Cameras have queries in their bases and answer to nothing else than
// `base/control`, where the rules for relative URIs would take the base's last segment and its query away.

const ABSOLUTE = /^rtsps?:\/\//i;
const AUTHORITY = /^rtsps?:\/\/[^/?]*/i;

/** The base of all controls: what the server says, where that is an absolute URI. */
export function baseUri(requestUri: string, contentBase: string, contentLocation: string): string {
  for (const said of [contentBase, contentLocation].map(clean)) {
    if (ABSOLUTE.test(said)) return said;
    if (said.startsWith("/")) return `${AUTHORITY.exec(requestUri)?.[0] ?? ""}${said}`;
  }
  return requestUri;
}

/** `control` may be absent, `*`, relative or absolute. */
export function controlUri(base: string, control: string): string {
  const name = clean(control);
  if (name === "" || name === "*") return base;
  if (ABSOLUTE.test(name)) return name;
  if (name.startsWith("/")) return `${AUTHORITY.exec(base)?.[0] ?? ""}${name}`;
  return base.endsWith("/") || name.startsWith("?") ? base + name : `${base}/${name}`;
}

/** Without what would end a request line. */
function clean(text: string): string {
  const trimmed = text.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
  return /[\u0000-\u0020\u007f-\uffff]/.test(trimmed) ? encodeURI(trimmed) : trimmed;
}
