// Access units of a range of a recorded transport stream, in the order of the file and in the form that MP4 has them
// (lengths in place of start codes, sound without its ADTS headers): what the ingest's demuxer makes of these bytes.
// The same bytes give the same units, however often they are read.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../abi/decoder-config.js";
import { Arena } from "../../arena/arena.js";
import { silentLogger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import { type AccessUnit, type AccessUnitSink, LENGTH_PREFIX_SIZE } from "../../ingest/mpegts/access-unit.js";
import { TsDemuxer } from "../../ingest/mpegts/ts-demuxer.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { storeDecoderConfig } from "../../stream/decoder-config.js";
import { RandomAccessRule } from "../../stream/random-access-rule.js";
import type { NewTrack } from "../../stream/track.js";
import type { TurnFile } from "../turn-file.js";

const BLOCK_BYTES = 256 * 1024;
/** All that demuxers of clips may hold; a recording's arena is another one. */
const ARENA_BYTES = 128 * 1024 * 1024;
let sharedArena: Arena | undefined;

export interface UnitsTaker {
  /** The first configuration of a track, as the block of src/abi/decoder-config.ts. */
  config(track: number, block: Uint8Array): void;
  /** `payload` copies its bytes; it may be called before the taker returns. */
  unit(unit: AccessUnit, payload: () => Buffer): void;
}

export interface TsRange {
  readonly from: number;
  readonly to: number;
}

export class TsUnits implements AccessUnitSink {
  readonly randomAccess = new RandomAccessRule();
  readonly #arena: Arena;
  readonly #demuxer: TsDemuxer;
  readonly #languages = new Map<number, string | undefined>();
  readonly #configured = new Set<number>();
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #at: number;

  constructor(
    private readonly file: Pick<TurnFile, "read">,
    private readonly range: TsRange,
    private readonly taker: UnitsTaker,
  ) {
    sharedArena ??= new Arena({ maximumBytes: ARENA_BYTES });
    this.#arena = sharedArena;
    this.#at = range.from;
    this.#demuxer = new TsDemuxer(this, this.#arena, silentLogger);
  }

  /** Hands on what the next block has; false where the range is at its end. */
  async next(): Promise<boolean> {
    const wanted = Math.min(BLOCK_BYTES, this.range.to - this.#at);
    if (wanted === 0) return false;
    const { bytesRead } = await this.file.read(this.#block, 0, wanted, this.#at);
    if (bytesRead === 0) throw new ReelError("lostFile", "a file became shorter while it was played");
    this.#at += bytesRead;
    this.#demuxer.push(this.#block.subarray(0, bytesRead));
    if (this.#at === this.range.to) this.#demuxer.end();
    return true;
  }

  /** Gives its memory back. */
  free(): void {
    this.#demuxer.free();
  }

  decoderConfig(track: number, codec: CodecName, bytes: Uint8Array): boolean {
    // A changed one has begun another file.
    if (this.#configured.has(track)) return true;
    try {
      const { pointer } = storeDecoderConfig(this.#arena, codec, bytes, { language: this.#languages.get(track) });
      const size = this.#arena.u32[(pointer + CONFIG_BYTES_SIZE_OFFSET) >>> 2] ?? 0;
      const block = this.#arena.u8.slice(pointer, pointer + CONFIG_BYTES_OFFSET + size);
      this.#arena.free(pointer);
      this.#configured.add(track);
      this.taker.config(track, block);
      return true;
    } catch (error) {
      if (error instanceof ReelError && error.code === "badConfig") return false;
      throw error;
    }
  }

  describeTrack(track: number, { language }: NewTrack): void {
    this.#languages.set(track, language);
  }

  withdrawTrack(): void {}

  setUnrecorded(): void {}

  loss(): void {}

  accessUnit(unit: AccessUnit): void {
    this.taker.unit(unit, () => this.#gather(unit));
  }

  #gather({ ranges, rangeCount, isLengthPrefixed, sizeBytes }: AccessUnit): Buffer {
    const payload = Buffer.allocUnsafe(sizeBytes);
    let to = 0;
    for (let i = 0; i < rangeCount; i++) {
      const start = ranges[i * 2] as number;
      const end = ranges[i * 2 + 1] as number;
      if (isLengthPrefixed) {
        payload.writeUInt32BE(end - start, to);
        to += LENGTH_PREFIX_SIZE;
      }
      payload.set(this.#arena.u8.subarray(start, end), to);
      to += end - start;
    }
    return payload;
  }
}
