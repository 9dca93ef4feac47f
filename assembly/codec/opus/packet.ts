// How long an Opus packet lasts, from its first bytes (RFC 6716 §3.1, §3.2).

/** A packet lasts 120 ms at most (§3.2.5). */
const MAX_SAMPLES: u32 = 5760;

/** By config: SILK, hybrid, CELT; samples of 48 kHz. */
// @ts-ignore: decorator
@inline
function samplesPerFrame(config: u32): u32 {
  if (config < 12) return (config & 3) == 3 ? 2880 : 480 << (config & 3);
  if (config < 16) return 480 << (config & 1);
  return 120 << (config & 3);
}

/** Samples of 48 kHz; 0 where the packet does not say. */
export function opusPacketSamples(payload: usize, size: u32): u32 {
  if (size == 0) return 0;
  const toc = <u32>load<u8>(payload);
  const code = toc & 3;
  let frames: u32 = code == 0 ? 1 : 2;
  if (code == 3) frames = size > 1 ? <u32>load<u8>(payload, 1) & 63 : 0;
  const samples = frames * samplesPerFrame(toc >> 3);
  return samples <= MAX_SAMPLES ? samples : 0;
}
