// Runs a session on packets and keeps what came out.

import { Arena } from "../../src/arena/arena.js";
import type { RtpMedia } from "../../src/ingest/rtp/rtp-media.js";
import { RtpSession, type RtpSessionOptions } from "../../src/ingest/rtp/rtp-session.js";
import type { RtpStatistics } from "../../src/ingest/rtp/rtp-statistics.js";
import { AccessUnitLog } from "./access-unit-log.js";

export const VIDEO: RtpMedia = {
  kind: "video",
  payloadType: 96,
  encodingName: "H264",
  clockRate: 90_000,
  channels: 0,
  fmtp: { "packetization-mode": "1" },
};

export class RtpReceiver {
  readonly #arena: Arena;
  readonly log: AccessUnitLog;
  readonly notes: string[] = [];
  /** What was odd, said at the end. */
  readonly sums: string[] = [];
  readonly session: RtpSession;
  nowMs = 1000;

  constructor(media: readonly RtpMedia[], isReordering = false, given: Partial<RtpSessionOptions> = {}) {
    this.#arena = given.arena ?? new Arena({ maximumBytes: 64 * 1024 * 1024 });
    this.log = new AccessUnitLog(this.#arena);
    const note = (text: string): number => (text.startsWith("RTP of medium") ? this.sums : this.notes).push(text);
    this.session = new RtpSession(media, this.log, { isReordering, note, ...given, arena: this.#arena });
  }

  get statistics(): RtpStatistics {
    const [first] = this.session.statistics;
    if (!first) throw new Error("the first medium is not recorded");
    return first;
  }

  /** All at one time of arrival. */
  take(packets: readonly Uint8Array[], track = 0): this {
    for (const packet of packets) this.session.rtp(track, packet, this.nowMs);
    return this;
  }

  end(): this {
    this.session.end();
    const { blocks } = this.#arena.stats();
    if (blocks !== 0) throw new Error(`the session left ${blocks} arena blocks behind`);
    return this;
  }
}

export function receive(
  packets: readonly Uint8Array[],
  media: Partial<RtpMedia> = {},
  isReordering = false,
): RtpReceiver {
  return new RtpReceiver([{ ...VIDEO, ...media }], isReordering).take(packets).end();
}
