// The sample tables of an MP4 index (ISO/IEC 14496-12 §8.6, §8.7), made from sample records in two passes of one and
// the same code: the first counts the entries of every table, the second writes them. Memory is O(1): a run in progress
// per table.
//
//   pass 1: begin ─▶ take (blocks of records) … ─▶ end        counts, durations, largest values
//   pass 2: begin ─▶ (OUT of each table set) take … ─▶ end    entries
//
// The caller gives each table its place to write to before every take, with room for TABLE_MAX_ENTRY_SIZE per record
// and one entry more.

import {
  INDEX_BYTES_OFFSET,
  INDEX_CHUNK_SAMPLES_OFFSET,
  INDEX_CONFIG_OFFSET,
  INDEX_CTS_SHIFT_OFFSET,
  INDEX_END_POSITION_OFFSET,
  INDEX_FIRST_TIME_OFFSET,
  INDEX_LARGEST_SAMPLE_OFFSET,
  INDEX_LAST_CHUNK_OFFSET,
  INDEX_MAX_COMPOSITION_OFFSET,
  INDEX_MAX_CTS_OFFSET,
  INDEX_MEDIA_DURATION_OFFSET,
  INDEX_MEDIA_END_OFFSET,
  INDEX_MEDIA_START_OFFSET,
  INDEX_MIN_COMPOSITION_OFFSET,
  INDEX_MIN_CTS_OFFSET,
  INDEX_NOMINAL_OFFSET,
  INDEX_PREVIOUS_DTS_OFFSET,
  INDEX_PRIMING_OFFSET,
  INDEX_SAMPLES_OFFSET,
  INDEX_SHIFT_OFFSET,
  INDEX_TABLE_ENTRIES_OFFSET,
  INDEX_TABLE_OUT_OFFSET,
  INDEX_TABLE_RUN_OFFSET,
  INDEX_TABLE_SIZE,
  INDEX_TABLE_TOTAL_OFFSET,
  INDEX_TABLE_VALUE_OFFSET,
  INDEX_TABLES_OFFSET,
  INDEX_TIME_OFFSET,
  INDEX_TIMESCALE_OFFSET,
  INDEX_TRACK_FLAG_LARGE_CHUNKS,
  INDEX_TRACK_FLAGS_OFFSET,
  SAMPLE_BYTES_OFFSET,
  SAMPLE_CHECK_OFFSET,
  SAMPLE_CTS_OFFSET,
  SAMPLE_DTS_OFFSET,
  SAMPLE_FLAG_CHUNK_START,
  SAMPLE_FLAG_SKIPPED_LEADING,
  SAMPLE_FLAG_SYNC,
  SAMPLE_FLAG_TRACK_START,
  SAMPLE_FLAGS_OFFSET,
  SAMPLE_FRAME_LENGTH_SHIFT,
  SAMPLE_POSITION_OFFSET,
  SAMPLE_RECORD_SIZE,
  TABLE_COUNT,
  TABLE_CTTS,
  TABLE_STCO,
  TABLE_STSC,
  TABLE_STSS,
  TABLE_STSZ,
  TABLE_STTS,
  VIDEO_TIMESCALE,
} from "../../../src/abi/mp4";
import { audioPriming } from "../../codec/sound-table";
import { putU32, putU64 } from "../../io/bytes";
import { sampleCheck } from "./sample-record";
import {
  DEFAULT_NOMINAL_90K,
  distanceTo,
  driftLimit,
  idealTime,
  isNominal,
  toMediaTime,
  trackSamplesPerFrame,
} from "./track-clock";

// H.264 reorders at most 16 pictures (§A.3.1, max_dec_frame_buffering), so the first one shown is among the first 17.
const REORDER_DEPTH: u32 = 17;
/** A composition offset beyond this is a broken stamp; it does not make the presentation longer. */
const MAX_BELIEVED_CTS_SECONDS: i64 = 10;
const SAMPLE_DESCRIPTION_INDEX: u32 = 1;

// @ts-ignore: decorator
@inline
export function tableOf(track: usize, table: u32): usize {
  return track + INDEX_TABLES_OFFSET + table * INDEX_TABLE_SIZE;
}

// @ts-ignore: decorator
@inline
function countEntry(table: usize): void {
  store<u32>(table, load<u32>(table, INDEX_TABLE_ENTRIES_OFFSET) + 1, INDEX_TABLE_ENTRIES_OFFSET);
}

// @ts-ignore: decorator
@inline
function putEntry(table: usize, first: u32, second: u32): void {
  countEntry(table);
  const at = <usize>load<u32>(table, INDEX_TABLE_OUT_OFFSET);
  if (at != 0) store<u32>(table, <u32>putU32(putU32(at, first), second), INDEX_TABLE_OUT_OFFSET);
}

