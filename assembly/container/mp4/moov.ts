// `moov`, ISO/IEC 14496-12 §8.2, without the entries of its sample tables: those are gaps (box.ts), filled in the file
// by the second pass.
//
// The presentation begins with the first picture or sound of any track. A track that begins later gets an empty edit in
// front; the delay that reordered pictures (B-frames) put between decoding and showing the first one is skipped by
// `media_time`.

import {
  CONFIG_HEIGHT_OFFSET,
  CONFIG_LANGUAGE_OFFSET,
  CONFIG_PAR_HEIGHT_OFFSET,
  CONFIG_PAR_WIDTH_OFFSET,
  CONFIG_WIDTH_OFFSET,
} from "../../../src/abi/decoder-config";
import {
  INDEX_CONFIG_OFFSET,
  INDEX_CREATED_OFFSET,
  INDEX_CTS_SHIFT_OFFSET,
  INDEX_DURATION_OFFSET,
  INDEX_FIRST_TIME_OFFSET,
  INDEX_FLAG_LARGE,
  INDEX_FLAGS_OFFSET,
  INDEX_MAX_COMPOSITION_OFFSET,
  INDEX_MEDIA_DURATION_OFFSET,
  INDEX_MIN_COMPOSITION_OFFSET,
  INDEX_MOOV_SIZE_OFFSET,
  INDEX_MOVIE_SIZE,
  INDEX_PIECES_OFFSET,
  INDEX_SAMPLES_OFFSET,
  INDEX_TIMESCALE_OFFSET,
  INDEX_TRACK_SIZE,
  INDEX_TRACKS_OFFSET,
  MOVIE_TIMESCALE,
} from "../../../src/abi/mp4";
import { MAX_TRACKS } from "../../../src/abi/frame";
import { configKind, isVideoConfig } from "../../decoder-config";
import { putBytes, putFill, putU16, putU32, putU64 } from "../../io/bytes";
import {
  beginBox,
  beginFullBox,
  DINF,
  DREF,
  EDTS,
  ELST,
  endBox,
  HDLR,
  leaveGap,
  MDHD,
  MDIA,
  MINF,
  MOOV,
  MVHD,
  SMHD,
  SOUN,
  TKHD,
  TRAK,
  URL,
  VIDE,
  VMHD,
} from "./box";
import { putSampleTable } from "./sample-table";

const RATE_1: u32 = 0x00010000;
const VOLUME_1: u32 = 0x0100;
const TRACK_ENABLED: u32 = 1;
const TRACK_IN_MOVIE: u32 = 2;
const LANGUAGE_UNDETERMINED: u32 = 0x55c4; // "und", five bits a letter, §8.4.2.3
const SELF_CONTAINED: u32 = 1;
const EMPTY_EDIT: i32 = -1;
/** "VideoHandler" and "SoundHandler", each with a zero behind it. */
const VIDEO_NAME = memory.data<u8>([0x56, 0x69, 0x64, 0x65, 0x6f, 0x48, 0x61, 0x6e, 0x64, 0x6c, 0x65, 0x72, 0]);
const SOUND_NAME = memory.data<u8>([0x53, 0x6f, 0x75, 0x6e, 0x64, 0x48, 0x61, 0x6e, 0x64, 0x6c, 0x65, 0x72, 0]);
const NAME_SIZE: u32 = 13;

// @ts-ignore: decorator
@inline
function trackOf(movie: usize, index: u32): usize {
  return movie + INDEX_MOVIE_SIZE + index * INDEX_TRACK_SIZE;
}

// @ts-ignore: decorator
@inline
function hasSamples(track: usize): bool {
  return load<u32>(track, INDEX_SAMPLES_OFFSET) != 0;
}

// @ts-ignore: decorator
@inline
function isVideo(track: usize): bool {
  return isVideoConfig(<usize>load<u32>(track, INDEX_CONFIG_OFFSET));
}

// @ts-ignore: decorator
@inline
function kindOf(track: usize): u32 {
  return configKind(<usize>load<u32>(track, INDEX_CONFIG_OFFSET));
}

