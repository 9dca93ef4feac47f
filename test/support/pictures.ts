// Pictures with slice headers that a reader of random access facts can read, and the SEI messages beside them.

import { BitWriter } from "./bit-writer.js";
import { NAL_IDR, NAL_SEI, NAL_SLICE, nalUnit } from "./test-media.js";

/** slice_type, ITU-T H.264 Table 7-6; above 4: all slices of the picture are of this type. */
export const SLICE_P = 0;
export const SLICE_I = 2;

/** A slice with first_mb_in_slice 0 and this type; what follows tells it from others. */
export function slice(sliceType: number, seed: number, isIdr = false, sizeBytes = 40): Uint8Array {
  const nal = nalUnit(isIdr ? NAL_IDR : NAL_SLICE, sizeBytes, seed);
  nal.set(new BitWriter().ue(0).ue(sliceType).ue(0).u(8, 0xa5).align().bytes(), 1);
  return nal;
}

/** An SEI NAL unit with a recovery point (§D.1.8), behind messages of other types. */
export function recoveryPoint(recoveryFrames: number, ...before: Uint8Array[]): Uint8Array {
  const payload = new BitWriter().ue(recoveryFrames).u(4, 0).u(1, 1).align().bytes();
  return sei(...before, message(6, payload));
}

/** sei_message(), §7.3.2.3.1. */
export function message(type: number, payload: Uint8Array): Uint8Array {
  const value = (n: number): number[] => [...new Array(Math.floor(n / 255)).fill(255), n % 255];
  return Uint8Array.from([...value(type), ...value(payload.byteLength), ...payload]);
}

/** An SEI NAL unit of these messages, with emulation prevention (§7.4.1). */
export function sei(...messages: Uint8Array[]): Uint8Array {
  const out: number[] = [NAL_SEI];
  let zeros = 0;
  for (const byte of [...messages.flatMap((one) => [...one]), 0x80]) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(out);
}
