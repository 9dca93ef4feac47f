// Frames that were copied out of a ring (src/abi/frame.ts): headers and payloads one behind the other, fillers among
// them. Read one at a time, without an object for each.

import {
  FRAME_CONFIG_OFFSET,
  FRAME_CTS_OFFSET,
  FRAME_DTS_OFFSET,
  FRAME_FILLER,
  FRAME_FLAGS_OFFSET,
  FRAME_HEADER_SIZE,
  FRAME_SIZE_OFFSET,
  FRAME_TRACK_OFFSET,
} from "../abi/frame.js";
import { type FrameHeader, frameStride } from "./ring-producer.js";

export class CopiedFrames {
  /** The one that `next` has found. */
  readonly header: FrameHeader = { track: 0, flags: 0, dts90k: 0, ctsOffset90k: 0, config: 0 };
  sizeBytes = 0;
  /** Where it begins; where the next one does. */
  offset: number;
  end: number;
  readonly #view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    offset = 0,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = offset;
  }

  /** False behind the last one. */
  next(): boolean {
    const view = this.#view;
    while (this.end < this.bytes.byteLength) {
      const at = this.end;
      const sizeBytes = view.getUint32(at + FRAME_SIZE_OFFSET, true);
      const track = view.getUint8(at + FRAME_TRACK_OFFSET);
      this.offset = at;
      this.end = at + frameStride(sizeBytes);
      if (track === FRAME_FILLER) continue;
      const { header } = this;
      header.track = track;
      header.flags = view.getUint8(at + FRAME_FLAGS_OFFSET);
      header.dts90k =
        view.getInt32(at + FRAME_DTS_OFFSET + 4, true) * 4_294_967_296 + view.getUint32(at + FRAME_DTS_OFFSET, true);
      header.ctsOffset90k = view.getInt32(at + FRAME_CTS_OFFSET, true);
      header.config = view.getUint32(at + FRAME_CONFIG_OFFSET, true);
      this.sizeBytes = sizeBytes;
      return true;
    }
    return false;
  }

  get payload(): Uint8Array {
    const from = this.offset + FRAME_HEADER_SIZE;
    return this.bytes.subarray(from, from + this.sizeBytes);
  }
}
