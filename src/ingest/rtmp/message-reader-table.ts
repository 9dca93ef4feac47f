// The message reader of each codec. One that RTMP cannot carry has none.

import { Ac3Header } from "../../media/codec/ac3/ac3-header.js";
import { Eac3Header } from "../../media/codec/ac3/eac3-header.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { H264_NAL_UNITS } from "../../media/codec/h264/nal-units.js";
import { H265_NAL_UNITS } from "../../media/codec/h265/nal-units.js";
import { MpegAudioHeader } from "../../media/codec/mpeg-audio/mpeg-audio-header.js";
import { vp8KeyFrameSize } from "../../media/codec/vp8/vp8.js";
import { vp9KeyFrameSize } from "../../media/codec/vp9/frame-header.js";
import { H264ParameterSets } from "../h264-parameter-sets.js";
import { H265ParameterSets } from "../h265-parameter-sets.js";
import { Av1MessageReader } from "./av1-message-reader.js";
import type { MessageReader, MessageReaderContext } from "./message-reader.js";
import { NalMessageReader } from "./nal-message-reader.js";
import { PcmMessageReader } from "./pcm-message-reader.js";
import { SoundMessageReader } from "./sound-message-reader.js";
import { VpMessageReader } from "./vp-message-reader.js";
import { WholeMessageReader } from "./whole-message-reader.js";

export const MESSAGE_READERS: Readonly<Record<CodecName, ((context: MessageReaderContext) => MessageReader) | null>> = {
  h264: (context) => new NalMessageReader(H264_NAL_UNITS, new H264ParameterSets(), context),
  h265: (context) => new NalMessageReader(H265_NAL_UNITS, new H265ParameterSets(), context),
  aac: (context) => new WholeMessageReader(context),
  opus: (context) => new WholeMessageReader(context),
  av1: (context) => new Av1MessageReader(context),
  vp9: (context) => new VpMessageReader(vp9KeyFrameSize, context),
  vp8: (context) => new VpMessageReader(vp8KeyFrameSize, context),
  mp3: (context) => new SoundMessageReader(new MpegAudioHeader(), "mp3", context),
  mp2: null,
  ac3: (context) => new SoundMessageReader(new Ac3Header(), "ac3", context),
  eac3: (context) => new SoundMessageReader(new Eac3Header(), "eac3", context),
  flac: (context) => new WholeMessageReader(context),
  lpcm: (context) => new PcmMessageReader(context),
  pcma: (context) => new PcmMessageReader(context),
  pcmu: (context) => new PcmMessageReader(context),
};