/** One more of `value` in a run-length table of (count, value). */
// @ts-ignore: decorator
@inline
function extendRun(table: usize, value: i64): void {
  const run = load<u32>(table, INDEX_TABLE_RUN_OFFSET);
  if (run != 0 && load<i64>(table, INDEX_TABLE_VALUE_OFFSET) == value) {
    store<u32>(table, run + 1, INDEX_TABLE_RUN_OFFSET);
    return;
  }
  if (run != 0) putEntry(table, run, <u32>load<i64>(table, INDEX_TABLE_VALUE_OFFSET));
  store<u32>(table, 1, INDEX_TABLE_RUN_OFFSET);
  store<i64>(table, value, INDEX_TABLE_VALUE_OFFSET);
}

function endRun(table: usize): void {
  const run = load<u32>(table, INDEX_TABLE_RUN_OFFSET);
  if (run != 0) putEntry(table, run, <u32>load<i64>(table, INDEX_TABLE_VALUE_OFFSET));
  store<u32>(table, 0, INDEX_TABLE_RUN_OFFSET);
}

/** Ends the open chunk: `stsc` names it where it differs from the chunk before it. */
function endChunk(track: usize, samples: u32): void {
  if (samples == 0) return;
  const table = tableOf(track, TABLE_STSC);
  if (load<i64>(table, INDEX_TABLE_VALUE_OFFSET) == <i64>samples) return;
  store<i64>(table, samples, INDEX_TABLE_VALUE_OFFSET);
  countEntry(table);
  let at = <usize>load<u32>(table, INDEX_TABLE_OUT_OFFSET);
  if (at == 0) return;
  // first_chunk: the open one is the last that was counted
  at = putU32(at, load<u32>(tableOf(track, TABLE_STCO), INDEX_TABLE_ENTRIES_OFFSET));
  at = putU32(at, samples); // samples_per_chunk
  at = putU32(at, SAMPLE_DESCRIPTION_INDEX); // sample_description_index
  store<u32>(table, <u32>at, INDEX_TABLE_OUT_OFFSET);
}

function beginChunk(movie: usize, track: usize, position: i64): void {
  store<i64>(track, position, INDEX_LAST_CHUNK_OFFSET);
  const table = tableOf(track, TABLE_STCO);
  countEntry(table);
  const at = <usize>load<u32>(table, INDEX_TABLE_OUT_OFFSET);
  if (at == 0) return;
  const offset = position + load<i64>(movie, INDEX_SHIFT_OFFSET);
  const isLarge = (load<u32>(track, INDEX_TRACK_FLAGS_OFFSET) & INDEX_TRACK_FLAG_LARGE_CHUNKS) != 0;
  store<u32>(table, <u32>(isLarge ? putU64(at, offset) : putU32(at, <u32>offset)), INDEX_TABLE_OUT_OFFSET);
}

/** How many of the records, from the first on, are whole and have their bytes behind those of their predecessor. */
function countSound(movie: usize, track: usize, from: usize, to: usize): u32 {
  const mediaEnd = load<i64>(movie, INDEX_MEDIA_END_OFFSET);
  const isFirst = load<u32>(track, INDEX_SAMPLES_OFFSET) == 0;
  let end = isFirst ? load<i64>(movie, INDEX_MEDIA_START_OFFSET) : load<i64>(track, INDEX_END_POSITION_OFFSET);
  let record = from;
  for (; record < to; record += SAMPLE_RECORD_SIZE) {
    if (load<u32>(record, SAMPLE_CHECK_OFFSET) != sampleCheck(record)) break;
    const position = load<i64>(record, SAMPLE_POSITION_OFFSET);
    if (position < end) break;
    end = position + <i64>load<u32>(record, SAMPLE_BYTES_OFFSET);
    if (end > mediaEnd) break;
  }
  return <u32>((record - from) / SAMPLE_RECORD_SIZE);
}

function placeFirst(track: usize, time: i64, nominal: i64): void {
  if (load<u32>(track, INDEX_SAMPLES_OFFSET) != 0) return;
  store<i64>(track, time, INDEX_FIRST_TIME_OFFSET);
  store<i64>(track, time, INDEX_TIME_OFFSET);
  store<i64>(track, nominal, INDEX_NOMINAL_OFFSET);
}

