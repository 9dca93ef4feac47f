// What colorInfo says of one track of a publication (Enhanced RTMP v2, Metadata). It belongs to a codec: it comes in
// front of that one's header or behind it, and goes with it. Every other one makes another decoder configuration, and
// so another file; an encoder may say it anew of every scene. Therefore a track changes it a limited number of times.

import { ReelError } from "../../base/reel-error.js";
import type { CodecEntry } from "../../media/codec/codec-entry.js";
import type { ColourInfo } from "../../media/codec/video-config.js";
import { parseColourInfo } from "../../media/flv/colour-info.js";
import { sameColourInfo } from "../../stream/decoder-config.js";

/** All tracks of a stream together stay well below the configurations that one may have. */
const MAX_CHANGES = 16;

export class TrackColours {
  #inForce: ColourInfo | undefined;
  /** Said of a codec in front of its header. */
  #coming: { codec: CodecEntry; colourInfo: ColourInfo } | undefined;
  #changes = 0;
  readonly #note: (text: string) => void;

  constructor(note: (text: string) => void) {
    this.#note = note;
  }

  /** In force now, with the codec in force. */
  get inForce(): ColourInfo | undefined {
    return this.#inForce;
  }

  /** True where it changes what is in force. FFmpeg says that of a further track as if it were the first one's. */
  tell(codec: CodecEntry, colourInfo: ColourInfo, codecInForce: CodecEntry | undefined): boolean {
    if (codec === codecInForce) return this.#change(colourInfo);
    this.#coming = { codec, colourInfo };
    return false;
  }

  /** A header of `codec` comes: what holds from it on. */
  begin(codec: CodecEntry, codecInForce: CodecEntry | undefined): void {
    if (codec !== codecInForce) this.#inForce = undefined;
    if (this.#coming?.codec === codec) this.#change(this.#coming.colourInfo);
  }

  /** The header could not be used: `inForce` of before holds on, and what came for it waits. */
  restore(inForce: ColourInfo | undefined): void {
    this.#inForce = inForce;
  }

  /** The header is in force. */
  settle(): void {
    this.#coming = undefined;
  }

  #change(colourInfo: ColourInfo): boolean {
    if (sameColourInfo(this.#inForce, colourInfo)) return false;
    if (this.#changes >= MAX_CHANGES) {
      this.#note(`colorInfo has changed ${MAX_CHANGES} times: what else it says is not recorded`);
      return false;
    }
    this.#changes++;
    this.#inForce = colourInfo;
    return true;
  }
}

/** The body of a metadata message; undefined where it cannot be read, which is noted. */
export function readColourInfo(body: Uint8Array, note: (text: string) => void): ColourInfo | undefined {
  try {
    return parseColourInfo(body);
  } catch (error) {
    if (!(error instanceof ReelError) || error.code !== "badInput") throw error;
    note(`colorInfo: ${error.message}`);
    return undefined;
  }
}
