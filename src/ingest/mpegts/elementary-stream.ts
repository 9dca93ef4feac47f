// One recorded PID: its continuity counter (ISO/IEC 13818-1 §2.4.3.3), its PES packets, and the assembler of its access
// units.

import { TRACK_VIDEO } from "../../abi/frame.js";
import type { Arena } from "../../arena/arena.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { PesHeader } from "../../media/mpegts/pes.js";
import { AacAssembler } from "./aac-assembler.js";
import type { AccessUnitSink } from "./access-unit.js";
import { H264Assembler } from "./h264-assembler.js";
import { ProgramClock } from "./program-clock.js";
import type { StagingBlock, StagingBudget } from "./staging.js";

const PAYLOAD_PER_PACKET = 184;
/** Nothing is taken before the first PES start, nor after a loss. */
const WAITING = 0;
const IN_HEADER = 1;
const IN_PAYLOAD = 2;

/** What the streams of one demuxer share. */
export interface StreamContext {
  sink: AccessUnitSink;
  statistics: DemuxStatistics;
  clock: ProgramClock;
  arena: Arena;
  budget: StagingBudget;
  maxAccessUnitBytes: number;
  onUnsupported(what: string): void;
}

export class ElementaryStream {
  #statistics: DemuxStatistics;
  #clock: ProgramClock;
  #header: PesHeader;
  #video: H264Assembler | undefined;
  #audio: AacAssembler | undefined;
  #state = WAITING;
  #counter = -1;
  #wasDuplicate = false;
  #signature = 0;
  /** random_access_indicator of the packet in which the PES packet under way begins. */
  #isFlaggedKey = false;

  constructor(
    track: number,
    readonly pid: number,
    { sink, statistics, clock, arena, budget, maxAccessUnitBytes, onUnsupported }: StreamContext,
  ) {
    this.#statistics = statistics;
    this.#clock = clock;
    this.#header = new PesHeader(statistics);
    if (track === TRACK_VIDEO) this.#video = new H264Assembler(sink, statistics, arena, budget, maxAccessUnitBytes);
    else this.#audio = new AacAssembler(sink, statistics, arena, budget, onUnsupported);
  }

  /**
   * Checks the counter of a packet that ends at `end`. False where it repeats the one before and is to be passed over.
   */
  continues(
    bytes: Uint8Array,
    end: number,
    counter: number,
    hasPayload: boolean,
    isAnnounced: boolean,
    isUnitStart: boolean,
  ): boolean {
    if (isAnnounced) this.#statistics.announcedDiscontinuities++;
    if (!hasPayload) return true; // its counter stands still
    const last = this.#counter;
    const lastSignature = this.#signature;
    this.#counter = counter;
    this.#signature = signature(bytes, end);
    if (last < 0 || counter === ((last + 1) & 15)) {
      this.#wasDuplicate = false;
      return true;
    }
    if (isAnnounced) {
      // An edit: what came before is whole where the next PES packet begins here.
      if (!isUnitStart) this.#lose(0);
      return true;
    }
    // The same counter on other bytes: a multiple of sixteen packets, less one, is missing.
    if (counter === last && this.#signature === lastSignature && !this.#wasDuplicate) {
      this.#wasDuplicate = true;
      this.#statistics.duplicates++;
      return false;
    }
    this.#wasDuplicate = false;
    this.#statistics.continuityErrors++;
    this.#lose(((counter - last - 1) & 15) * PAYLOAD_PER_PACKET);
    return true;
  }

  /** The payload of a packet: bytes [start, end). */
  push(input: StagingBlock, start: number, end: number, isUnitStart: boolean, isFlaggedKey: boolean): void {
    if (isUnitStart) {
      this.#isFlaggedKey = isFlaggedKey;
      if (this.#state === IN_HEADER) this.#statistics.badPes++;
      this.#header.begin();
      this.#state = IN_HEADER;
    }
    let at = start;
    if (this.#state === IN_HEADER) {
      at = this.#header.push(input.bytes, start, end);
      if (at > end) return;
      if (at < 0) {
        this.#lose(0);
        return;
      }
    } else if (this.#state === WAITING) return;
    try {
      if (this.#state === IN_HEADER) this.#beginPes(input.bytes, at, end);
      if (this.#video) this.#video.push(input, at, end);
      else this.#audio?.push(input, at, end);
    } catch (error) {
      // There was no memory, or no stream to be had: what is under way has a hole, or was half handed on, and must not
      // become a frame at the end.
      this.#lose(end - at);
      throw error;
    }
  }

  /** No more bytes will come: what is complete without a successor is handed on. */
  end(): void {
    this.#video?.end();
    this.#audio?.end();
    this.#state = WAITING;
  }

  free(): void {
    this.#video?.free();
    this.#audio?.free();
  }

  #beginPes(input: Uint8Array, start: number, end: number): void {
    this.#state = IN_PAYLOAD;
    const { pts33, dts33 } = this.#header;
    const dts90k = Number.isNaN(dts33) ? Number.NaN : this.#clock.unwrap(dts33);
    if (this.#video) {
      const ctsOffset90k = ProgramClock.ctsOffset90k(pts33, dts33);
      this.#video.begin(dts90k, ctsOffset90k, this.#isFlaggedKey, input, start, end);
    } else this.#audio?.begin(dts90k);
  }

  #lose(bytes: number): void {
    this.#state = WAITING;
    this.#video?.lose(bytes);
    this.#audio?.lose(bytes);
  }
}

/**
 * What tells a packet from another one, taken where a PCR, which a repeated packet may have of its own, cannot stand:
 * sixteen bytes of the last 120.
 */
function signature(bytes: Uint8Array, end: number): number {
  let hash = 0;
  for (let at = end - 120; at < end; at += 8) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  return (Math.imul(hash, 31) + (bytes[end - 1] as number)) | 0;
}
