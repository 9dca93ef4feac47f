// What makes access units of the payloads of one RTP track, and what it works with. depacketizer-table.ts lists them by
// encoding name. Packets come in order; each payload is parsed in place, and no bytes of it can throw.

import type { Arena } from "../../arena/arena.js";
import type { AccessUnitSink } from "../mpegts/access-unit.js";
import type { StagingBudget } from "../mpegts/staging.js";
import type { RtpMedia } from "./rtp-media.js";
import type { RtpStatistics } from "./rtp-statistics.js";
import type { RtpTime } from "./rtp-time.js";

export interface Depacketizer {
  /** A payload is [start, end) of `packet`. `timestamp` is unwrapped, in units of the track's clock. */
  take(packet: Uint8Array, start: number, end: number, timestamp: number, isMarked: boolean): void;
  /** Packets are missing; `bytes`: what they may have held. 0 packets: it is not known how many. */
  lose(packets: number, bytes: number): void;
  /** No more packets will come: what is complete is handed on. */
  end(): void;
  free(): void;
}

export interface DepacketizerContext {
  media: RtpMedia;
  sink: AccessUnitSink;
  time: RtpTime;
  statistics: RtpStatistics;
  arena: Arena;
  budget: StagingBudget;
  maxAccessUnitBytes: number;
  /** Said once each. */
  note(text: string): void;
}
