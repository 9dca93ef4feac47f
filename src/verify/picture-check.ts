// Judges the access units of one track of NAL units by their slice headers; one class for each codec.

import type { VideoConfig } from "../media/codec/video-config.js";

export interface PictureCheck {
  /** Pictures shown before a first one that is no IDR are defects; H.265 lets decoders leave them out. */
  readonly judgesLeading: boolean;
  /** The sets of a header, which replace all others. */
  useHeader(config: VideoConfig): void;
  begin(): void;
  /**
   * `nal` may be the head of a NAL unit of `sizeBytes`. `isInHeader`: the file has its sets in a header; else those
   * that come are in force.
   */
  take(nal: Uint8Array, sizeBytes: number, isInHeader: boolean): void;
  /** What is wrong with the access unit. */
  end(): string | undefined;
}
