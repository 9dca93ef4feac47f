// Media that tests record: decoder configurations, made-up frames whose payload says which frame it is, and the NAL
// unit framing of the ring (4-byte lengths). Made-up frames are valid containers of invalid pictures: container readers
// take them, decoders do not.

import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import type { KernelRun, TestFrame } from "./kernel-harness.js";

/** avcC of a real encode: High, level 1.2, 320 × 180. */
export const AVCC = Uint8Array.from(
  Buffer.from("0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800", "hex"),
);
/** The same picture, level 1.3: a changed configuration. */
export const AVCC_OTHER = AVCC.map((byte, i) => (i === 3 || i === 11 ? 0x0d : byte));
/** hvcC of a real encode: Main, level 2, 320 × 180. */
export const HVCC = Uint8Array.from(
  Buffer.from(
    "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959409" +
      "a10001002b42010101600000030090000003000003003ca00a080b9f796565924caf016808000003000800000300c840" +
      "a2000100074401c172b46240",
    "hex",
  ),
);
/** av1C of a real encode: Main, level 2.0, 160 × 90. */
export const AV1C = Uint8Array.from(Buffer.from("81000c000a0a00000003b4fd93efe401", "hex"));
/** vpcC as Reel keeps it: profile 0, level 1, 8 bits, 160 × 90. */
export const VPCC = Uint8Array.from(Buffer.from("01000000000a82020202000000a0005a", "hex"));
/** AAC-LC, 48 kHz, stereo. */
export const ASC = Uint8Array.of(0x11, 0x90);
/** OpusHead of a real encode: stereo, 312 samples in front. */
export const OPUS_HEAD = Uint8Array.from(Buffer.from("4f707573486561640102380180bb0000000000", "hex"));
/** Headers of 44.1 kHz stereo, and a frame of 96 kb/s: 313 bytes. */
export const MP3_CONFIG = Uint8Array.of(0xff, 0xfb, 0x00, 0);
export const MP3_FRAME = Uint8Array.of(0xff, 0xfb, 0x70, 0, ...new Uint8Array(309));
export const MP2_CONFIG = Uint8Array.of(0xff, 0xfd, 0x00, 0);
export const MP2_FRAME = Uint8Array.of(0xff, 0xfd, 0x60, 0, ...new Uint8Array(309));
/** 48 kHz, stereo, 192 kb/s: 768 bytes. */
export const DAC3 = Uint8Array.of(0x10, 0x11, 0x40);
export const AC3_FRAME = Uint8Array.of(0x0b, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xe0, ...new Uint8Array(760));
/** 48 kHz, stereo, 192 kb/s. */
export const DEC3 = Uint8Array.of(0x06, 0x00, 0x20, 0x04, 0x00);
export const EAC3_FRAME = Uint8Array.of(0x0b, 0x77, 0x01, 0x7f, 0x34, 0x80, ...new Uint8Array(762));
/** 48 kHz, stereo, 16 bits, blocks of 4608. */
export const FLAC_CONFIG = Uint8Array.of(
  ...[0x80, 0, 0, 34, 0x12, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 0x0b, 0xb8, 0x02, 0xf0, 0, 0, 0, 0],
  ...new Uint8Array(16),
);
/** 44.1 kHz, stereo, 16 bits; G.711 of one channel. */
export const LPCM_CONFIG = Uint8Array.of(0, 0, 0xac, 0x44, 2, 16);
export const G711_CONFIG = Uint8Array.of(0, 0, 0x1f, 0x40, 1, 8);
/** HE-AAC, explicit signalling: AAC-LC at 24 kHz, stereo, with SBR to 48 kHz. */
export const ASC_HE = Uint8Array.of(0x2b, 0x11, 0x88, 0x00);

export const NAL_SLICE = 1;
export const NAL_IDR = 5;
export const NAL_SEI = 6;
export const NAL_SPS = 7;
export const NAL_PPS = 8;
export const NAL_AUD = 9;

/**
 * A NAL unit of a type: header byte, then `sizeBytes - 1` bytes that no start code can hide in, different for every
 * seed.
 */
export function nalUnit(type: number, sizeBytes: number, seed = 0): Uint8Array {
  const nal = new Uint8Array(sizeBytes);
  nal[0] = (type === NAL_AUD || type === NAL_SEI ? 0 : 0x60) | type;
  let state = (seed * 2654435761 + type + 1) >>> 0;
  for (let i = 1; i < sizeBytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    nal[i] = 1 + ((state >>> 24) % 255);
  }
  return nal;
}

