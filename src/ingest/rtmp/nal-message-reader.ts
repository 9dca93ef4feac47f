// Messages of H.264 and H.265: an avcC or hvcC, or NAL units behind lengths (ISO/IEC 14496-15 §4.3). Lengths are
// checked, because the muxers rely on them, and become 4 bytes long.

import { FLAG_LEADING, FLAG_SKIPPED_LEADING } from "../../abi/frame.js";
import { ReelError } from "../../base/reel-error.js";
import type { NalCodec } from "../../media/codec/nal-codec.js";
import type { Ticks90k } from "../../time/units.js";
import type { NalParameterSets } from "../nal-parameter-sets.js";
import { DAMAGED_FRAME, type MessageReader, type MessageReaderContext, NO_FRAME } from "./message-reader.js";
import { NAL_LENGTH_SIZE, removeEmptyNals, widenNalLengths } from "./nal-lengths.js";
import { NalMessages } from "./nal-messages.js";

export class NalMessageReader implements MessageReader {
  #context: MessageReaderContext;
  readonly #codec: NalCodec;
  readonly #messages: NalMessages;
  #nalLengthSize = NAL_LENGTH_SIZE;

  constructor(codec: NalCodec, sets: NalParameterSets, context: MessageReaderContext) {
    this.#codec = codec;
    this.#messages = new NalMessages(codec, sets);
    this.#context = context;
  }

  useHeader(body: Uint8Array): boolean {
    const lengthSizeByte = body[this.#codec.lengthSizeIndex] ?? 0;
    // lengthSizeMinusOne 2 is reserved (ISO/IEC 14496-15 §5.3.3.1.2): left as it is, the parser refuses it.
    const ringForm = (lengthSizeByte & 3) === 2 ? body.slice() : this.#codec.entry.toRingForm(body);
    if (!this.#context.setDecoderConfig(ringForm)) return false;
    this.#nalLengthSize = (lengthSizeByte & 3) + 1;
    this.#messages.useHeader(ringForm);
    return true;
  }

  get isRingForm(): boolean {
    return this.#nalLengthSize === NAL_LENGTH_SIZE;
  }

  toRingForm(payload: Uint8Array): Uint8Array {
    return this.isRingForm ? payload : widenNalLengths(payload, this.#nalLengthSize);
  }

  get kept(): Uint8Array {
    return this.#messages.kept;
  }

  get keptBytes(): number {
    return this.#messages.keptBytes;
  }

  check(bytes: Uint8Array, start: number, keptBytes: number, end: number): number {
    const messages = this.#messages;
    messages.inspect(bytes, start, end);
    if (messages.isDamaged) {
      this.#context.note("a video frame whose NAL unit lengths do not fit was dropped");
      return DAMAGED_FRAME;
    }
    if (!messages.facts.hasNal) return NO_FRAME;
    const to = messages.hasEmptyNal ? removeEmptyNals(bytes, start, end) : end;
    if (messages.facts.hasSlice) {
      messages.clearKept();
      if (keptBytes > 0) messages.putDelimiterFirst(bytes, start, keptBytes, to);
      return to - start;
    }
    this.#context.note("video messages without a picture were joined to the next one");
    if (!messages.keep(bytes, start + keptBytes, to)) messages.clearKept();
    return NO_FRAME;
  }

  get leading(): number {
    const { facts } = this.#messages;
    return (facts.isLeading ? FLAG_LEADING : 0) | (facts.isSkippedLeading ? FLAG_SKIPPED_LEADING : 0);
  }

  isRandomAccess(isKey: boolean, dts90k: Ticks90k): boolean {
    const { facts } = this.#messages;
    const isRandomAccess = this.#context.randomAccess.isRandomAccess(facts, isKey, dts90k);
    if (isKey && !isRandomAccess && !facts.isIntra)
      this.#context.note("a key frame without IDR slice or recovery point is not one");
    if (isRandomAccess && this.#messages.hasChanges) this.#applyChanges();
    return isRandomAccess;
  }

  /** Parameter sets came in band that differ from those of the header. */
  #applyChanges(): void {
    try {
      const record = this.#messages.applyChanges();
      if (!record) return;
      if (this.#context.setDecoderConfig(record)) {
        this.#context.note("parameter sets changed in band, without a new decoder configuration");
        return;
      }
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      this.#context.note(error.message);
    }
    const inForce = this.#context.configBytes();
    if (inForce) this.#messages.useHeader(inForce);
  }
}
