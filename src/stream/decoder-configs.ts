// The decoder configurations of an in-stream: the one in force for each track, and those before it, which frames in the
// ring and recordings still refer to. The same bytes are the same block, so that a repeat is no change.

import { TRACK_COUNT } from "../abi/frame.js";
import type { Arena } from "../arena/arena.js";
import { ReelError } from "../base/reel-error.js";
import type { CodecName } from "../media/codec/codec-entry.js";
import { type DecoderConfig, sameBytes, storeDecoderConfig } from "./decoder-config.js";

/**
 * Recordings point to configurations, so they stay while one is attached, and a source that sends more different ones
 * is at fault.
 */
const MAX_CONFIGS = 64;

export class DecoderConfigs {
  #arena: Arena;
  #inForce: (DecoderConfig | undefined)[] = new Array(TRACK_COUNT).fill(undefined);
  #all: DecoderConfig[] = [];

  constructor(
    arena: Arena,
    private readonly streamName: string,
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
  set(track: number, codec: CodecName, bytes: Uint8Array, isInUse: boolean): boolean {
    const isThis = (config: DecoderConfig): boolean => config.codec === codec && sameBytes(config.bytes, bytes);
    const current = this.#inForce[track];
    if (current && isThis(current)) return false;
    let config = this.#all.find(isThis);
    if (!config) {
      if (this.#all.length >= MAX_CONFIGS && (isInUse || !this.#freeOldest()))
        throw new ReelError("badInput", `more than ${MAX_CONFIGS} different decoder configurations`, {
          stream: this.streamName,
        });
      config = storeDecoderConfig(this.#arena, codec, bytes);
      this.#all.push(config);
    }
    this.#inForce[track] = config;
    return true;
  }

  free(): void {
    for (const config of this.#all) this.#arena.free(config.pointer);
    this.#all = [];
    this.#inForce.fill(undefined);
  }

  #freeOldest(): boolean {
    const at = this.#all.findIndex((config) => !this.#inForce.includes(config));
    const config = this.#all[at];
    if (!config) return false;
    this.#all.splice(at, 1);
    this.#arena.free(config.pointer);
    return true;
  }
}
