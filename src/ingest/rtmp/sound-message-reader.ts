// Codecs whose messages hold one access unit each, which says itself all that a decoder must know (MP3, AC-3, E-AC-3):
// the decoder configuration is made from the first one, and anew where that changes.

import type { SoundHeader } from "../../media/codec/sound-header.js";
import { DAMAGED_FRAME, type MessageReader, type MessageReaderContext } from "./message-reader.js";

const NOTHING = new Uint8Array(0);
const UNKNOWN = -1;

export class SoundMessageReader implements MessageReader {
  /** It is looked at as a whole, before a place in the ring is taken: its configuration has to be in force then. */
  readonly isRingForm = false;
  readonly kept = NOTHING;
  readonly keptBytes = 0;
  readonly leading = 0;
  readonly #header: SoundHeader;
  readonly #codec: string;
  readonly #context: MessageReaderContext;
  #identity = UNKNOWN;

  constructor(header: SoundHeader, codec: string, context: MessageReaderContext) {
    this.#header = header;
    this.#codec = codec;
    this.#context = context;
  }

  /** What a header says, the frames say too. */
  useHeader(): boolean {
    return true;
  }

  toRingForm(payload: Uint8Array): Uint8Array {
    return payload;
  }

  check(bytes: Uint8Array, start: number, _keptBytes: number, end: number): number {
    const header = this.#header;
    const isFrame = end - start >= header.headerBytes && header.parse(bytes, start) && header.codec === this.#codec;
    if (!isFrame || header.sizeBytes > end - start || header.isContinuation) {
      this.#context.note(`a sound message that holds no whole ${header.unit} was dropped`);
      return DAMAGED_FRAME;
    }
    if (header.identity !== this.#identity) {
      if (!this.#context.setDecoderConfig(header.config(bytes, start, end - start))) return DAMAGED_FRAME;
      this.#identity = header.identity;
    }
    return end - start;
  }

  isRandomAccess(): boolean {
    return true;
  }
}
