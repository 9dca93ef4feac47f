// LATM made by hand, bit by bit from ISO/IEC 14496-3 §1.7: what a test puts in, it can compare with what comes out.

import { BitWriter } from "./bit-writer.js";

export interface MuxSpec {
  /** audioMuxVersion. */
  version?: 0 | 1;
  versionA?: 0 | 1;
  isOnOneClock?: boolean;
  subFrames?: number;
  programs?: number;
  layers?: number;
  /** Bytes of every access unit (frameLengthType 1); else each says its own. */
  payloadBytes?: number;
  frameLengthType?: number;
  /** otherDataLenBits. */
  otherDataBits?: number;
  hasCrc?: boolean;
}

/** LatmGetValue of two bytes. */
function value(w: BitWriter, number: number): void {
  w.u(2, 1).u(16, number);
}

/** `config`: an AudioSpecificConfig. */
export function putStreamMuxConfig(w: BitWriter, config: BitWriter, mux: MuxSpec = {}): void {
  const { version = 0, subFrames = 1, programs = 1, layers = 1, payloadBytes, otherDataBits } = mux;
  w.u(1, version);
  if (version === 1) w.u(1, mux.versionA ?? 0); // audioMuxVersionA
  if (version === 1) value(w, 0xff); // taraBufferFullness
  w.u(1, (mux.isOnOneClock ?? true) ? 1 : 0);
  w.u(6, subFrames - 1);
  w.u(4, programs - 1);
  w.u(3, layers - 1);
  if (version === 1) value(w, config.bits);
  const bytes = config.bytes();
  for (let i = 0; i < config.bits; i++) w.u(1, ((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1);
  const type = mux.frameLengthType ?? (payloadBytes === undefined ? 0 : 1);
  w.u(3, type);
  if (type === 0)
    w.u(8, 0xff); // latmBufferFullness
  else if (type === 1) w.u(9, (payloadBytes ?? 0) - 20);
  w.u(1, otherDataBits === undefined ? 0 : 1);
  if (otherDataBits !== undefined) {
    if (version === 1) value(w, otherDataBits);
    else
      w.u(1, 1)
        .u(8, otherDataBits >> 8)
        .u(1, 0)
        .u(8, otherDataBits & 255);
  }
  w.u(1, mux.hasCrc ? 1 : 0);
  if (mux.hasCrc) w.u(8, 0x5a);
}

/** An AudioMuxElement; without `config` one that is configured as the one before. */
export function audioMuxElement(
  payloads: readonly Uint8Array[],
  config: BitWriter | undefined,
  mux: MuxSpec = {},
): Uint8Array {
  const w = new BitWriter();
  w.u(1, config ? 0 : 1); // useSameStreamMux
  if (config) putStreamMuxConfig(w, config, mux);
  for (const payload of payloads) {
    if (mux.payloadBytes === undefined) {
      for (let left = payload.byteLength; left >= 0; left -= 255) w.u(8, Math.min(left, 255));
    }
    for (const byte of payload) w.u(8, byte);
  }
  for (let left = mux.otherDataBits ?? 0; left > 0; left--) w.u(1, 1);
  return w.bytes();
}

export function loas(element: Uint8Array): Buffer {
  const size = element.byteLength;
  return Buffer.concat([Buffer.of(0x56, 0xe0 | (size >> 8), size & 255), element]);
}

/** An AudioSpecificConfig of 48 kHz, up to what is the object type's own. */
export function specificConfigHead(objectType: number, channelConfiguration = 2): BitWriter {
  const w = new BitWriter();
  if (objectType < 31) w.u(5, objectType);
  else w.u(5, 31).u(6, objectType - 32);
  return w.u(4, 3).u(4, channelConfiguration);
}
