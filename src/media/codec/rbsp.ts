// The bytes of a NAL unit without what keeps start codes out of them (ITU-T H.264 §7.4.1, H.265 §7.4.2): 00 00 03
// stands for 00 00.

export function removeEmulationPrevention(nal: Uint8Array): Uint8Array {
  const out = new Uint8Array(nal.byteLength);
  let size = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[size++] = byte;
  }
  return out.subarray(0, size);
}
