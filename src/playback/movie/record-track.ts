// Tracks from sample records (src/abi/mp4.ts): 32 bytes a sample, so a place is found by bisection and a window is read
// as it is. Heads of tracks are those that a finish would write now.

import { CONFIG_SAMPLE_RATE_OFFSET, CONFIG_SAMPLES_PER_FRAME_OFFSET, KIND_AUDIO } from "../../abi/decoder-config.js";
import {
  SAMPLE_BYTES_OFFSET,
  SAMPLE_CTS_OFFSET,
  SAMPLE_DTS_OFFSET,
  SAMPLE_FLAG_DISCONTINUITY,
  SAMPLE_FLAG_SKIPPED_LEADING,
  SAMPLE_FLAG_SYNC,
  SAMPLE_FLAGS_OFFSET,
  SAMPLE_FRAME_LENGTH_SHIFT,
  SAMPLE_POSITION_OFFSET,
  SAMPLE_RECORD_SIZE,
  VIDEO_TIMESCALE,
} from "../../abi/mp4.js";
import { IndexBuilder } from "../../container/mp4/index-builder.js";
import { kindOfBlock } from "../../container/mp4/track-config.js";
import type { TurnFile } from "../turn-file.js";
import { headsOf } from "./finished-movie.js";
import { BLOCK_SAMPLES, type PlayedSample, type PlayedTrack, type TrackHead } from "./played-track.js";

/** As the finish counts (assembly/container/mp4): the first picture shown is among so many. */
const REORDER_DEPTH = 17;
const MAX_BELIEVED_CTS_90K = 10 * 90_000;
const DEFAULT_DURATION_90K = 3600;
/** A distance beyond this is a gap, which the last sample does not repeat. */
const MAX_NOMINAL_SECONDS = 10;
const DRIFT_LIMIT_SECONDS = 0.03;
const DRIFT_MARGIN_SECONDS = 0.002;

/** Whole records of one track. */
export interface RecordSource {
  readonly track: number;
  /** Another for another track. */
  readonly key: string;
  /** A copy of the decoder configuration's block. */
  readonly config: Uint8Array;
  readonly records: Pick<TurnFile, "read">;
  readonly count: number;
  /** They are from memory, without checksums. */
  readonly isUnsealed?: true;
}

/** Heads of the tracks of a journal, which change where a track joins: kept between two openings. */
export interface KeptHeads {
  tracks?: string;
  heads?: (TrackHead | undefined)[];
}

export interface RecordOptions {
  readonly createdMs: number;
  readonly module: WebAssembly.Module;
  /** Where the presentation begins; the first time shown of any track where it is not given. */
  readonly zero90k?: number;
}

/** `sources` in the order of their tracks. */
export async function tracksOfRecords(
  sources: readonly RecordSource[],
  { createdMs, module, zero90k }: RecordOptions,
  kept: KeptHeads = {},
): Promise<PlayedTrack[]> {
  if (sources.length === 0) return [];
  const tracks = sources.map(({ key }) => key).join(" ");
  if (kept.tracks !== tracks) {
    const records = await Promise.all(sources.map((source) => readRecords(source, 0, 1)));
    Object.assign(kept, { tracks, heads: headsByFirstRecord(sources, records, createdMs, module) });
  }
  const zero = zero90k ?? Math.min(...(await Promise.all(sources.map(presentedFrom))));
  return sources.flatMap((source, i) => {
    const head = kept.heads?.[i];
    return head ? [new RecordTrack(source, head, zero)] : [];
  });
}

/** The index of a movie of one sample a track: its `stsd` and the rest are what the whole one will have. */
function headsByFirstRecord(
  sources: readonly RecordSource[],
  records: readonly Buffer[],
  createdMs: number,
  module: WebAssembly.Module,
): (TrackHead | undefined)[] {
  const index = new IndexBuilder(module, { createdMs, large: false, mediaStart: 0, mediaEnd: Number.MAX_SAFE_INTEGER });
  try {
    for (const [i, { track, config, isUnsealed }] of sources.entries()) {
      const record = records[i] as Buffer;
      if (isUnsealed) index.seal(record);
      index.scan(track, config, record, record.byteLength);
    }
    const { moovBytes } = index.layout(0);
    const moov = Buffer.alloc(moovBytes);
    index.write(0, (bytes, position) => moov.set(bytes, position));
    return headsOf(moov);
  } finally {
    index.close();
  }
}

/** When a track is first seen or heard, from the segment's zero. */
async function presentedFrom(source: RecordSource): Promise<number> {
  const records = await readRecords(source, 0, Math.min(source.count, REORDER_DEPTH));
  const isAudio = kindOfBlock(source.config) === KIND_AUDIO;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < records.byteLength; at += SAMPLE_RECORD_SIZE) {
    const cts = records.readInt32LE(at + SAMPLE_CTS_OFFSET);
    const isLeading = (records.readUInt32LE(at + SAMPLE_FLAGS_OFFSET) & SAMPLE_FLAG_SKIPPED_LEADING) !== 0;
    if (Math.abs(cts) > MAX_BELIEVED_CTS_90K || (isLeading && !isAudio)) continue;
    least = Math.min(least, dtsAt(records, at) + cts);
  }
  return Number.isFinite(least) ? least : dtsAt(records, 0);
}

