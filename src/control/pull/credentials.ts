// Passwords in URIs: shown nowhere. Replies, events and log lines get `user:***@` and `?passphrase=***`, and where a URI cannot be taken apart all that could be a
// password goes.

const MASK = "***";

/** A URI (or any other text) with the password of its authority, and the secrets of its query, masked. */
export function maskCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)(.*)/is, (_whole, scheme: string, rest: string) => scheme + maskQuery(maskAuthority(rest)));
}

/** What SRT, HTTP and publish keys call their secrets. */
export function maskQuery(query: string): string {
  return query.replace(/([?&](?:passphrase|password|passwd|pwd|token|key|secret|auth)=)[^&]*/gi, `$1${MASK}`);
}

function maskAuthority(rest: string): string {
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? "";
  const at = authority.lastIndexOf("@");
  if (at >= 0) {
    const colon = authority.indexOf(":");
    return colon >= 0 && colon < at ? `${authority.slice(0, colon)}:${MASK}${rest.slice(at)}` : rest;
  }
  const isPlain = /^(?:\[[^\]]*\]|[^:]*)(?::\d{0,5})?$/.test(authority);
  const strayAt = rest.lastIndexOf("@");
  return isPlain || strayAt < 0 ? rest : MASK + rest.slice(strayAt);
}