/** Players begin with the first track of each kind; the others are there to be chosen (§8.3.2.3). */
function isFirstOfKind(movie: usize, track: usize): bool {
  for (let other = trackOf(movie, 0); other < track; other += INDEX_TRACK_SIZE) {
    if (hasSamples(other) && kindOf(other) == kindOf(track)) return false;
  }
  return true;
}

/** Tracks of one kind are alternatives to each other; 0 where there is only one. */
function alternateGroup(movie: usize, track: usize): u32 {
  let tracks: u32 = 0;
  for (let i: u32 = 0; i < <u32>MAX_TRACKS; i++) {
    const other = trackOf(movie, i);
    if (hasSamples(other) && kindOf(other) == kindOf(track)) tracks++;
  }
  return tracks > 1 ? kindOf(track) : 0;
}

/** The 32-bit form holds a value below its maximum, which means "unknown" (§8.3.2.3). */
function isLarge(movie: usize, value: i64): bool {
  return value >= <i64>u32.MAX_VALUE || (load<u32>(movie, INDEX_FLAGS_OFFSET) & INDEX_FLAG_LARGE) != 0;
}

function toMovieTime(track: usize, time: i64): i64 {
  const timescale = <i64>load<u32>(track, INDEX_TIMESCALE_OFFSET);
  if (timescale == MOVIE_TIMESCALE) return time;
  const scaled = time * MOVIE_TIMESCALE;
  return (scaled + (scaled < 0 ? -(timescale >> 1) : timescale >> 1)) / timescale;
}

/** When the track is first seen or heard, movie timescale, from the segment's zero. */
function presentedFrom(track: usize): i64 {
  return toMovieTime(track, load<i64>(track, INDEX_FIRST_TIME_OFFSET) + load<i64>(track, INDEX_MIN_COMPOSITION_OFFSET));
}

function presentedDuration(track: usize): i64 {
  const duration = load<i64>(track, INDEX_MAX_COMPOSITION_OFFSET) - load<i64>(track, INDEX_MIN_COMPOSITION_OFFSET);
  return toMovieTime(track, duration > 0 ? duration : load<i64>(track, INDEX_MEDIA_DURATION_OFFSET));
}

function putTime(at: usize, value: i64, large: bool): usize {
  return large ? putU64(at, value) : putU32(at, <u32>value);
}

function putMatrix(at: usize): usize {
  at = putU32(at, 0x00010000);
  at = putFill(at, 0, 12);
  at = putU32(at, 0x00010000);
  at = putFill(at, 0, 12);
  return putU32(at, 0x40000000);
}

function putMovieHeader(movie: usize, at: usize, duration: i64, nextTrackId: u32): usize {
  const created = load<i64>(movie, INDEX_CREATED_OFFSET);
  const large = isLarge(movie, duration) || isLarge(movie, created);
  const mvhd = at;
  at = beginFullBox(at, MVHD, large ? 1 : 0, 0);
  at = putTime(at, created, large); // creation_time
  at = putTime(at, created, large); // modification_time
  at = putU32(at, MOVIE_TIMESCALE); // timescale
  at = putTime(at, duration, large); // duration
  at = putU32(at, RATE_1); // rate
  at = putU16(at, VOLUME_1); // volume
  at = putFill(at, 0, 10); // reserved
  at = putMatrix(at); // matrix
  at = putFill(at, 0, 24); // pre_defined
  at = putU32(at, nextTrackId); // next_track_ID
  endBox(movie, mvhd, at);
  return at;
}

/** Width as shown, 16.16: the picture's, stretched by its sample aspect ratio. */
function displayWidth(config: usize): u32 {
  const width = load<u32>(config, CONFIG_WIDTH_OFFSET);
  const parWidth = load<u32>(config, CONFIG_PAR_WIDTH_OFFSET);
  const parHeight = load<u32>(config, CONFIG_PAR_HEIGHT_OFFSET);
  if (parWidth == 0 || parHeight == 0) return width << 16;
  const shown = ((<u64>width << 16) * <u64>parWidth) / <u64>parHeight;
  return shown <= <u64>u32.MAX_VALUE ? <u32>shown : u32.MAX_VALUE;
}

