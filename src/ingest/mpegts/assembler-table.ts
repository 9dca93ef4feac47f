// The assembler of each framing: from PES payloads to access units.

import { Ac3Header } from "../../media/codec/ac3/ac3-header.js";
import { Eac3Header } from "../../media/codec/ac3/eac3-header.js";
import type { TsFraming } from "../../media/codec/codec-entry.js";
import { H264_NAL_UNITS } from "../../media/codec/h264/nal-units.js";
import { H265_NAL_UNITS } from "../../media/codec/h265/nal-units.js";
import { MpegAudioHeader } from "../../media/codec/mpeg-audio/mpeg-audio-header.js";
import { H264ParameterSets } from "../h264-parameter-sets.js";
import { H265ParameterSets } from "../h265-parameter-sets.js";
import { AacAssembler } from "./aac-assembler.js";
import type { Assembler, AssemblerContext } from "./assembler.js";
import { LatmAssembler } from "./latm-assembler.js";
import { NalAssembler } from "./nal-assembler.js";
import { OpusAssembler, whyNoOpus } from "./opus-assembler.js";
import { SoundAssembler } from "./sound-assembler.js";

export interface TsFormat {
  /** Why a stream of these descriptors cannot be recorded, for people; undefined where it can. */
  whyNot?(descriptors: Uint8Array): string | undefined;
  create(context: AssemblerContext): Assembler;
}

export const ASSEMBLER_TABLE: Readonly<Record<TsFraming, TsFormat>> = {
  h264: {
    create: ({ sink, statistics, arena, budget, maxAccessUnitBytes }) =>
      new NalAssembler(H264_NAL_UNITS, new H264ParameterSets(), sink, statistics, arena, budget, maxAccessUnitBytes),
  },
  h265: {
    create: ({ sink, statistics, arena, budget, maxAccessUnitBytes }) =>
      new NalAssembler(H265_NAL_UNITS, new H265ParameterSets(), sink, statistics, arena, budget, maxAccessUnitBytes),
  },
  adts: { create: (context) => new AacAssembler(context) },
  latm: { create: (context) => new LatmAssembler(context) },
  opus: { whyNot: whyNoOpus, create: (context) => new OpusAssembler(context) },
  mpegAudio: { create: (context) => new SoundAssembler(new MpegAudioHeader(), false, context) },
  ac3: { create: (context) => new SoundAssembler(new Ac3Header(), false, context) },
  eac3: { create: (context) => new SoundAssembler(new Eac3Header(), true, context) },
};
