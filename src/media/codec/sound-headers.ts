// The header reader of each codec whose frames need no decoder configuration beside them. Others have none.

import { Ac3Header } from "./ac3/ac3-header.js";
import { Eac3Header } from "./ac3/eac3-header.js";
import type { CodecEntry, CodecName, ParsedConfig } from "./codec-entry.js";
import { MpegAudioHeader } from "./mpeg-audio/mpeg-audio-header.js";
import type { SoundHeader } from "./sound-header.js";

const HEADERS: Readonly<Partial<Record<CodecName, () => SoundHeader>>> = {
  mp3: () => new MpegAudioHeader(),
  mp2: () => new MpegAudioHeader(),
  ac3: () => new Ac3Header(),
  eac3: () => new Eac3Header(),
};

/** What the decoder configuration says that a frame makes; undefined where it is no frame of the codec. */
export function parseSoundFrame(codec: CodecEntry, frame: Uint8Array): ParsedConfig["audio"] {
  const header = HEADERS[codec.name]?.();
  const isFrame = header && frame.byteLength >= header.headerBytes && header.parse(frame, 0);
  if (!isFrame || header.codec !== codec.name || header.isContinuation) return undefined;
  return codec.parse(header.config(frame, 0, frame.byteLength)).audio;
}
