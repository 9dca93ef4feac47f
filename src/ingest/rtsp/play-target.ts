// What an RTSP URI says: where to connect, what to ask for, and who asks.

import { ReelError } from "../../base/reel-error.js";
import { hostOf, isMulticast, parseSourceUri, schemeOf } from "../source-uri.js";
import { DEFAULT_PORTS } from "./rtsp-protocol.js";

export interface PlayTarget {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** As it stands in requests: without credentials and fragment, else as it was written. */
  readonly requestUri: string;
  readonly user: string;
  readonly password: string;
  /** Basic credentials may be sent: not to a host that another one has sent us to. */
  readonly mayShowPassword: boolean;
}

/** Throws ReelError `badArgument`. */
export function parsePlayTarget(uri: URL): PlayTarget {
  const scheme = schemeOf(uri) === "rtsps" ? "rtsps" : "rtsp";
  const host = hostOf(uri);
  if (host === "") throw new ReelError("badArgument", "an RTSP source is named as rtsp://host/path");
  if (isMulticast(host)) throw new ReelError("badArgument", "multicast RTSP is not supported: name the camera itself");
  return {
    isSecure: scheme === "rtsps",
    host,
    port: uri.port === "" ? DEFAULT_PORTS[scheme] : Number(uri.port),
    requestUri: `${scheme}://${uri.host}${uri.pathname}${uri.search}`,
    user: decoded(uri.username),
    password: decoded(uri.password),
    mayShowPassword: true,
  };
}

/** Where a server sends us. Undefined where that is no RTSP URI. */
export function redirectedTarget(from: PlayTarget, location: string): PlayTarget | undefined {
  if (!/^rtsps?:\/\//i.test(location)) return undefined;
  try {
    const to = parsePlayTarget(parseSourceUri(location.trim()));
    if (to.user !== "" || to.password !== "") return to;
    const isSame = to.host === from.host && (to.isSecure || !from.isSecure);
    return { ...to, user: from.user, password: from.password, mayShowPassword: isSame && from.mayShowPassword };
  } catch {
    return undefined;
  }
}

/** Passwords may hold a bare `%`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