/** `stts` of video, whose media clock is the source's, and what of it is presented from when to when. */
function takeVideoTimes(track: usize, from: usize, to: usize): void {
  placeFirst(track, load<i64>(from, SAMPLE_DTS_OFFSET), DEFAULT_NOMINAL_90K);
  const table = tableOf(track, TABLE_STTS);
  const first = load<i64>(track, INDEX_FIRST_TIME_OFFSET);
  let samples = load<u32>(track, INDEX_SAMPLES_OFFSET);
  let time = load<i64>(track, INDEX_TIME_OFFSET);
  let nominal = load<i64>(track, INDEX_NOMINAL_OFFSET);
  let least = load<i64>(track, INDEX_MIN_COMPOSITION_OFFSET);
  let most = load<i64>(track, INDEX_MAX_COMPOSITION_OFFSET);
  for (let record = from; record < to; record += SAMPLE_RECORD_SIZE) {
    if (samples != 0) {
      const distance = distanceTo(load<i64>(record, SAMPLE_DTS_OFFSET), time);
      time += distance;
      if (isNominal(distance, load<u32>(record, SAMPLE_FLAGS_OFFSET))) nominal = distance;
      extendRun(table, distance);
    }
    const cts = <i64>load<i32>(record, SAMPLE_CTS_OFFSET);
    if (max(cts, -cts) <= MAX_BELIEVED_CTS_SECONDS * VIDEO_TIMESCALE) {
      const composition = time - first + cts;
      // A file that begins at an inner cut holds leading pictures of its first one, which no player can show.
      const isShown = (load<u32>(record, SAMPLE_FLAGS_OFFSET) & SAMPLE_FLAG_SKIPPED_LEADING) == 0;
      if (samples < REORDER_DEPTH && isShown) least = min(least, composition);
      most = max(most, composition + nominal);
    }
    samples++;
  }
  store<i64>(track, time, INDEX_TIME_OFFSET);
  store<i64>(track, nominal, INDEX_NOMINAL_OFFSET);
  store<i64>(track, least, INDEX_MIN_COMPOSITION_OFFSET);
  store<i64>(track, most, INDEX_MAX_COMPOSITION_OFFSET);
}

/** How long an audio frame lasts: as it says itself, else as the usual one. */
// @ts-ignore: decorator
@inline
function frameLength(flags: u32, usual: i64): i64 {
  const said = <i64>(flags >> SAMPLE_FRAME_LENGTH_SHIFT);
  return said != 0 ? said : usual;
}

/** A segment that begins with its track's first frame holds what the encoder put in front of the sound. */
function takePriming(track: usize, flags: u32): void {
  const config = <usize>load<u32>(track, INDEX_CONFIG_OFFSET);
  const priming = (flags & SAMPLE_FLAG_TRACK_START) != 0 ? audioPriming(config) : 0;
  store<u32>(track, priming, INDEX_PRIMING_OFFSET);
}

/** The same of audio, which runs on its ideal clock. */
function takeAudioTimes(track: usize, from: usize, to: usize): void {
  const timescale = <i64>load<u32>(track, INDEX_TIMESCALE_OFFSET);
  const usual = <i64>trackSamplesPerFrame(track);
  if (load<u32>(track, INDEX_SAMPLES_OFFSET) == 0) takePriming(track, load<u32>(from, SAMPLE_FLAGS_OFFSET));
  placeFirst(track, toMediaTime(load<i64>(from, SAMPLE_DTS_OFFSET), timescale), usual);
  const table = tableOf(track, TABLE_STTS);
  const limit = driftLimit(usual, timescale);
  const first = load<i64>(track, INDEX_FIRST_TIME_OFFSET);
  let samples = load<u32>(track, INDEX_SAMPLES_OFFSET);
  let time = load<i64>(track, INDEX_TIME_OFFSET);
  let least = load<i64>(track, INDEX_MIN_COMPOSITION_OFFSET);
  let most = load<i64>(track, INDEX_MAX_COMPOSITION_OFFSET);
  let frame = load<i64>(track, INDEX_NOMINAL_OFFSET); // of the frame before
  for (let record = from; record < to; record += SAMPLE_RECORD_SIZE) {
    const flags = load<u32>(record, SAMPLE_FLAGS_OFFSET);
    if (samples != 0) {
      const wanted = idealTime(time + frame, load<i64>(record, SAMPLE_DTS_OFFSET), flags, timescale, limit);
      const distance = distanceTo(wanted, time);
      time += distance;
      extendRun(table, distance);
    }
    frame = frameLength(flags, usual);
    const cts = toMediaTime(<i64>load<i32>(record, SAMPLE_CTS_OFFSET), timescale); // nearly always 0
    if (max(cts, -cts) <= MAX_BELIEVED_CTS_SECONDS * timescale) {
      const composition = time - first + cts;
      if (samples < REORDER_DEPTH) least = min(least, composition);
      most = max(most, composition + frame);
    }
    samples++;
  }
  store<i64>(track, time, INDEX_TIME_OFFSET);
  store<i64>(track, frame, INDEX_NOMINAL_OFFSET);
  store<i64>(track, least, INDEX_MIN_COMPOSITION_OFFSET);
  store<i64>(track, most, INDEX_MAX_COMPOSITION_OFFSET);
}

