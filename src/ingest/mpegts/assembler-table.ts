// The assembler of each codec: from PES payloads to access units. A codec that a transport stream cannot carry has
// none.

import { Ac3Header } from "../../media/codec/ac3/ac3-header.js";
import { Eac3Header } from "../../media/codec/ac3/eac3-header.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { H264_NAL_UNITS } from "../../media/codec/h264/nal-units.js";
import { H265_NAL_UNITS } from "../../media/codec/h265/nal-units.js";
import { MpegAudioHeader } from "../../media/codec/mpeg-audio/mpeg-audio-header.js";
import { H264ParameterSets } from "../h264-parameter-sets.js";
import { H265ParameterSets } from "../h265-parameter-sets.js";
import { AacAssembler } from "./aac-assembler.js";
import type { Assembler, AssemblerContext } from "./assembler.js";
import { NalAssembler } from "./nal-assembler.js";
import { OpusAssembler } from "./opus-assembler.js";
import { SoundAssembler } from "./sound-assembler.js";

export const ASSEMBLER_TABLE: Readonly<Record<CodecName, ((context: AssemblerContext) => Assembler) | null>> = {
  h264: ({ sink, statistics, arena, budget, maxAccessUnitBytes }) =>
    new NalAssembler(H264_NAL_UNITS, new H264ParameterSets(), sink, statistics, arena, budget, maxAccessUnitBytes),
  h265: ({ sink, statistics, arena, budget, maxAccessUnitBytes }) =>
    new NalAssembler(H265_NAL_UNITS, new H265ParameterSets(), sink, statistics, arena, budget, maxAccessUnitBytes),
  aac: (context) => new AacAssembler(context),
  opus: (context) => new OpusAssembler(context),
  av1: null,
  vp9: null,
  vp8: null,
  mp3: (context) => new SoundAssembler(new MpegAudioHeader(), false, context),
  mp2: (context) => new SoundAssembler(new MpegAudioHeader(), false, context),
  ac3: (context) => new SoundAssembler(new Ac3Header(), false, context),
  eac3: (context) => new SoundAssembler(new Eac3Header(), true, context),
  flac: null,
  lpcm: null,
  pcma: null,
  pcmu: null,
};
