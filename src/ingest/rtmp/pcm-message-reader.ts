// Messages of PCM and G.711: any number of samples. Their decoder configuration is made from the first byte of a tag by
// the publication, and comes as that of others does.

import { pcmBlockBytes } from "../../media/codec/pcm/pcm-config.js";
import { NO_FRAME } from "./message-reader.js";
import { WholeMessageReader } from "./whole-message-reader.js";

export class PcmMessageReader extends WholeMessageReader {
  #blockBytes = 1;

  override useHeader(body: Uint8Array): boolean {
    if (!super.useHeader(body)) return false;
    this.#blockBytes = pcmBlockBytes(body);
    return true;
  }

  /** Half a sample at the end would shift the channels of all that follows, where frames are put together. */
  override check(_bytes: Uint8Array, start: number, _keptBytes: number, end: number): number {
    const bytes = end - start;
    return bytes < this.#blockBytes ? NO_FRAME : bytes - (bytes % this.#blockBytes);
  }
}
