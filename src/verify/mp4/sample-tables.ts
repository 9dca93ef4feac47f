// The sample tables of a track, ISO/IEC 14496-12 §8.6–§8.7, each checked in itself and against the others: one number
// of samples, times that add up to the media's duration, sync samples that rise, chunks that hold exactly the samples
// there are.

import type { Findings } from "../findings.js";
import type { WindowReader } from "../window-reader.js";
import { type Box, child, requireChild } from "./box.js";
import type { MovieTrack } from "./movie.js";
import { TableCursor } from "./table-cursor.js";

export interface SampleTables {
  sampleCount: number;
  /** Size of every sample, where they are all alike; 0 = in the table. */
  sampleSize: number;
  stsz: Box;
  stts: Box;
  ctts: Box | undefined;
  isCompositionSigned: boolean;
  stss: Box | undefined;
  stsc: Box;
  chunks: Box;
  isLargeOffsets: boolean;
}

/** FullBox header: version and flags. */
export const FULL_HEADER_BYTES = 4;
export const STTS_ENTRY_BYTES = 8;
export const STSS_ENTRY_BYTES = 4;
export const STSC_ENTRY_BYTES = 12;
export const STSZ_ENTRY_BYTES = 4;
/** sample_size stands in front of sample_count. */
export const STSZ_COUNT_AT = 8;
/** A delta is unsigned; demuxers read one beyond this as a step back. */
const MAX_DELTA = 2 ** 31 - 1;

export async function readSampleTables(
  reader: WindowReader,
  track: MovieTrack,
  findings: Findings,
): Promise<SampleTables | undefined> {
  const { stbl } = track;
  const stsz = requireChild(stbl, "stsz", findings);
  const stts = requireChild(stbl, "stts", findings);
  const stsc = requireChild(stbl, "stsc", findings);
  const co64 = child(stbl, "co64");
  const chunks = co64 ?? requireChild(stbl, "stco", findings);
  if (!stsz || !stts || !stsc || !chunks) return undefined;
  const ctts = child(stbl, "ctts");
  const head = await reader.load(stsz.payload, 12);
  if (stsz.end - stsz.payload < 12 || head.byteLength < 12) {
    findings.defect(stsz.path, "ends inside its header");
    return undefined;
  }
  const sampleSize = head.readUInt32BE(4);
  const sampleCount =
    sampleSize === 0
      ? (await TableCursor.open(reader, stsz, STSZ_COUNT_AT, STSZ_ENTRY_BYTES, findings)).count
      : head.readUInt32BE(8);
  const isCompositionSigned = ctts !== undefined && (await reader.load(ctts.payload, 1))[0] === 1;
  return {
    sampleCount,
    sampleSize,
    stsz,
    stts,
    ctts,
    isCompositionSigned,
    stss: child(stbl, "stss"),
    stsc,
    chunks,
    isLargeOffsets: co64 !== undefined,
  };
}

export async function checkSampleTables(
  reader: WindowReader,
  track: MovieTrack,
  tables: SampleTables,
  findings: Findings,
): Promise<void> {
  if (tables.sampleCount === 0) findings.defect(tables.stsz.path, "has no samples");
  await checkTimes(reader, track, tables, findings);
  if (tables.ctts) await checkCompositionOffsets(reader, tables.ctts, tables.sampleCount, findings);
  if (tables.stss) await checkSyncSamples(reader, tables.stss, tables.sampleCount, findings);
  await checkChunkRuns(reader, tables, findings);
}

async function checkTimes(
  reader: WindowReader,
  track: MovieTrack,
  tables: SampleTables,
  findings: Findings,
): Promise<void> {
  const stts = await TableCursor.open(reader, tables.stts, FULL_HEADER_BYTES, STTS_ENTRY_BYTES, findings);
  let samples = 0;
  let duration = 0;
  while (await stts.next()) {
    if (stts.a === 0) findings.defect(`${stts.path}[${stts.index - 1}]`, "a run of no samples");
    if (stts.b > MAX_DELTA)
      findings.defect(`${stts.path}[${stts.index - 1}]`, `a sample_delta of ${stts.b} reads as a step back`);
    samples += stts.a;
    duration += stts.a * stts.b;
  }
  if (samples !== tables.sampleCount)
    findings.defect(stts.path, `has times for ${samples} samples of ${tables.sampleCount}`);
  // How long the last sample lasts is anyone's guess, and FFmpeg guesses twice.
  else if (Math.abs(duration - track.mediaDuration) > stts.b)
    findings.defect(
      track.mdhd.path,
      `says a duration of ${track.mediaDuration}, the samples last ${duration} (1/${track.timescale} s)`,
    );
}

async function checkCompositionOffsets(
  reader: WindowReader,
  box: Box,
  sampleCount: number,
  findings: Findings,
): Promise<void> {
  const ctts = await TableCursor.open(reader, box, FULL_HEADER_BYTES, STTS_ENTRY_BYTES, findings);
  let samples = 0;
  while (await ctts.next()) {
    if (ctts.a === 0) findings.defect(`${ctts.path}[${ctts.index - 1}]`, "a run of no samples");
    samples += ctts.a;
  }
  if (samples !== sampleCount) findings.defect(ctts.path, `has offsets for ${samples} samples of ${sampleCount}`);
}

async function checkSyncSamples(
  reader: WindowReader,
  box: Box,
  sampleCount: number,
  findings: Findings,
): Promise<void> {
  const stss = await TableCursor.open(reader, box, FULL_HEADER_BYTES, STSS_ENTRY_BYTES, findings);
  let last = 0;
  while (await stss.next()) {
    if (stss.a <= last)
      findings.defect(`${stss.path}[${stss.index - 1}]`, `sample_number ${stss.a} is not behind ${last}`);
    else if (stss.a > sampleCount)
      findings.defect(`${stss.path}[${stss.index - 1}]`, `sample_number ${stss.a} of ${sampleCount} samples`);
    last = stss.a;
  }
}

async function checkChunkRuns(reader: WindowReader, tables: SampleTables, findings: Findings): Promise<void> {
  const stsc = await TableCursor.open(reader, tables.stsc, FULL_HEADER_BYTES, STSC_ENTRY_BYTES, findings);
  const chunks = await TableCursor.open(
    reader,
    tables.chunks,
    FULL_HEADER_BYTES,
    tables.isLargeOffsets ? 8 : 4,
    findings,
  );
  let samples = 0;
  let firstChunk = 0;
  let perChunk = 0;
  while (await stsc.next()) {
    const place = `${stsc.path}[${stsc.index - 1}]`;
    if (stsc.index === 1 && stsc.a !== 1) findings.defect(place, `the first run begins with chunk ${stsc.a}`);
    else if (stsc.a <= firstChunk) findings.defect(place, `first_chunk ${stsc.a} is not behind ${firstChunk}`);
    else if (stsc.a > chunks.count) findings.defect(place, `first_chunk ${stsc.a} of ${chunks.count} chunks`);
    if (stsc.b === 0) findings.defect(place, "chunks of no samples");
    samples += Math.max(0, stsc.a - firstChunk) * perChunk;
    firstChunk = stsc.a;
    perChunk = stsc.b;
  }
  if (firstChunk > 0) samples += Math.max(0, chunks.count + 1 - firstChunk) * perChunk;
  if (samples !== tables.sampleCount)
    findings.defect(stsc.path, `puts ${samples} samples of ${tables.sampleCount} into ${chunks.count} chunks`);
}
