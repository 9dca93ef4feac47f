// The assembler of each codec: from PES payloads to access units. A codec that a transport stream cannot carry has none.

import type { Arena } from "../../arena/arena.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { H264_NAL_UNITS } from "../../media/codec/h264/nal-units.js";
import { H265_NAL_UNITS } from "../../media/codec/h265/nal-units.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import type { Ticks90k } from "../../time/units.js";
import { H264ParameterSets } from "../h264-parameter-sets.js";
import { H265ParameterSets } from "../h265-parameter-sets.js";
import { AacAssembler } from "./aac-assembler.js";
import type { AccessUnitSink } from "./access-unit.js";
import { NalAssembler } from "./nal-assembler.js";
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
  onUnsupported(what: string): void;
}

export const ASSEMBLER_TABLE: Readonly<Record<CodecName, ((context: AssemblerContext) => Assembler) | null>> = {
  h264: ({ sink, statistics, arena, budget, maxAccessUnitBytes }) =>
    new NalAssembler(H264_NAL_UNITS, new H264ParameterSets(), sink, statistics, arena, budget, maxAccessUnitBytes),
  h265: ({ sink, statistics, arena, budget, maxAccessUnitBytes }) =>
    new NalAssembler(H265_NAL_UNITS, new H265ParameterSets(), sink, statistics, arena, budget, maxAccessUnitBytes),
  aac: ({ sink, statistics, arena, budget, onUnsupported }) =>
    new AacAssembler(sink, statistics, arena, budget, onUnsupported),
};
