// Masks the passwords in URIs. Replies, events and log lines show `user:***@` and `?passphrase=***`. Where a URI cannot
// be parsed, everything that could be a password is masked.

const MASK = "***";
/** What SRT, HTTP, cameras and publish keys call their secrets. */
const SECRET = "passphrase|password|passwd|pass|pwd|psw|pw|access_token|token|api_?key|key|secret|auth|signature|sig";
const QUERY_SECRET = new RegExp(`([?&](?:${SECRET})=)[^&]*`, "gi");
const QUERY_SECRET_IN_TEXT = new RegExp(`([?&](?:${SECRET})=)[^&\\s"']*`, "gi");
/** Cameras that have their login in the path: `/user=admin_password=…_channel=1_stream=0.sdp`. */
const PATH_SECRET = /([/_](?:passphrase|password|passwd|pass|pwd|psw|pw)=)[^/?&\s"']*?(?=_[a-z]+=|[/?&\s"']|$)/gi;
/** Where a URI begins, also inside another's query. A prefix of its scheme (`async:rtsp://`) belongs to it. */
const URI_START = /(?<![^\s"'(<>[=,;|&])(?=[^\s"'(<>[=,;|&]*:\/\/)/;
const SCHEME_END = "://";

/** Masks the secrets of a value, which may be a URI or anything else. Spaces belong to the value. */
export function maskUri(uri: string): string {
  return maskEach(uri, /^[^/?#]*/, QUERY_SECRET);
}

/** A proxy is often written without a scheme: `user:password@host:3128`. */
export function maskProxy(proxy: string): string {
  return proxy.includes(SCHEME_END) ? maskUri(proxy) : maskUri(`http://${proxy}`).slice("http://".length);
}

/** Masks the secrets of the URIs in a text, such as a log line. A space ends a URI. */
export function maskCredentials(text: string): string {
  return maskEach(text, /^[^/?#\s"'<>]*/, QUERY_SECRET_IN_TEXT);
}

/**
 * Scheme, host and port of a value that may be a URI: what somebody may see who only looks on. Cameras and servers keep
 * their secrets in paths and in parameters of any name.
 */
export function originOf(value: string): string {
  const schemeEnd = value.indexOf(SCHEME_END);
  if (schemeEnd < 0) return value;
  const rest = value.slice(schemeEnd + SCHEME_END.length);
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? "";
  // What stands behind may be the rest of a password with a slash in it.
  const isClear = !rest.slice(authority.length).includes("@");
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const isHost = /^(?:\[[0-9A-Fa-f:.%]*\]|[^:\s]*)(?::\d{0,5})?$/.test(host);
  return `${value.slice(0, schemeEnd)}${SCHEME_END}${isClear && isHost ? host : MASK}`;
}

/** A query, with or without its URI. */
export function maskQuery(query: string): string {
  return query.replace(QUERY_SECRET, `$1${MASK}`);
}

function maskEach(text: string, authorityPattern: RegExp, secrets: RegExp): string {
  if (!text.includes(SCHEME_END)) return text;
  const parts = text.split(URI_START).map((part) => {
    const schemeEnd = part.indexOf(SCHEME_END);
    if (schemeEnd < 0) return part;
    const rest = part.slice(schemeEnd + SCHEME_END.length);
    return part.slice(0, schemeEnd) + SCHEME_END + maskAuthority(rest, authorityPattern.exec(rest)?.[0] ?? "");
  });
  return parts.join("").replace(secrets, `$1${MASK}`).replace(PATH_SECRET, `$1${MASK}`);
}

function maskAuthority(rest: string, authority: string): string {
  const at = authority.lastIndexOf("@");
  if (at >= 0) {
    const colon = authority.indexOf(":");
    return colon >= 0 && colon < at ? `${authority.slice(0, colon)}:${MASK}${rest.slice(at)}` : rest;
  }
  const isPlain = /^(?:\[[^\]]*\]|[^:]*)(?::\d{0,5})?$/.test(authority);
  const strayAt = rest.lastIndexOf("@");
  return isPlain || strayAt < 0 ? rest : MASK + rest.slice(strayAt);
}
