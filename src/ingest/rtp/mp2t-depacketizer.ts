// An MPEG transport stream in RTP, RFC 2250 §2: whole transport packets. It has a clock, tracks and continuity counters
// of its own, so its demuxer does all the rest.

import type { AccessUnitSink } from "../mpegts/access-unit.js";
import { TsDemuxer } from "../mpegts/ts-demuxer.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";

const PACKET_SIZE = 188;

export class Mp2tDepacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #demuxer: TsDemuxer;

  /** `sink`: of the whole session, since the program has all its tracks. */
  constructor(sink: AccessUnitSink, context: DepacketizerContext) {
    this.#context = context;
    const say = (_about: object, text: string): void => context.note(text);
    const { arena, budget, maxAccessUnitBytes } = context;
    this.#demuxer = new TsDemuxer(sink, arena, { debug: say, info: say, warn: say }, { budget, maxAccessUnitBytes });
  }

  take(packet: Uint8Array, start: number, end: number): void {
    if ((end - start) % PACKET_SIZE !== 0) this.#context.statistics.badPackets++;
    this.#demuxer.push(packet.subarray(start, end));
  }

  /** The continuity counters show what is missing, and in which track. */
  lose(): void {}

  end(): void {
    this.#demuxer.end();
  }

  free(): void {
    this.#demuxer.free();
  }
}
