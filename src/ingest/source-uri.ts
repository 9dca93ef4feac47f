// URIs of sources: what is accepted, and how they are shown. WHATWG's parser knows the syntax; for schemes that it does
// not know it keeps the host as written, which is what multicast addresses and host names need.

import { isIP } from "node:net";
import { ReelError } from "../base/reel-error.js";

/** Throws ReelError `badArgument`. */
export function parseSourceUri(text: string): URL {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
  if (/[\u0000-\u0020\u007f]/.test(text))
    throw new ReelError("badArgument", "a source's URI has no spaces and no control characters; write them as %20");
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    throw new ReelError("badArgument", "not a URI: expected scheme://host[:port]/path");
  // `udp://@239.1.1.1:5000` is how players write a group to join; the empty user name means nothing.
  try {
    return new URL(text.replace(/^([a-z0-9+.-]+:\/\/)@/i, "$1"));
  } catch (error) {
    throw new ReelError("badArgument", "not a URI: expected scheme://host[:port]/path", {}, { cause: error });
  }
}

export function schemeOf(uri: URL): string {
  return uri.protocol.slice(0, -1).toLowerCase();
}

/** Host without the brackets of an IPv6 address. */
export function hostOf(uri: URL): string {
  return uri.hostname.replace(/^\[|\]$/g, "");
}

/** Throws ReelError `badArgument` where there is no port. */
export function requirePort(uri: URL): number {
  const port = Number(uri.port);
  if (!(port > 0))
    throw new ReelError(
      "badArgument",
      `${uri.protocol}// needs a port: ${uri.protocol}//${uri.hostname || "host"}:5000`,
    );
  return port;
}

/** RFC 5771: 224.0.0.0/4. RFC 4291 §2.7: ff00::/8. */
export function isMulticast(address: string): boolean {
  if (isIP(address) === 6) return /^ff/i.test(address);
  const first = Number(address.split(".")[0]);
  return isIP(address) === 4 && first >= 224 && first <= 239;
}
