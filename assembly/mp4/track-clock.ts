// Where a sample lies on its track's own clock (`stts`), from the 90 kHz times of the source.
//
// Video keeps the source's times. Audio runs on an ideal clock of whole frames (1024 samples of AAC), because sources stamp it with rounded
// milliseconds; the clock is set again only where it is off by more than a viewer could miss, or where the source says that time was spliced.
// Both passes of the index place every sample here, so they agree by construction.

import { CONFIG_CODEC_OFFSET, CONFIG_SAMPLES_PER_FRAME_OFFSET, CODEC_AAC } from "../../src/abi/decoder-config";
import {
  INDEX_CONFIG_OFFSET,
  INDEX_FIRST_TIME_OFFSET,
  INDEX_NOMINAL_OFFSET,
  INDEX_SAMPLES_OFFSET,
  INDEX_TIME_OFFSET,
  INDEX_TIMESCALE_OFFSET,
  SAMPLE_FLAG_DISCONTINUITY,
} from "../../src/abi/mp4";

const TICKS_PER_SECOND: i64 = 90000;
// ITU-R BT.1359: a skew below 45 ms is not noticed. One frame more is allowed, because encoders that send two frames at a time stamp both alike.
const DRIFT_LIMIT_MS: i64 = 30;
const DRIFT_MARGIN_MS: i64 = 2;
// ISO/IEC 14496-12 has u32, but readers keep a delta in i32 (libavformat sets a larger one to 1). What is left over goes to the next sample.
const MAX_DELTA: i64 = 0x7fffffff;
/** A distance above this is a gap, not a duration that the last sample should repeat. */
const MAX_NOMINAL_SECONDS: i64 = 10;
/** Of a track with a single picture: 25 fps. */
const DEFAULT_NOMINAL_90K: i64 = 3600;

export function trackSamplesPerFrame(track: usize): u32 {
  const config = <usize>load<u32>(track, INDEX_CONFIG_OFFSET);
  return load<u32>(config, CONFIG_CODEC_OFFSET) == CODEC_AAC ? load<u32>(config, CONFIG_SAMPLES_PER_FRAME_OFFSET) : 0;
}

/** 90 kHz to the media timescale, to the nearest. */
// @ts-ignore: decorator
@inline
export function toMediaTime(ticks90k: i64, timescale: i64): i64 {
  if (timescale == TICKS_PER_SECOND) return ticks90k;
  const scaled = ticks90k * timescale;
  return (scaled + (scaled < 0 ? -(TICKS_PER_SECOND >> 1) : TICKS_PER_SECOND >> 1)) / TICKS_PER_SECOND;
}

function idealTime(track: usize, time: i64, frame: i64, timescale: i64, flags: u32): i64 {
  const ideal = load<i64>(track, INDEX_TIME_OFFSET) + frame;
  if ((flags & SAMPLE_FLAG_DISCONTINUITY) != 0) return time;
  const off = time > ideal ? time - ideal : ideal - time;
  return off > max(timescale * DRIFT_LIMIT_MS, frame * 1000 + timescale * DRIFT_MARGIN_MS) / 1000 ? time : ideal;
}

/** Places the next sample and returns its distance from the one before it (0 for the first). */
export function placeSample(track: usize, dts90k: i64, flags: u32): i64 {
  const timescale = <i64>load<u32>(track, INDEX_TIMESCALE_OFFSET);
  const frame = <i64>trackSamplesPerFrame(track);
  const time = toMediaTime(dts90k, timescale);
  if (load<u32>(track, INDEX_SAMPLES_OFFSET) == 0) {
    store<i64>(track, time, INDEX_FIRST_TIME_OFFSET);
    store<i64>(track, time, INDEX_TIME_OFFSET);
    store<i64>(track, frame != 0 ? frame : DEFAULT_NOMINAL_90K, INDEX_NOMINAL_OFFSET);
    return 0;
  }
  const last = load<i64>(track, INDEX_TIME_OFFSET);
  const wanted = frame != 0 ? idealTime(track, time, frame, timescale, flags) : time;
  // A sample that does not come after its predecessor (clamped to the segment's zero) is put just behind it.
  const delta = min(max(wanted - last, 1), MAX_DELTA);
  store<i64>(track, last + delta, INDEX_TIME_OFFSET);
  if (frame == 0 && (flags & SAMPLE_FLAG_DISCONTINUITY) == 0 && delta <= MAX_NOMINAL_SECONDS * timescale) store<i64>(track, delta, INDEX_NOMINAL_OFFSET);
  return delta;
}
