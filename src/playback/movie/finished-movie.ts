// The index of a finished MP4, in memory as it stands in the file, and its tracks. Sample tables are run-length coded,
// so a place in them is found from a checkpoint: the state of a walk, kept every so many samples.

import { setImmediate as nextTurn } from "node:timers/promises";
import { ReelError } from "../../base/reel-error.js";
import type { TurnFile } from "../turn-file.js";
import { type BoxPlace, boxAt, boxesIn, damaged, neededBox, readBoxHeader, Table } from "./movie-boxes.js";
import { BLOCK_SAMPLES, type PlayedSample, type PlayedTrack, type TrackHead } from "./played-track.js";

/** Some 12 hours of 60 pictures a second with sound. */
export const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const CHECKPOINT_SAMPLES = 2048;
/** Between two turns of the loop. */
const WALK_SAMPLES = 65_536;
const HEAD_BYTES = 16;
/** ftyp, free, moov, mdat: no file of ours has more in front of its index. */
const MAX_TOP_BOXES = 16;

/** The `moov` of a file. Throws ReelError `corrupt`, `limit`. */
export async function readIndex(file: Pick<TurnFile, "read">, sizeBytes: number): Promise<Buffer> {
  const head = Buffer.alloc(HEAD_BYTES);
  let at = 0;
  for (let i = 0; i < MAX_TOP_BOXES && at + HEAD_BYTES <= sizeBytes; i++) {
    await file.read(head, 0, HEAD_BYTES, at);
    const { type, size, headerSize } = readBoxHeader(head, 0);
    if (type === "moov") {
      if (size > MAX_INDEX_BYTES)
        throw new ReelError("limit", `an index of ${size} bytes is too large to play from: download the file`);
      if (size < headerSize || at + size > sizeBytes) throw damaged();
      const moov = Buffer.allocUnsafe(size);
      const { bytesRead } = await file.read(moov, 0, size, at);
      if (bytesRead !== size) throw damaged();
      return moov;
    }
    if (size < headerSize) break;
    at += size;
  }
  throw damaged();
}

interface Tables {
  stts: Table;
  ctts: Table | undefined;
  stss: Table | undefined;
  stsc: Table;
  sizes: Table;
  chunks: Table;
  isLargeOffsets: boolean;
}

/** The tracks of an index, with their heads. Sample tables are walked once, in slices. */
export async function tracksOf(moov: Buffer): Promise<PlayedTrack[]> {
  const [movie] = boxesIn(moov, 0, moov.byteLength);
  if (!movie) throw damaged();
  const movieTimescale = timescaleOf(moov, neededBox(moov, movie, "mvhd"));
  const tracks: PlayedTrack[] = [];
  for (const trak of boxesIn(moov, movie.payload, movie.end).filter(({ type }) => type === "trak")) {
    const head = headOf(moov, trak);
    if (head)
      tracks.push(
        await FinishedTrack.open(head, shiftOf(moov, trak, head.timescale, movieTimescale), tablesOf(moov, trak)),
      );
  }
  return tracks;
}

/** What the tracks of an index are, without their samples. */
export function headsOf(moov: Buffer): (TrackHead | undefined)[] {
  const [movie] = boxesIn(moov, 0, moov.byteLength);
  if (!movie) throw damaged();
  return boxesIn(moov, movie.payload, movie.end)
    .filter(({ type }) => type === "trak")
    .map((trak) => headOf(moov, trak));
}

function headOf(moov: Buffer, trak: BoxPlace): TrackHead | undefined {
  const handler = neededBox(moov, trak, "mdia", "hdlr");
  const type = moov.toString("latin1", handler.payload + 8, handler.payload + 12);
  const kind = type === "vide" ? "video" : type === "soun" ? "audio" : undefined;
  if (!kind) return undefined;
  const mdhd = neededBox(moov, trak, "mdia", "mdhd");
  const tkhd = neededBox(moov, trak, "tkhd");
  const stsd = neededBox(moov, trak, "mdia", "minf", "stbl", "stsd");
  return {
    kind,
    timescale: timescaleOf(moov, mdhd),
    stsd: moov.subarray(stsd.start, stsd.end),
    width: moov.readUInt32BE(tkhd.end - 8),
    height: moov.readUInt32BE(tkhd.end - 4),
    language: moov.readUInt16BE(mdhd.end - 4),
  };
}

/** mvhd and mdhd begin alike. */
function timescaleOf(moov: Buffer, box: BoxPlace): number {
  const timescale = moov.readUInt32BE(box.payload + (moov[box.payload] === 1 ? 20 : 12));
  if (timescale === 0) throw damaged();
  return timescale;
}

/** Of the edits that the recorder writes: an empty one in front where the track begins late, then its media. */
function shiftOf(moov: Buffer, trak: BoxPlace, timescale: number, movieTimescale: number): number {
  const elst = boxAt(moov, trak, "edts", "elst");
  if (!elst) return 0;
  const isLarge = moov[elst.payload] === 1;
  const table = new Table(moov, elst, isLarge ? 5 : 3);
  let from = 0;
  for (let entry = 0; entry < table.count; entry++) {
    const duration = isLarge ? table.at(entry, 0) * 2 ** 32 + table.at(entry, 1) : table.at(entry, 0);
    const mediaTime = isLarge ? (table.at(entry, 2) | 0) * 2 ** 32 + table.at(entry, 3) : table.at(entry, 1) | 0;
    if (mediaTime >= 0) return Math.round(from) - mediaTime;
    from += (duration * timescale) / movieTimescale;
  }
  return Math.round(from);
}

