// `stbl`, ISO/IEC 14496-12 §8.5: the headers of the sample tables, each with a gap for the entries that the second pass
// writes (index-tables.ts). The gaps come in the order of TABLE_*, one for every table, of no bytes where the table is
// left out.

import {
  INDEX_CONFIG_OFFSET,
  INDEX_CTS_SHIFT_OFFSET,
  INDEX_FLAG_LARGE,
  INDEX_FLAGS_OFFSET,
  INDEX_LARGEST_SAMPLE_OFFSET,
  INDEX_LAST_CHUNK_OFFSET,
  INDEX_MAX_CTS_OFFSET,
  INDEX_MEDIA_DURATION_OFFSET,
  INDEX_MIN_CTS_OFFSET,
  INDEX_SAMPLES_OFFSET,
  INDEX_SHIFT_OFFSET,
  INDEX_TABLE_TOTAL_OFFSET,
  INDEX_TRACK_FLAG_LARGE_CHUNKS,
  INDEX_TRACK_FLAGS_OFFSET,
  TABLE_CTTS,
  TABLE_STCO,
  TABLE_STSC,
  TABLE_STSS,
  TABLE_STSZ,
  TABLE_STTS,
} from "../../../src/abi/mp4";
import { putMp4SampleEntry } from "../../codec/mp4-table";
import { audioPreRoll } from "../../codec/sound-table";
import { isVideoConfig } from "../../decoder-config";
import { putU16, putU32 } from "../../io/bytes";
import { beginBox, beginFullBox, BTRT, CO64, CTTS, endBox, leaveGap, ROLL, SBGP, SGPD, STBL, STCO, STSC, STSD, STSS, STSZ, STTS } from "./box";
import { tableOf } from "./index-tables";
import { averageBitRate } from "./sample-entry";

// @ts-ignore: decorator
@inline
function total(track: usize, table: u32): u32 {
  return load<u32>(tableOf(track, table), INDEX_TABLE_TOTAL_OFFSET);
}

function putTable(movie: usize, at: usize, type: u32, version: u32, entries: u32, entrySize: u32): usize {
  const box = at;
  at = beginFullBox(at, type, version, 0);
  at = putU32(at, entries); // entry_count
  leaveGap(movie, at, entries * entrySize);
  endBox(movie, box, at);
  return at;
}

/** Left out where it says nothing: no picture is shown at another time than its decoding. */
function putCompositionOffsets(movie: usize, at: usize, track: usize): usize {
  const shift = load<i32>(track, INDEX_CTS_SHIFT_OFFSET);
  const least = load<i32>(track, INDEX_MIN_CTS_OFFSET) + shift;
  if (least == 0 && load<i32>(track, INDEX_MAX_CTS_OFFSET) + shift == 0) {
    leaveGap(movie, at, 0);
    return at;
  }
  return putTable(movie, at, CTTS, least < 0 ? 1 : 0, total(track, TABLE_CTTS), 8);
}

/** Left out where every sample is a sync sample (§8.6.2); a table of no entries says that none is. */
function putSyncSamples(movie: usize, at: usize, track: usize): usize {
  const isVideo = isVideoConfig(<usize>load<u32>(track, INDEX_CONFIG_OFFSET));
  if (!isVideo || total(track, TABLE_STSS) == load<u32>(track, INDEX_SAMPLES_OFFSET)) {
    leaveGap(movie, at, 0);
    return at;
  }
  return putTable(movie, at, STSS, 0, total(track, TABLE_STSS), 4);
}

function putSampleSizes(movie: usize, at: usize, track: usize): usize {
  const stsz = at;
  at = beginFullBox(at, STSZ, 0, 0);
  at = putU32(at, 0); // sample_size: they differ
  at = putU32(at, total(track, TABLE_STSZ)); // sample_count
  leaveGap(movie, at, total(track, TABLE_STSZ) * 4);
  endBox(movie, stsz, at);
  return at;
}

