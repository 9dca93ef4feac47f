// Messages of AV1: an av1C, or the OBUs of one temporal unit. The sequence header of a key frame is the one in force,
// whatever stands in the av1C: encoders and remuxers exist whose records differ from it, or have none.

import { ReelError } from "../../base/reel-error.js";
import {
  buildAv1Configuration,
  checkAv1Record,
  parseAv1Configuration,
  sequenceHeaderOf,
} from "../../media/codec/av1/decoder-configuration.js";
import { withSizes } from "../../media/codec/av1/obu.js";
import { TemporalUnit } from "../../media/codec/av1/temporal-unit.js";
import { sameBytes } from "../../stream/decoder-config.js";
import { DAMAGED_FRAME, type MessageReader, type MessageReaderContext, NO_FRAME } from "./message-reader.js";

const NOTHING: Uint8Array = new Uint8Array(0);
/** Sequence headers and metadata in front of their frame have some dozens. No configuration has more either. */
const MAX_KEPT_BYTES = 4096;

export class Av1MessageReader implements MessageReader {
  readonly isRingForm = true;
  readonly leading = 0;
  kept: Uint8Array = NOTHING;
  readonly #context: MessageReaderContext;
  readonly #unit = new TemporalUnit();
  /** The av1C that came last: a repeat of it changes nothing. */
  #header = NOTHING;
  #sequenceHeader = NOTHING;
  /** A sequence header that is not yet in force: the bytes of the unit that was checked last may be gone by then. */
  #changed: Uint8Array | undefined;
  #isReducedStillPicture = false;
  /** A configuration of this reader is in force. Before, that of another codec may be. */
  #isConfigured = false;

  constructor(context: MessageReaderContext) {
    this.#context = context;
  }

  useHeader(body: Uint8Array): boolean {
    if (sameBytes(body, this.#header)) return true;
    try {
      checkAv1Record(body);
      const record = body.slice();
      const sequenceHeader = sequenceHeaderOf(record);
      if (sequenceHeader && !this.#useRecord(buildAv1Configuration(sequenceHeader, record))) return false;
      this.#header = record;
      return true;
    } catch (error) {
      this.#refuse(error);
      return false;
    }
  }

  get keptBytes(): number {
    return this.kept.byteLength;
  }

  toRingForm(payload: Uint8Array): Uint8Array {
    return payload;
  }

  check(bytes: Uint8Array, start: number, keptBytes: number, end: number): number {
    const unit = this.#unit;
    unit.inspect(bytes, start, end, this.#isReducedStillPicture);
    if (unit.isDamaged) {
      this.kept = NOTHING;
      this.#context.note("a video frame whose OBUs do not fit was dropped");
      return DAMAGED_FRAME;
    }
    if (unit.sequenceEnd - unit.sequenceStart > MAX_KEPT_BYTES) {
      this.kept = NOTHING;
      this.#context.note(`a sequence header of more than ${MAX_KEPT_BYTES} bytes was dropped, and its frame`);
      return DAMAGED_FRAME;
    }
    if (unit.sequenceEnd > 0) this.#takeSequenceHeader(bytes, unit.sequenceStart, unit.sequenceEnd);
    const to = unit.hasLeftOut ? unit.removeLeftOut(bytes, start, end) : end;
    if (unit.hasFrame) {
      if (keptBytes > 0) this.kept = NOTHING;
      if (unit.isKey && this.#changed) this.#applyChange(this.#changed);
      if (unit.isKey) this.#changed = undefined;
      return this.#isConfigured ? to - start : NO_FRAME;
    }
    const fits = to - start <= MAX_KEPT_BYTES;
    // An OBU without a size would take in what is joined to it.
    this.kept = fits ? withSizes(bytes, start, to) : NOTHING;
    return NO_FRAME;
  }

  isRandomAccess(isKey: boolean): boolean {
    if (isKey && !this.#unit.isKey) this.#context.note("a key frame that is not shown, or is none, is not one");
    return this.#unit.isKey;
  }

  #takeSequenceHeader(bytes: Uint8Array, start: number, end: number): void {
    const inForce = this.#sequenceHeader;
    let isSame = inForce.byteLength === end - start;
    for (let i = 0; isSame && i < inForce.byteLength; i++) isSame = inForce[i] === bytes[start + i];
    this.#changed = isSame ? undefined : bytes.slice(start, end);
  }

  #applyChange(sequenceHeader: Uint8Array): void {
    try {
      if (this.#useRecord(buildAv1Configuration(sequenceHeader, this.#header)))
        this.#context.note("the sequence header of a key frame is not that of the decoder configuration");
    } catch (error) {
      this.#refuse(error);
    }
  }

  #useRecord(record: Uint8Array): boolean {
    const { isReducedStillPicture } = parseAv1Configuration(record);
    if (!this.#context.setDecoderConfig(record)) return false;
    this.#isConfigured = true;
    this.#isReducedStillPicture = isReducedStillPicture;
    this.#sequenceHeader = sequenceHeaderOf(record) ?? NOTHING;
    return true;
  }

  #refuse(error: unknown): void {
    if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
    this.#context.note(error.message);
  }
}