async function readRecords({ records }: RecordSource, first: number, count: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(count * SAMPLE_RECORD_SIZE);
  const { bytesRead } = await records.read(bytes, 0, bytes.byteLength, first * SAMPLE_RECORD_SIZE);
  return bytes.subarray(0, bytesRead - (bytesRead % SAMPLE_RECORD_SIZE));
}

function dtsAt(records: Buffer, at: number): number {
  return Number(records.readBigInt64LE(at + SAMPLE_DTS_OFFSET));
}

class RecordTrack implements PlayedTrack {
  readonly count: number;
  readonly shift: number;
  readonly #isAudio: boolean;
  /** Of an audio track; in its timescale. */
  readonly #frame: number;
  readonly #timescale: number;

  constructor(
    private readonly source: RecordSource,
    readonly head: TrackHead,
    zero90k: number,
  ) {
    this.count = source.count;
    const config = new DataView(source.config.buffer, source.config.byteOffset, source.config.byteLength);
    this.#isAudio = kindOfBlock(source.config) === KIND_AUDIO;
    this.#timescale = this.#isAudio ? config.getUint32(CONFIG_SAMPLE_RATE_OFFSET, true) : VIDEO_TIMESCALE;
    this.#frame = this.#isAudio ? config.getUint32(CONFIG_SAMPLES_PER_FRAME_OFFSET, true) : DEFAULT_DURATION_90K;
    this.shift = -this.#toMediaTime(zero90k);
  }

  async *blocks(from: number, to: number): AsyncGenerator<readonly PlayedSample[]> {
    const end = Math.min(to, this.count);
    let ideal = Number.NaN;
    let nominal = this.#frame;
    for (let first = from; first < end; first += BLOCK_SAMPLES) {
      const count = Math.min(BLOCK_SAMPLES, end - first);
      // One more, which says how long the last one is.
      const records = await readRecords(this.source, first, Math.min(count + 1, this.count - first));
      const times: number[] = [];
      for (let at = 0; at < records.byteLength; at += SAMPLE_RECORD_SIZE) {
        const time = this.#timeOf(records, at, ideal);
        ideal = time + (this.#isAudio ? this.#frameAt(records, at) : Number.NaN);
        times.push(time);
      }
      const block: PlayedSample[] = [];
      for (let i = 0; i < Math.min(count, times.length); i++) {
        const at = i * SAMPLE_RECORD_SIZE;
        const next = times[i + 1];
        const dts = times[i] as number;
        if (next === undefined && this.#isAudio) nominal = this.#frameAt(records, at);
        const duration = next === undefined ? nominal : Math.max(1, next - dts);
        if (duration <= MAX_NOMINAL_SECONDS * this.#timescale) nominal = duration;
        block.push({ dts, duration, ...this.#restOf(records, at) });
      }
      if (block.length === 0) return;
      yield block;
      ideal = times[block.length] ?? Number.NaN;
    }
  }

  async find(time: number): Promise<number> {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = await readRecords(this.source, middle, 1);
      if (record.byteLength > 0 && this.#toMediaTime(dtsAt(record, 0)) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #toMediaTime(time90k: number): number {
    return Math.round((time90k * this.#timescale) / VIDEO_TIMESCALE);
  }

  #frameAt(records: Buffer, at: number): number {
    return records.readUInt32LE(at + SAMPLE_FLAGS_OFFSET) >>> SAMPLE_FRAME_LENGTH_SHIFT || this.#frame;
  }

  /** Audio runs on a clock of whole frames, as a finish makes it; video keeps the source's times. */
  #timeOf(records: Buffer, at: number, ideal: number): number {
    const own = this.#toMediaTime(dtsAt(records, at));
    if (!this.#isAudio || Number.isNaN(ideal)) return own;
    if ((records.readUInt32LE(at + SAMPLE_FLAGS_OFFSET) & SAMPLE_FLAG_DISCONTINUITY) !== 0) return own;
    const margin = this.#frame + DRIFT_MARGIN_SECONDS * this.#timescale;
    return Math.abs(own - ideal) <= Math.max(DRIFT_LIMIT_SECONDS * this.#timescale, margin) ? ideal : own;
  }

  #restOf(records: Buffer, at: number): Omit<PlayedSample, "dts" | "duration"> {
    const cts = records.readInt32LE(at + SAMPLE_CTS_OFFSET);
    return {
      cts: Math.abs(cts) > MAX_BELIEVED_CTS_90K ? 0 : this.#toMediaTime(cts),
      sizeBytes: records.readUInt32LE(at + SAMPLE_BYTES_OFFSET),
      position: Number(records.readBigUInt64LE(at + SAMPLE_POSITION_OFFSET)),
      isSync: this.#isAudio || (records.readUInt32LE(at + SAMPLE_FLAGS_OFFSET) & SAMPLE_FLAG_SYNC) !== 0,
    };
  }
}