export const H265_TRAIL = 1;
export const H265_RADL = 7;
export const H265_RASL = 9;
export const H265_IDR = 19;
export const H265_CRA = 21;
export const H265_AUD = 35;

/** The same with the header of H.265; of a slice it is the picture's first. */
export function h265NalUnit(type: number, sizeBytes: number, seed = 0): Uint8Array {
  const nal = nalUnit(NAL_SLICE, sizeBytes, seed + 1000 * type);
  nal[0] = type << 1;
  nal[1] = 1;
  nal[2] = (nal[2] ?? 0) | 0x80;
  return nal;
}

/** NAL units in the ring's framing. */
export function accessUnit(nals: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(nals.reduce((sum, nal) => sum + 4 + nal.byteLength, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const nal of nals) {
    view.setUint32(at, nal.byteLength);
    bytes.set(nal, at + 4);
    at += 4 + nal.byteLength;
  }
  return bytes;
}

/** The NAL units of an access unit in the ring's framing; throws on a malformed one. */
export function nalUnits(payload: Uint8Array): Uint8Array[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const nals: Uint8Array[] = [];
  let at = 0;
  while (at < payload.byteLength) {
    const size = view.getUint32(at);
    if (at + 4 + size > payload.byteLength) throw new Error(`NAL unit at ${at} reaches past the access unit`);
    nals.push(payload.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return nals;
}

export interface MediaOptions {
  /** Media time. */
  durationMs: number;
  video?:
    | { frameMs?: number; gopFrames?: number; sizeBytes?: number; config: number; firstIsRandomAccess?: boolean }
    | undefined;
  audio?: { frame90k?: number; sizeBytes?: number; config: number; delay90k?: number } | undefined;
  /** Wire time of the first frame. */
  start90k?: number;
}

/**
 * A plain stream in decoding order: I P B B … with whole milliseconds on the video, AAC frames of 1024 samples on the
 * audio.
 */
export function makeMedia(options: MediaOptions): TestFrame[] {
  const { durationMs, video, audio } = options;
  const start90k = options.start90k ?? 0;
  const frames: TestFrame[] = [];
  if (video) {
    const frameMs = video.frameMs ?? 40;
    const gop = video.gopFrames ?? 25;
    for (let i = 0; i * frameMs < durationMs; i++) {
      const inGop = i % gop;
      const isRandomAccess = inGop === 0 && !(i === 0 && video.firstIsRandomAccess === false);
      // I0 P3 B1 B2 P6 B4 B5: with one frame of delay a P is shown three frames after it is decoded, a B at once.
      const ctsFrames = inGop === 0 ? 1 : inGop % 3 === 1 ? 3 : 0;
      frames.push({
        track: TRACK_VIDEO,
        config: video.config,
        dts90k: start90k + i * frameMs * 90,
        ctsOffset90k: ctsFrames * frameMs * 90,
        isRandomAccess,
        payload: accessUnit([
          nalUnit(
            isRandomAccess ? NAL_IDR : NAL_SLICE,
            (video.sizeBytes ?? 900) * (isRandomAccess ? 4 : 1) + (i % 37),
            i,
          ),
        ]),
      });
    }
  }
  if (audio) {
    const step = audio.frame90k ?? 1920;
    for (let i = 0; i * step < durationMs * 90; i++) {
      const payload = new Uint8Array((audio.sizeBytes ?? 180) + (i % 11)).fill(1 + (i % 250));
      frames.push({
        track: TRACK_AUDIO,
        config: audio.config,
        dts90k: start90k + (audio.delay90k ?? 0) + i * step,
        isRandomAccess: true,
        payload,
      });
    }
  }
  // Stable: where two frames have one time, video is first.
  return frames.sort((a, b) => a.dts90k - b.dts90k || a.track - b.track);
}

/** The usual stream of a run: both tracks, configured. */
export function makeAv(run: KernelRun, durationMs: number, start90k = 0): TestFrame[] {
  return makeMedia({
    durationMs,
    start90k,
    video: { config: run.addConfig("h264", AVCC) },
    audio: { config: run.addConfig("aac", ASC) },
  });
}
