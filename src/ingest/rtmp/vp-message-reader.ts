// Messages of VP8 and VP9: a vpcC, or one frame. Key frames say how large pictures are, so the configuration is
// complete with the first of them.

import { ReelError } from "../../base/reel-error.js";
import { type KeyFrameSize, sizedVpConfiguration, toVpRecord } from "../../media/codec/vp-configuration.js";
import { type MessageReader, type MessageReaderContext, NO_FRAME } from "./message-reader.js";

const NOTHING: Uint8Array = new Uint8Array(0);

export class VpMessageReader implements MessageReader {
  readonly isRingForm = true;
  readonly kept = NOTHING;
  readonly keptBytes = 0;
  readonly leading = 0;
  readonly #context: MessageReaderContext;
  readonly #sizeOf: (bytes: Uint8Array, at: number, end: number) => KeyFrameSize | undefined;
  #record = NOTHING;
  /** Of the frame that was checked last; undefined where it is no key frame. */
  #size: KeyFrameSize | undefined;
  /** A configuration of this reader is in force. Before, that of another codec may be. */
  #isConfigured = false;

  constructor(
    sizeOf: (bytes: Uint8Array, at: number, end: number) => KeyFrameSize | undefined,
    context: MessageReaderContext,
  ) {
    this.#sizeOf = sizeOf;
    this.#context = context;
  }

  useHeader(body: Uint8Array): boolean {
    try {
      this.#record = toVpRecord(body);
      return true;
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      this.#context.note(error.message);
      return false;
    }
  }

  toRingForm(payload: Uint8Array): Uint8Array {
    return payload;
  }

  check(bytes: Uint8Array, start: number, _keptBytes: number, end: number): number {
    const size = this.#sizeOf(bytes, start, end);
    this.#size = size;
    if (size && this.#context.setDecoderConfig(sizedVpConfiguration(this.#record, size))) this.#isConfigured = true;
    return end > start && this.#isConfigured ? end - start : NO_FRAME;
  }

  isRandomAccess(isKey: boolean): boolean {
    if (isKey && !this.#size) this.#context.note("a key frame whose header says that it is none is not one");
    return this.#size !== undefined;
  }
}