function putTrackHeader(movie: usize, at: usize, track: usize, trackId: u32, duration: i64): usize {
  const created = load<i64>(movie, INDEX_CREATED_OFFSET);
  const large = isLarge(movie, duration) || isLarge(movie, created);
  const config = <usize>load<u32>(track, INDEX_CONFIG_OFFSET);
  const tkhd = at;
  const flags = TRACK_IN_MOVIE | (isFirstOfKind(movie, track) ? TRACK_ENABLED : 0);
  at = beginFullBox(at, TKHD, large ? 1 : 0, flags);
  at = putTime(at, created, large); // creation_time
  at = putTime(at, created, large); // modification_time
  at = putU32(at, trackId); // track_ID
  at = putU32(at, 0); // reserved
  at = putTime(at, duration, large); // duration
  at = putFill(at, 0, 8); // reserved
  at = putU16(at, 0); // layer
  at = putU16(at, alternateGroup(movie, track)); // alternate_group
  at = putU16(at, isVideo(track) ? 0 : VOLUME_1); // volume
  at = putU16(at, 0); // reserved
  at = putMatrix(at); // matrix
  at = putU32(at, isVideo(track) ? displayWidth(config) : 0); // width
  at = putU32(at, isVideo(track) ? load<u32>(config, CONFIG_HEIGHT_OFFSET) << 16 : 0); // height
  endBox(movie, tkhd, at);
  return at;
}

function putEdit(at: usize, duration: i64, mediaTime: i64, large: bool): usize {
  at = putTime(at, duration, large); // segment_duration
  at = putTime(at, mediaTime, large); // media_time
  at = putU16(at, 1); // media_rate_integer
  return putU16(at, 0); // media_rate_fraction
}

/**
 * Left out where the track is presented from its first sample on, at the beginning, and for just as long as its samples
 * last.
 */
function putEditList(movie: usize, at: usize, track: usize, empty: i64, duration: i64): usize {
  const mediaTime = load<i64>(track, INDEX_MIN_COMPOSITION_OFFSET) + <i64>load<i32>(track, INDEX_CTS_SHIFT_OFFSET);
  const whole = toMovieTime(track, load<i64>(track, INDEX_MEDIA_DURATION_OFFSET));
  if (empty == 0 && mediaTime == 0 && duration == whole) return at;
  const large = isLarge(movie, duration) || isLarge(movie, empty) || mediaTime > <i64>i32.MAX_VALUE;
  const edts = at;
  at = beginBox(at, EDTS);
  const elst = at;
  at = beginFullBox(at, ELST, large ? 1 : 0, 0);
  at = putU32(at, empty != 0 ? 2 : 1); // entry_count
  if (empty != 0) at = putEdit(at, empty, EMPTY_EDIT, large);
  at = putEdit(at, duration, mediaTime, large);
  endBox(movie, elst, at);
  endBox(movie, edts, at);
  return at;
}

function putMediaHeader(movie: usize, at: usize, track: usize): usize {
  const created = load<i64>(movie, INDEX_CREATED_OFFSET);
  const duration = load<i64>(track, INDEX_MEDIA_DURATION_OFFSET);
  const large = isLarge(movie, duration) || isLarge(movie, created);
  const mdhd = at;
  at = beginFullBox(at, MDHD, large ? 1 : 0, 0);
  at = putTime(at, created, large); // creation_time
  at = putTime(at, created, large); // modification_time
  at = putU32(at, load<u32>(track, INDEX_TIMESCALE_OFFSET)); // timescale
  at = putTime(at, duration, large); // duration
  const language = load<u32>(<usize>load<u32>(track, INDEX_CONFIG_OFFSET), CONFIG_LANGUAGE_OFFSET);
  at = putU16(at, language != 0 ? language : LANGUAGE_UNDETERMINED); // language
  at = putU16(at, 0); // pre_defined
  endBox(movie, mdhd, at);
  return at;
}