function putChunkOffsets(movie: usize, at: usize, track: usize): usize {
  const last = load<i64>(track, INDEX_LAST_CHUNK_OFFSET) + load<i64>(movie, INDEX_SHIFT_OFFSET);
  const isLarge = last > <i64>u32.MAX_VALUE || (load<u32>(movie, INDEX_FLAGS_OFFSET) & INDEX_FLAG_LARGE) != 0;
  store<u32>(track, isLarge ? INDEX_TRACK_FLAG_LARGE_CHUNKS : 0, INDEX_TRACK_FLAGS_OFFSET);
  return putTable(movie, at, isLarge ? CO64 : STCO, 0, total(track, TABLE_STCO), isLarge ? 8 : 4);
}

function putSampleDescriptions(movie: usize, at: usize, track: usize): usize {
  const stsd = at;
  at = beginFullBox(at, STSD, 0, 0);
  at = putU32(at, 1); // entry_count
  const entry = at;
  at = putMp4SampleEntry(movie, at, track, <usize>load<u32>(track, INDEX_CONFIG_OFFSET));
  at = putBitRate(movie, at, track);
  endBox(movie, entry, at);
  endBox(movie, stsd, at);
  return at;
}

/** BitRateBox (§8.5.2.2), the last in a sample entry. Left out where no rate can be told. */
function putBitRate(movie: usize, at: usize, track: usize): usize {
  const rate = averageBitRate(track);
  if (rate == 0) return at;
  const btrt = at;
  at = beginBox(at, BTRT);
  at = putU32(at, load<u32>(track, INDEX_LARGEST_SAMPLE_OFFSET)); // bufferSizeDB
  at = putU32(at, rate); // maxBitrate: the peaks are not measured
  at = putU32(at, rate); // avgBitrate
  endBox(movie, btrt, at);
  return at;
}

/**
 * AudioRollRecoveryEntry (§10.1.1): how many frames in front of each are to be decoded for it to sound right. Left out
 * for codecs that want none.
 */
function putRollGroup(movie: usize, at: usize, track: usize): usize {
  const preRoll = <i64>audioPreRoll(<usize>load<u32>(track, INDEX_CONFIG_OFFSET));
  const duration = load<i64>(track, INDEX_MEDIA_DURATION_OFFSET);
  if (preRoll == 0 || duration == 0) return at;
  const samples = load<u32>(track, INDEX_SAMPLES_OFFSET);
  const frames = (preRoll * <i64>samples + duration - 1) / duration;
  const sgpd = at;
  at = beginFullBox(at, SGPD, 1, 0);
  at = putU32(at, ROLL); // grouping_type
  at = putU32(at, 2); // default_length
  at = putU32(at, 1); // entry_count
  at = putU16(at, <u32>-min<i64>(frames, i16.MAX_VALUE)); // roll_distance
  endBox(movie, sgpd, at);
  const sbgp = at;
  at = beginFullBox(at, SBGP, 0, 0);
  at = putU32(at, ROLL); // grouping_type
  at = putU32(at, 1); // entry_count
  at = putU32(at, samples); // sample_count
  at = putU32(at, 1); // group_description_index
  endBox(movie, sbgp, at);
  return at;
}

export function putSampleTable(movie: usize, at: usize, track: usize): usize {
  const stbl = at;
  at = beginBox(at, STBL);
  at = putSampleDescriptions(movie, at, track);
  at = putTable(movie, at, STTS, 0, total(track, TABLE_STTS), 8);
  at = putCompositionOffsets(movie, at, track);
  at = putSyncSamples(movie, at, track);
  at = putTable(movie, at, STSC, 0, total(track, TABLE_STSC), 12);
  at = putSampleSizes(movie, at, track);
  at = putChunkOffsets(movie, at, track);
  at = putRollGroup(movie, at, track);
  endBox(movie, stbl, at);
  return at;
}
