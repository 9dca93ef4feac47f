// What people call the codecs: the titles of the server's codec table, which a page cannot import.
// test/unit/dashboard/codec-titles.test.ts holds them together.

export const CODEC_TITLES: Readonly<Record<string, string>> = {
  h264: "H.264",
  h265: "H.265",
  aac: "AAC",
  opus: "Opus",
  av1: "AV1",
  vp9: "VP9",
  vp8: "VP8",
  mp3: "MP3",
  mp2: "MP2",
  ac3: "AC-3",
  eac3: "E-AC-3",
  flac: "FLAC",
  lpcm: "LPCM",
  pcma: "G.711 A-law",
  pcmu: "G.711 µ-law",
};

export function codecName(codec: string): string {
  return CODEC_TITLES[codec.toLowerCase()] ?? codec;
}
