// Which codecs' pictures are looked into, and how.

import type { CodecName } from "../media/codec/codec-entry.js";
import { parseSps } from "../media/codec/h264/decoder-configuration.js";
import { parseH265Sps } from "../media/codec/h265/sps.js";
import { H264_READING } from "./h264-picture.js";
import { H265_READING } from "./h265-picture.js";
import type { NalReading } from "./picture.js";

export interface CodecReading extends NalReading {
  /** Throws ReelError `badConfig`. */
  sizeOf(sps: Uint8Array): { width: number; height: number };
}

/** null: of no NAL units; frame-readings.ts has more. */
export const NAL_READINGS: Readonly<Record<CodecName, CodecReading | null>> = {
  h264: { ...H264_READING, sizeOf: parseSps },
  h265: { ...H265_READING, sizeOf: parseH265Sps },
  aac: null,
  opus: null,
  av1: null,
  vp9: null,
  vp8: null,
  mp3: null,
  mp2: null,
  ac3: null,
  eac3: null,
  flac: null,
  lpcm: null,
  pcma: null,
  pcmu: null,
};
