// Whether a source has said goodbye (RTCP BYE, RFC 3550 §6.6) on all of its tracks. An encoder that begins anew says it
// too: then packets follow, and nothing is over.

import { parseRtcp } from "../../media/rtp/rtcp.js";
import type { Millis } from "../../time/units.js";

/** Nothing more comes in this time. */
const WAIT_MS: Millis = 500;

export class SourceLeaving {
  /** When each track has left. */
  readonly #left = new Map<number, Millis>();

  rtcp(track: number, packet: Uint8Array, nowMs: Millis): void {
    const bye = (): void => void this.#left.set(track, nowMs);
    parseRtcp(packet, { senderReport: () => {}, bye });
  }

  rtp(track: number): void {
    if (this.#left.size > 0) this.#left.delete(track);
  }

  isOver(tracks: readonly number[], nowMs: Millis): boolean {
    if (this.#left.size === 0) return false;
    return tracks.every((track) => nowMs - (this.#left.get(track) ?? nowMs) >= WAIT_MS);
  }
}
