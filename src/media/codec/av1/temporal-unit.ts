// What the OBUs of one temporal unit say: whether decoding can start with it (AV1 Codec ISO Media File Format Binding
// §2.4: its first frame is a key frame that is shown), its sequence header, and which OBUs no sample may hold (§2.4:
// temporal delimiters, tile lists, padding).

import {
  OBU_FRAME,
  OBU_FRAME_HEADER,
  OBU_PADDING,
  OBU_SEQUENCE_HEADER,
  OBU_TEMPORAL_DELIMITER,
  OBU_TILE_LIST,
  ObuCursor,
} from "./obu.js";

/** show_existing_frame 0, frame_type KEY_FRAME, show_frame 1, in the four highest bits of a frame header. */
const SHOWN_KEY_FRAME = 1;

/** One object for many units; nothing is allocated per unit. */
export class TemporalUnit {
  isDamaged = false;
  hasFrame = false;
  isKey = false;
  hasLeftOut = false;
  /** The payload of the first sequence header; 0 and 0 where there is none. */
  sequenceStart = 0;
  sequenceEnd = 0;
  readonly #obus = new ObuCursor();

  /** Looks at [start, end). */
  inspect(bytes: Uint8Array, start: number, end: number, isReducedStillPicture: boolean): void {
    this.hasFrame = false;
    this.isKey = false;
    this.hasLeftOut = false;
    this.sequenceStart = 0;
    this.sequenceEnd = 0;
    const obus = this.#obus;
    obus.begin(bytes, start, end);
    while (obus.advance()) {
      const { type, payload, next } = obus;
      if (type === OBU_SEQUENCE_HEADER && this.sequenceEnd === 0) {
        this.sequenceStart = payload;
        this.sequenceEnd = next;
      } else if (isLeftOut(type)) this.hasLeftOut = true;
      else if ((type === OBU_FRAME || type === OBU_FRAME_HEADER) && !this.hasFrame) {
        this.hasFrame = payload < next;
        this.isKey = this.hasFrame && (isReducedStillPicture || (bytes[payload] ?? 0) >> 4 === SHOWN_KEY_FRAME);
      }
    }
    this.isDamaged = obus.isDamaged;
  }

  /** Closes the gaps that the OBUs leave which no sample may hold. Returns the new end. */
  removeLeftOut(bytes: Uint8Array, start: number, end: number): number {
    const obus = this.#obus;
    let to = start;
    obus.begin(bytes, start, end);
    while (obus.advance()) {
      const { at, next, type } = obus;
      if (isLeftOut(type)) continue;
      if (to !== at) bytes.copyWithin(to, at, next);
      to += next - at;
    }
    return to;
  }
}

function isLeftOut(type: number): boolean {
  return type === OBU_TEMPORAL_DELIMITER || type === OBU_TILE_LIST || type === OBU_PADDING;
}