function putHandler(movie: usize, at: usize, track: usize): usize {
  const hdlr = at;
  at = beginFullBox(at, HDLR, 0, 0);
  at = putU32(at, 0); // pre_defined
  at = putU32(at, isVideo(track) ? VIDE : SOUN); // handler_type
  at = putFill(at, 0, 12); // reserved
  // FFmpeg's names: some editors show a track by its name alone.
  at = putBytes(at, isVideo(track) ? VIDEO_NAME : SOUND_NAME, NAME_SIZE); // name
  endBox(movie, hdlr, at);
  return at;
}

function putMediaInformation(movie: usize, at: usize, track: usize): usize {
  const minf = at;
  at = beginBox(at, MINF);
  const header = at;
  if (isVideo(track)) {
    at = beginFullBox(at, VMHD, 0, 1);
    at = putFill(at, 0, 8); // graphicsmode, opcolor
  } else {
    at = beginFullBox(at, SMHD, 0, 0);
    at = putU32(at, 0); // balance, reserved
  }
  endBox(movie, header, at);
  const dinf = at;
  at = beginBox(at, DINF);
  const dref = at;
  at = beginFullBox(at, DREF, 0, 0);
  at = putU32(at, 1); // entry_count
  const url = at;
  at = beginFullBox(at, URL, 0, SELF_CONTAINED);
  endBox(movie, url, at);
  endBox(movie, dref, at);
  endBox(movie, dinf, at);
  at = putSampleTable(movie, at, track);
  endBox(movie, minf, at);
  return at;
}

function putTrack(movie: usize, at: usize, track: usize, trackId: u32, zero: i64): usize {
  const empty = presentedFrom(track) - zero;
  const duration = presentedDuration(track);
  const trak = at;
  at = beginBox(at, TRAK);
  at = putTrackHeader(movie, at, track, trackId, empty + duration);
  at = putEditList(movie, at, track, empty, duration);
  const mdia = at;
  at = beginBox(at, MDIA);
  at = putMediaHeader(movie, at, track);
  at = putHandler(movie, at, track);
  at = putMediaInformation(movie, at, track);
  endBox(movie, mdia, at);
  endBox(movie, trak, at);
  return at;
}

/**
 * Writes the headers of the whole index to `out` after the first pass, and sets the movie's pieces, size and duration.
 * May be called again when the shift has changed. Returns the end of the headers.
 */
export function mp4IndexLayout(movie: usize, out: usize): usize {
  store<u32>(movie, 0, INDEX_PIECES_OFFSET);
  let zero: i64 = i64.MAX_VALUE;
  for (let i: u32 = 0; i < <u32>MAX_TRACKS; i++) {
    if (hasSamples(trackOf(movie, i))) zero = min(zero, presentedFrom(trackOf(movie, i)));
  }
  let duration: i64 = 0;
  let tracks: u32 = 0;
  for (let i: u32 = 0; i < <u32>MAX_TRACKS; i++) {
    const track = trackOf(movie, i);
    if (!hasSamples(track)) continue;
    tracks++;
    duration = max(duration, presentedFrom(track) - zero + presentedDuration(track));
  }
  let at = beginBox(out, MOOV);
  at = putMovieHeader(movie, at, duration, tracks + 1);
  let trackId: u32 = 1;
  for (let i: u32 = 0; i < <u32>MAX_TRACKS; i++) {
    if (hasSamples(trackOf(movie, i))) at = putTrack(movie, at, trackOf(movie, i), trackId++, zero);
  }
  store<u64>(movie, endBox(movie, out, at), INDEX_MOOV_SIZE_OFFSET);
  leaveGap(movie, at, 0); // the piece behind the last table
  store<u32>(movie, tracks, INDEX_TRACKS_OFFSET);
  store<i64>(movie, duration, INDEX_DURATION_OFFSET);
  return at;
}
