// AV1CodecConfigurationRecord, av1C (AV1 Codec ISO Media File Format Binding §2.3): four bytes that repeat what the
// sequence header says, then OBUs, the sequence header first.
//
//   | 1, version 7 | profile 3, level 5
//   | tier 1, high bit depth 1, twelve bit 1, monochrome 1, subsampling 2, position 2 | delay | configOBUs |
//
// Encoders may leave the OBUs out; the sequence header comes with the first key frame then.

import type { VideoConfig } from "../video-config.js";
import { OBU_SEQUENCE_HEADER, ObuCursor, sizedObu } from "./obu.js";
import { type Av1SequenceHeader, badAv1Config as bad, parseAv1SequenceHeader } from "./sequence-header.js";

export const AV1C_HEADER_BYTES = 4;
const MARKER_AND_VERSION = 0x81;
const DELAY_INDEX = 3;

export interface Av1Config extends VideoConfig {
  isReducedStillPicture: boolean;
}

/** The payload of the sequence header, or undefined where the record has none. Throws ReelError `badConfig`. */
export function sequenceHeaderOf(record: Uint8Array): Uint8Array | undefined {
  const obus = new ObuCursor();
  obus.begin(record, AV1C_HEADER_BYTES, record.byteLength);
  let found: Uint8Array | undefined;
  while (obus.advance()) if (obus.type === OBU_SEQUENCE_HEADER) found ??= record.subarray(obus.payload, obus.next);
  if (obus.isDamaged) bad("an OBU reaches past the end");
  return found;
}

/** Parses an av1C. Throws ReelError `badConfig`. */
export function parseAv1Configuration(record: Uint8Array): Av1Config {
  checkAv1Record(record);
  const payload = sequenceHeaderOf(record);
  if (!payload) bad("no sequence header");
  const { profile, level, tier, width, height, colour, isReducedStillPicture } = parseAv1SequenceHeader(payload);
  return {
    ...{ width, height, profile, constraints: tier, level, colour, isReducedStillPicture },
    ...{ parWidth: 0, parHeight: 0, nalLengthSize: 0 },
  };
}

/** Throws ReelError `badConfig`. */
export function checkAv1Record(record: Uint8Array): void {
  if (record.byteLength < AV1C_HEADER_BYTES) bad(`shorter than ${AV1C_HEADER_BYTES} bytes`);
  if (record[0] !== MARKER_AND_VERSION) bad(`marker and version 0x${(record[0] ?? 0).toString(16)}, expected 0x81`);
}

/**
 * An av1C with this sequence header. What an earlier record says besides stays: its delay and its metadata OBUs. Throws
 * ReelError `badConfig`.
 */
export function buildAv1Configuration(sequenceHeader: Uint8Array, earlier?: Uint8Array): Uint8Array {
  const header = recordHeader(parseAv1SequenceHeader(sequenceHeader), earlier?.[DELAY_INDEX] ?? 0);
  const parts = [header, sizedObu(OBU_SEQUENCE_HEADER, sequenceHeader)];
  if (earlier) {
    const obus = new ObuCursor();
    obus.begin(earlier, AV1C_HEADER_BYTES, earlier.byteLength);
    // An OBU without a size is the last one: such a record has to be left as it is read.
    while (obus.advance())
      if (obus.type !== OBU_SEQUENCE_HEADER && obus.hasSize) parts.push(earlier.subarray(obus.at, obus.next));
  }
  return new Uint8Array(Buffer.concat(parts));
}

function recordHeader(header: Av1SequenceHeader, delay: number): Uint8Array {
  const flag = (isSet: boolean, bit: number): number => (isSet ? 1 << bit : 0);
  return Uint8Array.of(
    MARKER_AND_VERSION,
    (header.profile << 5) | header.level,
    (header.tier << 7) |
      flag(header.isHighBitDepth, 6) |
      flag(header.isTwelveBit, 5) |
      flag(header.isMonochrome, 4) |
      (header.subsamplingX << 3) |
      (header.subsamplingY << 2) |
      header.chromaSamplePosition,
    delay,
  );
}
