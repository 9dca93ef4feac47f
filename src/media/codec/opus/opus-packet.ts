// How long an Opus packet lasts, from its first bytes (RFC 6716 §3.1, §3.2), in samples of 48 kHz.

/** A packet lasts 120 ms at most (§3.2.5). */
export const MAX_OPUS_SAMPLES = 5760;
const MONO_OR_STEREO_BIT = 4;

/** By config: SILK, hybrid, CELT. */
function samplesPerFrame(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config & 3] ?? 0;
  if (config < 16) return 480 << (config & 1);
  return 120 << (config & 3);
}

/** 0 where the packet breaks the rules. `second`: its second byte, 0 where it has none. */
export function opusPacketSamples(toc: number, second: number): number {
  const code = toc & 3;
  const frames = code === 0 ? 1 : code === 3 ? second & 63 : 2;
  const samples = frames * samplesPerFrame(toc >> 3);
  return samples <= MAX_OPUS_SAMPLES ? samples : 0;
}

export function opusPacketChannels(toc: number): number {
  return (toc & MONO_OR_STEREO_BIT) !== 0 ? 2 : 1;
}
