// Codecs whose messages hold one access unit each, as it stands, and decoding can start at every one of them.

import type { MessageReader, MessageReaderContext } from "./message-reader.js";

const NOTHING = new Uint8Array(0);

export class WholeMessageReader implements MessageReader {
  readonly isRingForm = true;
  readonly kept = NOTHING;
  readonly keptBytes = 0;
  readonly leading = 0;
  #context: MessageReaderContext;

  constructor(context: MessageReaderContext) {
    this.#context = context;
  }

  useHeader(body: Uint8Array): boolean {
    return this.#context.setDecoderConfig(body.slice());
  }

  toRingForm(payload: Uint8Array): Uint8Array {
    return payload;
  }

  check(_bytes: Uint8Array, start: number, _keptBytes: number, end: number): number {
    return end - start;
  }

  isRandomAccess(): boolean {
    return true;
  }
}
