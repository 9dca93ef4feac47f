// Goes through a track's samples in decoding order: when each is decoded and shown, where it lies, whether decoding can
// start there. Every chunk must lie inside an `mdat` and apart from the one before it; every sample of H.264 and H.265
// must consist of whole NAL units, and be an IDR or a recovery point where `stss` says so. One pass, bounded memory:
// each table has a window of its own, and the media another.

import type { Findings } from "../findings.js";
import { FRAME_HEAD_BYTES, type FrameReading } from "../frame-readings.js";
import { isRandomAccess, readPicture } from "../picture.js";
import type { PictureCheck } from "../picture-check.js";
import { roundMs, type TrackAudit } from "../track-audit.js";
import type { WindowReader } from "../window-reader.js";
import type { Box } from "./box.js";
import { type MovieTrack, type Presentation, presentationOf } from "./movie.js";
import {
  FULL_HEADER_BYTES,
  type SampleTables,
  STSC_ENTRY_BYTES,
  STSS_ENTRY_BYTES,
  STSZ_COUNT_AT,
  STSZ_ENTRY_BYTES,
  STTS_ENTRY_BYTES,
} from "./sample-tables.js";
import { TableCursor } from "./table-cursor.js";

const MEDIA_WINDOW_BYTES = 1024 * 1024;

interface Cursors {
  stts: TableCursor;
  ctts: TableCursor | undefined;
  stss: TableCursor | undefined;
  stsc: TableCursor;
  stsz: TableCursor | undefined;
  chunks: TableCursor;
}

export interface SampleWalkInput {
  reader: WindowReader;
  track: MovieTrack;
  tables: SampleTables;
  movieTimescale: number;
  mdats: readonly Box[];
  audit: TrackAudit;
  findings: Findings;
}

export class SampleWalk {
  readonly #input: SampleWalkInput;
  readonly #cursors: Cursors;
  readonly #media: WindowReader;
  readonly #presentation: Presentation;
  readonly #slices: PictureCheck | undefined;
  /** Samples left in the open run of stts and of ctts, and in the open chunk. */
  #timesLeft = 0;
  #offsetsLeft = 0;
  #chunkLeft = 0;
  #perChunk = 0;
  #chunkStart = 0;
  /** End of the open chunk as far as its samples have been walked. */
  #position = 0;
  #mediaBytes = 0;

  private constructor(input: SampleWalkInput, cursors: Cursors) {
    this.#input = input;
    this.#cursors = cursors;
    this.#media = input.reader.fork(MEDIA_WINDOW_BYTES);
    this.#presentation = presentationOf(input.track, input.movieTimescale);
    const { video, reading } = input.track.description;
    this.#slices = reading?.newSliceCheck();
    if (video) this.#slices?.useHeader(video);
  }

  static async open(input: SampleWalkInput): Promise<SampleWalk> {
    const { reader, tables } = input;
    const open = (box: Box, countAt: number, entryBytes: number): Promise<TableCursor> =>
      TableCursor.open(reader, box, countAt, entryBytes);
    return new SampleWalk(input, {
      stts: await open(tables.stts, FULL_HEADER_BYTES, STTS_ENTRY_BYTES),
      ctts: tables.ctts && (await open(tables.ctts, FULL_HEADER_BYTES, STTS_ENTRY_BYTES)),
      stss: tables.stss && (await open(tables.stss, FULL_HEADER_BYTES, STSS_ENTRY_BYTES)),
      stsc: await open(tables.stsc, FULL_HEADER_BYTES, STSC_ENTRY_BYTES),
      stsz: tables.sampleSize === 0 ? await open(tables.stsz, STSZ_COUNT_AT, STSZ_ENTRY_BYTES) : undefined,
      chunks: await open(tables.chunks, FULL_HEADER_BYTES, tables.isLargeOffsets ? 8 : 4),
    });
  }

