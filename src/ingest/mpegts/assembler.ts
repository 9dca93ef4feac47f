// What puts the access units of one elementary stream together, and what it works with. assembler-table.ts lists them
// by codec.

import type { Arena } from "../../arena/arena.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import type { Ticks90k } from "../../time/units.js";
import type { AccessUnitSink } from "./access-unit.js";
import type { StagingBlock, StagingBudget } from "./staging.js";

export interface Assembler {
  /**
   * A PES packet begins; its first payload bytes are [start, end) and follow by `push`. `dts90k` is NaN where it has no
   * times.
   */
  begin(
    dts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isFlaggedKey: boolean,
    input: Uint8Array,
    start: number,
    end: number,
  ): void;
  push(input: StagingBlock, start: number, end: number): void;
  /** Packets are missing: what they may have damaged is given up, and the next PES packet begins anew. */
  lose(bytes: number): void;
  /** No more bytes will come: what is complete without a successor is handed on. */
  end(): void;
  free(): void;
}

/** What an assembler works with. */
export interface AssemblerContext {
  sink: AccessUnitSink;
  statistics: DemuxStatistics;
  arena: Arena;
  budget: StagingBudget;
  maxAccessUnitBytes: number;
  /** Of the stream, as they stand in the PMT. */
  descriptors: Uint8Array;
  onUnsupported(what: string): void;
  /** What of the stream is no track that is recorded, by name, until it is called without one. */
  refuse(what: string | undefined): void;
}
