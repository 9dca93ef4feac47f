// Whether a source has said goodbye (RTCP BYE, RFC 3550 §6.6) on all of its tracks. Over UDP a goodbye may overtake the
// last packets: it counts from the last one of them on. An encoder that begins anew says it too: where packets still
// come after a while, nothing is over.

import { parseRtcp } from "../../media/rtp/rtcp.js";
import type { Millis } from "../../time/units.js";

/** Nothing more comes in this time; and packets that come later are no stragglers. */
const WAIT_MS: Millis = 500;

interface Leaving {
  /** Of the goodbye. */
  readonly saidMs: Millis;
  /** Of it, or of the last packet behind it. */
  lastMs: Millis;
}

export class SourceLeaving {
  /** By track. */
  readonly #left = new Map<number, Leaving>();

  rtcp(track: number, packet: Uint8Array, nowMs: Millis): void {
    const bye = (): void => void this.#left.set(track, { saidMs: nowMs, lastMs: nowMs });
    parseRtcp(packet, { senderReport: () => {}, bye });
  }

  rtp(track: number, nowMs: Millis): void {
    if (this.#left.size === 0) return;
    const leaving = this.#left.get(track);
    if (!leaving) return;
    if (nowMs - leaving.saidMs < WAIT_MS) leaving.lastMs = nowMs;
    else this.#left.delete(track);
  }

  isOver(tracks: readonly number[], nowMs: Millis): boolean {
    if (this.#left.size === 0) return false;
    return tracks.every((track) => nowMs - (this.#left.get(track)?.lastMs ?? nowMs) >= WAIT_MS);
  }
}
