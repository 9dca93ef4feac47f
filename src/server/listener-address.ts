// Where a listener listens, as configuration writes it: `HOST:PORT`, `[::1]:PORT`, or `off`.

import { ReelError } from "../base/reel-error.js";
import type { ListenerAddress } from "../control/transports/listen.js";

export type { ListenerAddress };

/** Undefined for `off`. The default host is loopback. Throws ReelError `badArgument`. */
export function parseListenerAddress(text: string): ListenerAddress | undefined {
  if (text === "off") return undefined;
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, "$1") || "127.0.0.1";
  const port = Number(text.slice(colon + 1));
  if (!(port <= 65535)) throw new ReelError("badArgument", `${text} has no port from 0 to 65535`);
  return { host, port };
}

export function formatListenerAddress({ host, port }: ListenerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
