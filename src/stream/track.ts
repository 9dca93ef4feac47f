// One elementary stream of an in-stream. The number is its place and says nothing else; the kind is said here.

import type { CodecName, TrackKind } from "../media/codec/codec-entry.js";
import type { ColourInfo } from "../media/codec/video-config.js";

export interface Track {
  readonly number: number;
  readonly kind: TrackKind;
  /** undefined until its first decoder configuration has come. */
  codec: CodecName | undefined;
  /** ISO 639-2, three small letters. */
  language: string | undefined;
  label: string | undefined;
  /** Where the source says it beside the bitstream. */
  colourInfo?: ColourInfo | undefined;
}

/** A track whose configuration is still to come. */
export interface NewTrack {
  kind: TrackKind;
  language?: string | undefined;
  label?: string | undefined;
  colourInfo?: ColourInfo | undefined;
}

const LANGUAGE = /^[a-z]{3}$/;

/** Five bits a letter, as a decoder configuration block has it (src/abi/decoder-config.ts); 0 where it is not known. */
export function packLanguage(language: string | undefined): number {
  if (language === undefined || !LANGUAGE.test(language)) return 0;
  let packed = 0;
  for (const letter of language) packed = (packed << 5) | (letter.charCodeAt(0) - 0x60);
  return packed;
}
