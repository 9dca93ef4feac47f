// How the packets of a source arrive, where it comes in packets that can be lost (RTP): what an operator looks at when
// pictures are missing.

import type { TrackKind } from "../media/codec/codec-entry.js";
import type { Millis } from "../time/units.js";

export interface MediumReception {
  readonly kind: TrackKind;
  readonly packets: number;
  /** Given up: they did not come, or not in time. */
  readonly lostPackets: number;
  /** They came behind a later one, and in time. */
  readonly reorderedPackets: number;
  readonly duplicates: number;
  /** They came after they had been given up. */
  readonly latePackets: number;
  /** Of the times of arrival, smoothed (RFC 3550 §6.4.1). */
  readonly jitterMs: Millis;
}

export interface PacketReception {
  readonly transport: "TCP" | "UDP";
  /** Why it is this one, where another was possible. */
  readonly why: string | undefined;
  /** In the order of the source's description; those that are not recorded are left out. */
  readonly media: readonly MediumReception[];
}
