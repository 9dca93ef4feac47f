// The end of a connection whose last bytes the other side must get: closing at once would lose them for a client that
// still sends.

import type { Duplex } from "node:stream";

/** For so long after the last bytes a connection is still read, and what comes is discarded. */
const LINGER_MS = 2_000;

/** What was written goes out, and the connection ends whether or not the other side does. */
export function endLingering(socket: Duplex, lastBytes?: string): void {
  socket.resume();
  if (lastBytes === undefined) socket.end();
  else socket.end(lastBytes);
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  linger.unref();
  socket.once("close", () => clearTimeout(linger));
}
