// What the heads of frames of AV1, VP9 and VP8 say: whether decoding can start there, and whether a sample may be so.
// Written from the specifications (AV1 §5.3, §5.9.2; VP9 §6.2; RFC 6386 §9.1), apart from the readers of the ingest.

import type { CodecName } from "../media/codec/codec-entry.js";

export interface FrameHead {
  isKey: boolean;
  /** Why it is no frame that may stand here; undefined where it may. */
  complaint: string | undefined;
}

/** `head`: the first bytes, up to FRAME_HEAD_BYTES, of a frame of `sizeBytes`. */
export type FrameReading = (head: Uint8Array, sizeBytes: number) => FrameHead;

/** Sequence headers and metadata stand in front of the first frame of AV1. */
export const FRAME_HEAD_BYTES = 4096;

const OBU_NAMES: Readonly<Record<number, string>> = { 2: "temporal delimiter", 8: "tile list", 15: "padding" };
const OBU_FRAME_HEADER = 3;
const OBU_FRAME = 6;

const no = (complaint: string): FrameHead => ({ isKey: false, complaint });

/** null: frames are judged otherwise, or only counted. */
export const FRAME_READINGS: Readonly<Record<CodecName, FrameReading | null>> = {
  h264: null,
  h265: null,
  aac: null,
  opus: null,
  mp3: null,
  mp2: null,
  ac3: null,
  eac3: null,
  flac: null,
  lpcm: null,
  pcma: null,
  pcmu: null,
  av1: readTemporalUnit,
  vp9: readVp9,
  vp8: (head) => (head.byteLength < 3 ? no("is shorter than a frame tag") : yes(((head[0] ?? 1) & 1) === 0)),
};

function yes(isKey: boolean): FrameHead {
  return { isKey, complaint: undefined };
}

function readVp9(head: Uint8Array): FrameHead {
  const bits = [...head.subarray(0, 2)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (!bits.startsWith("10")) return no("has no frame marker");
  const flags = bits.slice(2, 4) === "11" ? bits.slice(5) : bits.slice(4);
  return yes(flags.startsWith("00")); // show_existing_frame, frame_type
}

/** Up to its first frame. */
function readTemporalUnit(head: Uint8Array, sizeBytes: number): FrameHead {
  for (let at = 0; at < head.byteLength; ) {
    const header = head[at] ?? 0;
    const type = (header & 0x78) / 8;
    let payload = at + (header & 4 ? 2 : 1);
    let end = sizeBytes;
    if (header & 2) {
      let size = 0;
      let byte = 128;
      for (let shift = 1; byte >= 128; shift *= 128) {
        if (payload >= head.byteLength) return no("ends inside an OBU");
        byte = head[payload++] ?? 0;
        size += (byte % 128) * shift;
      }
      end = payload + size;
    }
    const name = OBU_NAMES[type];
    if (name) return no(`holds a ${name}, which no sample may`);
    if (header >= 128 || payload > end || end > sizeBytes) return no(`an OBU at byte ${at} reaches past the end`);
    if (type === OBU_FRAME || type === OBU_FRAME_HEADER) {
      const first = head[payload] ?? 0x80;
      return yes(first < 0x80 && (first & 0x60) === 0 && (first & 0x10) !== 0);
    }
    at = end;
  }
  return no("has no frame");
}
