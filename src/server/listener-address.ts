// Where a listener listens, as configuration writes it: `HOST:PORT`, `[::1]:PORT`, or `off`.

import { ReelError } from "../base/reel-error.js";
import type { ListenerAddress } from "../control/transports/listen.js";

export type { ListenerAddress };

const MAX_PORT = 65535;

/**
 * Undefined for `off`. The default host is loopback. Throws ReelError `badArgument`; `where` is the flag or the key
 * that the message names.
 */
export function parseListenerAddress(text: string, where?: string): ListenerAddress | undefined {
  if (text === "off") return undefined;
  const shown = where === undefined ? text : `${where} ${text}`;
  if (/^[0-9]+$/.test(text))
    throw new ReelError(
      "badArgument",
      `${shown} has no host: write 127.0.0.1:${text}, or 0.0.0.0:${text} to be reached from other machines`,
    );
  const [, host = "", digits] = /^(.*):([0-9]+)$/s.exec(text) ?? [];
  if (digits === undefined || Number(digits) > MAX_PORT)
    throw new ReelError("badArgument", `${shown} is not HOST:PORT with a port from 0 to ${MAX_PORT}, nor off`);
  return { host: host.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1", port: Number(digits) };
}

export function formatListenerAddress({ host, port }: ListenerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
