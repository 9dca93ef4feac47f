// The decoder configurations of an in-stream: the one in force for each track, and those before it, which frames in the
// ring and recordings still refer to. The same bytes are the same block, so that a repeat is no change.

import { MAX_TRACKS } from "../abi/frame.js";
import type { Arena } from "../arena/arena.js";
import { ReelError } from "../base/reel-error.js";
import type { CodecName } from "../media/codec/codec-entry.js";
import {
  type AboutTrack,
  type DecoderConfig,
  sameBytes,
  sameColourInfo,
  storeDecoderConfig,
} from "./decoder-config.js";

/**
 * Recordings and frames point to configurations, so those stay while a recording is attached, and a source that uses
 * more different ones is at fault. At 64 KiB each they take 16 MiB at most.
 */
const MAX_CONFIGS = 256;

export class DecoderConfigs {
  #arena: Arena;
  #inForce: (DecoderConfig | undefined)[] = new Array(MAX_TRACKS).fill(undefined);
  #all: DecoderConfig[] = [];

  constructor(
    arena: Arena,
    private readonly streamName: string,
    /** Frames that nobody has taken may refer to one that goes. */
    private readonly beforeFree: () => void = () => {},
  ) {
    this.#arena = arena;
  }

  of(track: number): DecoderConfig | undefined {
    return this.#inForce[track];
  }

  /**
   * False where the bytes are those in force. `isInUse`: nothing stored may go. Throws ReelError `badConfig`,
   * `badInput`.
   */
  set(track: number, codec: CodecName, bytes: Uint8Array, about: AboutTrack, isInUse: boolean): boolean {
    const isThis = (config: DecoderConfig): boolean =>
      config.codec === codec &&
      config.language === about.language &&
      sameColourInfo(config.colourInfo, about.colourInfo) &&
      sameBytes(config.bytes, bytes);
    const current = this.#inForce[track];
    if (current && isThis(current)) return false;
    let config = this.#all.find(isThis);
    if (!config) {
      if (this.#all.length >= MAX_CONFIGS && (isInUse || !this.#freeOldest()))
        throw new ReelError("badInput", `more than ${MAX_CONFIGS} different decoder configurations`, {
          stream: this.streamName,
        });
      config = storeDecoderConfig(this.#arena, codec, bytes, about);
      this.#all.push(config);
    }
    this.#inForce[track] = config;
    // Headers that come one after the other, without a frame between them.
    if (current && !current.isReferredTo && !this.#inForce.includes(current)) this.#forget(current);
    return true;
  }

  free(): void {
    for (const config of this.#all) this.#arena.free(config.pointer);
    this.#all = [];
    this.#inForce.fill(undefined);
  }

  #freeOldest(): boolean {
    const config = this.#all.find((candidate) => !this.#inForce.includes(candidate));
    if (!config) return false;
    this.beforeFree();
    this.#forget(config);
    return true;
  }

  #forget(config: DecoderConfig): void {
    this.#all.splice(this.#all.indexOf(config), 1);
    this.#arena.free(config.pointer);
  }
}
