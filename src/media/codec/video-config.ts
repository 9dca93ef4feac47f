// What a decoder configuration of video says of its pictures, whatever the codec.

export interface Colour {
  primaries: number;
  transfer: number;
  matrix: number;
  fullRange: boolean;
}

/** What a source says of the colours of its pictures beside their bitstream. */
export interface ColourInfo {
  colour: Colour | undefined;
  /** As `mdcv` has it (ISO/IEC 14496-12 §12.1.8), MASTERING_DISPLAY_BYTES. */
  masteringDisplay: Uint8Array | undefined;
  /** As `clli` has it (§12.1.9), CONTENT_LIGHT_BYTES. */
  contentLight: Uint8Array | undefined;
}

export const MASTERING_DISPLAY_BYTES = 24;
export const CONTENT_LIGHT_BYTES = 4;

export interface VideoConfig {
  /** Luma samples after cropping. */
  width: number;
  height: number;
  profile: number;
  /** Constraint flags of H.264, the tier of H.265 and AV1. */
  constraints: number;
  level: number;
  /** Sample aspect ratio, 0:0 where it is not given. */
  parWidth: number;
  parHeight: number;
  colour: Colour | undefined;
  /**
   * Bytes of the length in front of every NAL unit on the wire: 1, 2 or 4. Frames in a ring always have 4. 0: no NAL
   * units.
   */
  nalLengthSize: number;
}