function takeCompositionOffsets(track: usize, from: usize, to: usize): void {
  const timescale = <i64>load<u32>(track, INDEX_TIMESCALE_OFFSET);
  const shift = <i64>load<i32>(track, INDEX_CTS_SHIFT_OFFSET);
  const isFirst = load<u32>(track, INDEX_SAMPLES_OFFSET) == 0;
  const table = tableOf(track, TABLE_CTTS);
  let least = isFirst ? i64.MAX_VALUE : <i64>load<i32>(track, INDEX_MIN_CTS_OFFSET);
  let most = isFirst ? i64.MIN_VALUE : <i64>load<i32>(track, INDEX_MAX_CTS_OFFSET);
  for (let record = from; record < to; record += SAMPLE_RECORD_SIZE) {
    const cts = toMediaTime(<i64>load<i32>(record, SAMPLE_CTS_OFFSET), timescale);
    least = min(least, cts);
    most = max(most, cts);
    extendRun(table, cts + shift);
  }
  store<i32>(track, <i32>least, INDEX_MIN_CTS_OFFSET);
  store<i32>(track, <i32>most, INDEX_MAX_CTS_OFFSET);
}

function takeSyncSamples(track: usize, from: usize, to: usize): void {
  const table = tableOf(track, TABLE_STSS);
  let sampleNumber = load<u32>(track, INDEX_SAMPLES_OFFSET);
  let entries = load<u32>(table, INDEX_TABLE_ENTRIES_OFFSET);
  let at = <usize>load<u32>(table, INDEX_TABLE_OUT_OFFSET);
  for (let record = from; record < to; record += SAMPLE_RECORD_SIZE) {
    sampleNumber++;
    if ((load<u32>(record, SAMPLE_FLAGS_OFFSET) & SAMPLE_FLAG_SYNC) == 0) continue;
    entries++;
    if (at != 0) at = putU32(at, sampleNumber); // sample_number
  }
  store<u32>(table, entries, INDEX_TABLE_ENTRIES_OFFSET);
  store<u32>(table, <u32>at, INDEX_TABLE_OUT_OFFSET);
}

function takeSizes(track: usize, from: usize, to: usize): void {
  const table = tableOf(track, TABLE_STSZ);
  let total = load<i64>(track, INDEX_BYTES_OFFSET);
  let largest = load<u32>(track, INDEX_LARGEST_SAMPLE_OFFSET);
  let at = <usize>load<u32>(table, INDEX_TABLE_OUT_OFFSET);
  for (let record = from; record < to; record += SAMPLE_RECORD_SIZE) {
    const bytes = load<u32>(record, SAMPLE_BYTES_OFFSET);
    total += <i64>bytes;
    largest = max(largest, bytes);
    if (at != 0) at = putU32(at, bytes); // entry_size
  }
  const entries = load<u32>(table, INDEX_TABLE_ENTRIES_OFFSET) + <u32>((to - from) / SAMPLE_RECORD_SIZE);
  store<u32>(table, entries, INDEX_TABLE_ENTRIES_OFFSET);
  store<u32>(table, <u32>at, INDEX_TABLE_OUT_OFFSET);
  store<i64>(track, total, INDEX_BYTES_OFFSET);
  store<u32>(track, largest, INDEX_LARGEST_SAMPLE_OFFSET);
}

/** `stsc` and `stco`: a chunk ends where its batch did, and where the next sample does not lie right behind. */
function takeChunks(movie: usize, track: usize, from: usize, to: usize): void {
  let samples = load<u32>(track, INDEX_CHUNK_SAMPLES_OFFSET);
  let end = load<i64>(track, INDEX_END_POSITION_OFFSET);
  for (let record = from; record < to; record += SAMPLE_RECORD_SIZE) {
    const position = load<i64>(record, SAMPLE_POSITION_OFFSET);
    if (samples == 0 || position != end || (load<u32>(record, SAMPLE_FLAGS_OFFSET) & SAMPLE_FLAG_CHUNK_START) != 0) {
      endChunk(track, samples);
      beginChunk(movie, track, position);
      samples = 0;
    }
    samples++;
    end = position + <i64>load<u32>(record, SAMPLE_BYTES_OFFSET);
  }
  store<u32>(track, samples, INDEX_CHUNK_SAMPLES_OFFSET);
  store<i64>(track, end, INDEX_END_POSITION_OFFSET);
}