  /** Returns the bytes of all samples. */
  async run(): Promise<number> {
    const { tables, audit } = this.#input;
    const { stts, stss, stsz } = this.#cursors;
    await this.#cursors.stsc.next();
    await stss?.next();
    audit.clip(this.#presentation.from, this.#presentation.to);
    let dts = 0;
    for (let i = 0; i < tables.sampleCount; i++) {
      if (this.#chunkLeft === 0 && !(await this.#openChunk())) break;
      if (stsz && !stsz.advance()) await stsz.load();
      const sizeBytes = stsz ? stsz.a : tables.sampleSize;
      if (this.#timesLeft === 0 && (await stts.next())) this.#timesLeft = stts.a;
      const isMarked = stss === undefined || stss.a === i + 1;
      if (isMarked) await stss?.next();
      const pts = dts + (await this.#compositionOffset());
      const atMs = ((dts + this.#presentation.shift) * 1000) / this.#input.track.timescale;
      await this.#checkSample(i, sizeBytes, isMarked, roundMs(atMs));
      audit.add({
        dts: dts + this.#presentation.shift,
        pts: pts + this.#presentation.shift,
        duration: stts.b,
        isKey: isMarked,
        sizeBytes,
      });
      dts += stts.b;
      this.#timesLeft--;
      this.#chunkLeft--;
      this.#position += sizeBytes;
      this.#mediaBytes += sizeBytes;
    }
    this.#closeChunk();
    return this.#mediaBytes;
  }

  async #compositionOffset(): Promise<number> {
    const { ctts } = this.#cursors;
    if (!ctts) return 0;
    if (this.#offsetsLeft === 0 && (await ctts.next())) this.#offsetsLeft = ctts.a;
    this.#offsetsLeft--;
    // Version 0 is unsigned by the standard, but negative offsets are written in it too, and read so by players.
    return ctts.b | 0;
  }

  async #openChunk(): Promise<boolean> {
    const { stsc, chunks } = this.#cursors;
    this.#closeChunk();
    const previousStart = this.#chunkStart;
    const previousEnd = this.#position;
    if (!(await chunks.next())) return false;
    // `stsc` stands on the entry that comes next; the one in force is in #perChunk.
    if (stsc.a === chunks.index) {
      this.#perChunk = stsc.b;
      await stsc.next();
    }
    this.#chunkLeft = this.#perChunk;
    this.#chunkStart = this.#input.tables.isLargeOffsets ? chunks.a * 2 ** 32 + chunks.b : chunks.a;
    this.#position = this.#chunkStart;
    if (this.#perChunk === 0) return false;
    if (this.#chunkStart < previousEnd && this.#chunkStart >= previousStart) {
      this.#input.findings.defect(
        `${chunks.path}[${chunks.index - 1}]`,
        `begins ${previousEnd - this.#chunkStart} bytes before the chunk in front of it ends`,
      );
    }
    return true;
  }

  #closeChunk(): void {
    const { chunks } = this.#cursors;
    if (chunks.index === 0) return;
    const isInside = this.#input.mdats.some((mdat) => this.#chunkStart >= mdat.payload && this.#position <= mdat.end);
    if (isInside) return;
    this.#input.findings.defect(
      `${chunks.path}[${chunks.index - 1}]`,
      `bytes ${this.#chunkStart} to ${this.#position} are not inside an mdat`,
    );
  }

  async #checkSample(index: number, sizeBytes: number, isMarked: boolean, atMs: number): Promise<void> {
    const { track, audit, findings } = this.#input;
    const { video, audio, reading, frameReading } = track.description;
    if (frameReading) {
      await this.#checkFrame(frameReading, index, sizeBytes, isMarked, atMs);
      return;
    }
    if (!video || !reading) {
      if (index === 0) audit.isFirstFrameDecodable = !!video || audio !== undefined || track.kind === "other";
      return;
    }
    const { nalLengthSize } = video;
    const read = await readPicture(this.#media, this.#position, sizeBytes, nalLengthSize, reading, this.#slices);
    const { picture, complaint } = read;
    const place = `${track.path}/sample[${index}]`;
    if (complaint !== undefined) findings.defect(place, complaint, atMs);
    else if (!picture.hasSlice) findings.defect(place, "has no slice", atMs);
    else if (isMarked && !isRandomAccess(picture))
      findings.defect(place, "is a sync sample, but decoding cannot start there", atMs);
    else if (!isMarked && picture.isIdr) findings.defect(place, "is an IDR, but no sync sample", atMs);
    if (index > 0) return;
    audit.isOpenAtStart = this.#slices?.judgesLeading === true && !picture.isIdr;
    audit.isFirstFrameDecodable = complaint === undefined && isRandomAccess(picture);
    if (!audit.isFirstFrameDecodable) findings.defect(place, "decoding cannot start with the first sample", atMs);
  }

  async #checkFrame(
    reading: FrameReading,
    index: number,
    sizeBytes: number,
    isMarked: boolean,
    atMs: number,
  ): Promise<void> {
    const { track, audit, findings } = this.#input;
    const place = `${track.path}/sample[${index}]`;
    const headBytes = Math.min(sizeBytes, FRAME_HEAD_BYTES);
    const head = this.#media.peek(this.#position, headBytes) ?? (await this.#media.load(this.#position, headBytes));
    const { isKey, complaint } = reading(head, sizeBytes);
    if (complaint !== undefined) findings.defect(place, complaint, atMs);
    else if (isMarked && !isKey) findings.defect(place, "is a sync sample, but decoding cannot start there", atMs);
    else if (!isMarked && isKey) findings.defect(place, "is a key frame, but no sync sample", atMs);
    if (index > 0) return;
    audit.isFirstFrameDecodable = isKey;
    if (!isKey) findings.defect(place, "decoding cannot start with the first sample", atMs);
  }
}