function tablesOf(moov: Buffer, trak: BoxPlace): Tables {
  const stbl = neededBox(moov, trak, "mdia", "minf", "stbl");
  const optional = (type: string, words: number): Table | undefined => {
    const box = boxAt(moov, stbl, type);
    return box && new Table(moov, box, words);
  };
  const co64 = optional("co64", 2);
  const sizes = neededBox(moov, stbl, "stsz");
  // The recorder writes a size for each sample; nothing else is in the catalogue.
  if (moov.readUInt32BE(sizes.payload + 4) !== 0) throw damaged();
  return {
    stts: new Table(moov, neededBox(moov, stbl, "stts"), 2),
    ctts: optional("ctts", 2),
    stss: optional("stss", 1),
    stsc: new Table(moov, neededBox(moov, stbl, "stsc"), 3),
    sizes: new Table(moov, sizes, 1, 8),
    chunks: co64 ?? new Table(moov, neededBox(moov, stbl, "stco"), 1),
    isLargeOffsets: co64 !== undefined,
  };
}

class FinishedTrack implements PlayedTrack {
  readonly count: number;
  readonly #checkpoints: Walk[] = [];

  private constructor(
    readonly head: TrackHead,
    readonly shift: number,
    tables: Tables,
  ) {
    this.count = tables.sizes.count;
  }

  static async open(head: TrackHead, shift: number, tables: Tables): Promise<FinishedTrack> {
    const track = new FinishedTrack(head, shift, tables);
    const walk = new Walk(tables);
    while (walk.sample < track.count) {
      if (walk.sample % CHECKPOINT_SAMPLES === 0) track.#checkpoints.push(walk.clone());
      walk.next();
      if (walk.sample % WALK_SAMPLES === 0) await nextTurn();
    }
    return track;
  }

  async *blocks(from: number, to: number): AsyncGenerator<readonly PlayedSample[]> {
    const end = Math.min(to, this.count);
    const walk = this.#walkTo(from);
    while (walk && walk.sample < end) {
      const block: PlayedSample[] = [];
      while (walk.sample < end && block.length < BLOCK_SAMPLES) block.push(walk.next());
      yield block;
      await nextTurn();
    }
  }

  async find(time: number): Promise<number> {
    let low = 0;
    let high = this.#checkpoints.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#checkpoints[middle] as Walk).dts < time) low = middle + 1;
      else high = middle;
    }
    const walk = this.#walkTo(Math.max(0, low - 1) * CHECKPOINT_SAMPLES);
    while (walk && walk.sample < this.count && walk.dts < time) walk.next();
    return walk?.sample ?? 0;
  }

  #walkTo(sample: number): Walk | undefined {
    const walk = this.#checkpoints[Math.floor(sample / CHECKPOINT_SAMPLES)]?.clone();
    while (walk && walk.sample < Math.min(sample, this.count)) walk.next();
    return walk;
  }
}

/** A walk through the tables of a track, standing in front of `sample`. */
class Walk {
  sample = 0;
  dts = 0;
  /** Next entries, and what is left of the open ones. */
  #time = 0;
  #timesLeft = 0;
  #offset = 0;
  #offsetsLeft = 0;
  #sync = 0;
  #run = 0;
  #chunk = 0;
  #chunkLeft = 0;
  #position = 0;

  constructor(private readonly tables: Tables) {}

  clone(): Walk {
    const copy = new Walk(this.tables);
    copy.sample = this.sample;
    copy.dts = this.dts;
    copy.#time = this.#time;
    copy.#timesLeft = this.#timesLeft;
    copy.#offset = this.#offset;
    copy.#offsetsLeft = this.#offsetsLeft;
    copy.#sync = this.#sync;
    copy.#run = this.#run;
    copy.#chunk = this.#chunk;
    copy.#chunkLeft = this.#chunkLeft;
    copy.#position = this.#position;
    return copy;
  }

  next(): PlayedSample {
    const { stts, ctts, stss, sizes } = this.tables;
    while (this.#timesLeft === 0) {
      if (this.#time === stts.count) throw damaged();
      this.#timesLeft = stts.at(this.#time++);
    }
    this.#timesLeft--;
    const duration = stts.at(this.#time - 1, 1);
    let cts = 0;
    if (ctts) {
      while (this.#offsetsLeft === 0) {
        if (this.#offset === ctts.count) throw damaged();
        this.#offsetsLeft = ctts.at(this.#offset++);
      }
      this.#offsetsLeft--;
      cts = ctts.at(this.#offset - 1, 1) | 0;
    }
    const isSync = !stss || (this.#sync < stss.count && stss.at(this.#sync) === this.sample + 1);
    if (isSync && stss) this.#sync++;
    while (this.#chunkLeft === 0) this.#openChunk();
    this.#chunkLeft--;
    const sizeBytes = sizes.at(this.sample);
    const taken = { dts: this.dts, cts, duration, sizeBytes, position: this.#position, isSync };
    this.#position += sizeBytes;
    this.dts += duration;
    this.sample++;
    return taken;
  }

  #openChunk(): void {
    const { stsc, chunks, isLargeOffsets } = this.tables;
    if (this.#chunk === chunks.count || stsc.count === 0) throw damaged();
    // `#run` is the entry in force; the next one begins at the chunk that it names.
    if (this.#run + 1 < stsc.count && stsc.at(this.#run + 1) === this.#chunk + 1) this.#run++;
    this.#position = isLargeOffsets
      ? chunks.at(this.#chunk, 0) * 2 ** 32 + chunks.at(this.#chunk, 1)
      : chunks.at(this.#chunk);
    this.#chunkLeft = stsc.at(this.#run, 1);
    this.#chunk++;
  }
}
