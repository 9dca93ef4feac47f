// One recorded PID: its continuity counter (ISO/IEC 13818-1 §2.4.3.3), its PES packets, and the assembler of its access
// units.

import type { CodecEntry, TsFraming } from "../../media/codec/codec-entry.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { PesHeaderCollector } from "../../media/mpegts/pes.js";
import type { Assembler, AssemblerContext } from "./assembler.js";
import { ASSEMBLER_TABLE } from "./assembler-table.js";
import { ProgramClock } from "./program-clock.js";
import type { StagingBlock } from "./staging.js";

const PAYLOAD_PER_PACKET = 184;
/** Nothing is taken before the first PES start, nor after a loss. */
const WAITING = 0;
const IN_HEADER = 1;
const IN_PAYLOAD = 2;

/** What the streams of one demuxer share. */
export interface StreamContext extends Omit<AssemblerContext, "descriptors" | "refuse"> {
  clock: ProgramClock;
  /** What a stream's `refused` says has changed. */
  onRefused(pid: number): void;
}

export class ElementaryStream {
  #statistics: DemuxStatistics;
  #clock: ProgramClock;
  #header: PesHeaderCollector;
  #assembler: Assembler;
  #state = WAITING;
  #counter = -1;
  #wasDuplicate = false;
  #signature = 0;
  /** random_access_indicator of the packet in which the PES packet under way begins. */
  #isFlaggedKey = false;
  /** Names it, where what comes in it is not recorded. */
  refused: string | undefined;

  constructor(
    readonly codec: CodecEntry,
    readonly framing: TsFraming,
    readonly pid: number,
    /** As the program map has them that came last. */
    public descriptors: Uint8Array,
    context: StreamContext,
  ) {
    this.#statistics = context.statistics;
    this.#clock = context.clock;
    this.#header = new PesHeaderCollector(context.statistics);
    const refuse = (what: string | undefined): void => {
      if (this.refused === what) return;
      this.refused = what;
      context.onRefused(pid);
    };
    this.#assembler = ASSEMBLER_TABLE[framing].create({ ...context, descriptors, refuse });
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
      this.#assembler.push(input, at, end);
    } catch (error) {
      // There was no memory, or no stream to be had: what is under way has a hole, or was half handed on, and must not
      // become a frame at the end.
      this.#lose(end - at);
      throw error;
    }
  }

  /** No more bytes will come: what is complete without a successor is handed on. */
  end(): void {
    this.#assembler.end();
    this.#state = WAITING;
  }

  free(): void {
    this.#assembler.free();
  }

  #beginPes(input: Uint8Array, start: number, end: number): void {
    this.#state = IN_PAYLOAD;
    const { pts33, dts33 } = this.#header;
    const dts90k = Number.isNaN(dts33) ? Number.NaN : this.#clock.unwrap(dts33);
    const ctsOffset90k = ProgramClock.ctsOffset90k(pts33, dts33);
    this.#assembler.begin(dts90k, ctsOffset90k, this.#isFlaggedKey, input, start, end);
  }

  #lose(bytes: number): void {
    this.#state = WAITING;
    this.#assembler.lose(bytes);
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
