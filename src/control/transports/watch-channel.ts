// A WebSocket that only takes: what a channel module sends (src/base/channels.ts). Whatever comes from it is ignored.

import type { WebSocket } from "ws";
import type { ChannelModule, ChannelPeer } from "../../base/channels.js";

/** What fits beside the code (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/** What of an address is looked at; undefined where no module serves it. */
export function findChannel(
  modules: readonly ChannelModule[],
  path: string,
): { module: ChannelModule; wanted: string } | undefined {
  const module = modules.find((candidate) => path.startsWith(candidate.path));
  if (!module) return undefined;
  try {
    const wanted = decodeURIComponent(path.slice(module.path.length));
    return wanted === "" ? undefined : { module, wanted };
  } catch {
    return undefined;
  }
}

/** Hands back what the module is told when the connection has ended, or is to end. */
export function openWatch(ws: WebSocket, module: ChannelModule, wanted: string): () => void {
  const peer: ChannelPeer = {
    get bufferedBytes(): number {
      return ws.bufferedAmount;
    },
    send(bytes) {
      if (ws.readyState === ws.OPEN) ws.send(bytes, () => {});
    },
    close: (code, reason) => ws.close(code, cut(reason)),
  };
  return module.open(wanted, peer);
}

function cut(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.byteLength <= MAX_REASON_BYTES) return reason;
  // A character that does not fit whole is left out.
  return new TextDecoder().decode(bytes.subarray(0, MAX_REASON_BYTES), { stream: true });
}