/** Makes a track ready for a pass. What the first pass found out (TOTAL of the tables, the composition shift) stays. */
export function mp4IndexBegin(track: usize): void {
  store<u32>(track, 0, INDEX_PRIMING_OFFSET);
  store<u32>(track, 0, INDEX_SAMPLES_OFFSET);
  store<u32>(track, 0, INDEX_CHUNK_SAMPLES_OFFSET);
  store<u32>(track, 0, INDEX_LARGEST_SAMPLE_OFFSET);
  store<i64>(track, 0, INDEX_BYTES_OFFSET);
  store<i64>(track, 0, INDEX_END_POSITION_OFFSET);
  store<i64>(track, i64.MAX_VALUE, INDEX_MIN_COMPOSITION_OFFSET);
  store<i64>(track, 0, INDEX_MAX_COMPOSITION_OFFSET);
  for (let i: u32 = 0; i < <u32>TABLE_COUNT; i++) {
    const table = tableOf(track, i);
    store<u32>(table, 0, INDEX_TABLE_ENTRIES_OFFSET);
    store<u32>(table, 0, INDEX_TABLE_OUT_OFFSET);
    store<u32>(table, 0, INDEX_TABLE_RUN_OFFSET);
    store<i64>(table, 0, INDEX_TABLE_VALUE_OFFSET);
  }
}

/**
 * Takes up to `count` records; returns how many were sound. The first that is not ends the track. Table by table,
 * because a loop that keeps what it counts in registers is three times as fast as one that does everything for each
 * record.
 */
export function mp4IndexTake(movie: usize, track: usize, records: usize, count: u32): u32 {
  const taken = countSound(movie, track, records, records + <usize>count * SAMPLE_RECORD_SIZE);
  if (taken == 0) return 0;
  const end = records + <usize>taken * SAMPLE_RECORD_SIZE;
  if (trackSamplesPerFrame(track) == 0) takeVideoTimes(track, records, end);
  else takeAudioTimes(track, records, end);
  takeCompositionOffsets(track, records, end);
  takeSyncSamples(track, records, end);
  takeSizes(track, records, end);
  takeChunks(movie, track, records, end);
  store<i64>(track, load<i64>(end - SAMPLE_RECORD_SIZE, SAMPLE_DTS_OFFSET), INDEX_PREVIOUS_DTS_OFFSET);
  store<u32>(track, load<u32>(track, INDEX_SAMPLES_OFFSET) + taken, INDEX_SAMPLES_OFFSET);
  return taken;
}

/**
 * Ends a pass: the last sample's duration, the last runs. The first pass also fixes the composition shift and the
 * totals.
 */
export function mp4IndexEnd(track: usize): void {
  if (load<u32>(track, INDEX_SAMPLES_OFFSET) == 0) return;
  const nominal = load<i64>(track, INDEX_NOMINAL_OFFSET);
  extendRun(tableOf(track, TABLE_STTS), nominal);
  endRun(tableOf(track, TABLE_STTS));
  endRun(tableOf(track, TABLE_CTTS));
  endChunk(track, load<u32>(track, INDEX_CHUNK_SAMPLES_OFFSET));
  const span = load<i64>(track, INDEX_TIME_OFFSET) - load<i64>(track, INDEX_FIRST_TIME_OFFSET);
  store<i64>(track, span + nominal, INDEX_MEDIA_DURATION_OFFSET);
  // Offsets that present the first pictures before their decoding are moved forward as a whole; the edit list moves
  // them back.
  let least = load<i64>(track, INDEX_MIN_COMPOSITION_OFFSET);
  if (least == i64.MAX_VALUE) least = 0;
  // What is not heard is no part of the presentation, where anything is left of it.
  const priming = <i64>load<u32>(track, INDEX_PRIMING_OFFSET);
  if (least + priming < load<i64>(track, INDEX_MAX_COMPOSITION_OFFSET)) least += priming;
  store<i64>(track, least, INDEX_MIN_COMPOSITION_OFFSET);
  store<i32>(track, least < 0 ? <i32>-least : 0, INDEX_CTS_SHIFT_OFFSET);
  for (let i: u32 = 0; i < <u32>TABLE_COUNT; i++) {
    const table = tableOf(track, i);
    store<u32>(table, load<u32>(table, INDEX_TABLE_ENTRIES_OFFSET), INDEX_TABLE_TOTAL_OFFSET);
  }
}
