// Where a sample lies on its track's own clock (`stts`), from the 90 kHz times of the source.
//
// Video keeps the source's times. Audio runs on an ideal clock of whole frames (1024 samples of AAC), because sources
// stamp it with rounded milliseconds; the clock is set again only where it is off by more than a viewer could miss, or
// where the source says that time was spliced. Both passes of the index place every sample here, so they agree by
// construction.

import { CONFIG_SAMPLES_PER_FRAME_OFFSET } from "../../../src/abi/decoder-config";
import { INDEX_CONFIG_OFFSET, SAMPLE_FLAG_DISCONTINUITY } from "../../../src/abi/mp4";
import { isAudioConfig } from "../../decoder-config";

const TICKS_PER_SECOND: i64 = 90000;
// ITU-R BT.1359: a skew below 45 ms is not noticed. One frame more is allowed, because encoders that send two frames at
// a time stamp both alike.
const DRIFT_LIMIT_MS: i64 = 30;
const DRIFT_MARGIN_MS: i64 = 2;
// ISO/IEC 14496-12 has u32, but readers keep a delta in i32 (libavformat sets a larger one to 1). What is left over
// goes to the next sample.
const MAX_DELTA: i64 = 0x7fffffff;
/** A distance above this is a gap, not a duration that the last sample should repeat. */
const MAX_NOMINAL_SECONDS: i64 = 10;
/** Of a track with a single picture: 25 fps. */
export const DEFAULT_NOMINAL_90K: i64 = 3600;

/** Of an audio track; 0 for video. */
export function trackSamplesPerFrame(track: usize): u32 {
  const config = <usize>load<u32>(track, INDEX_CONFIG_OFFSET);
  return isAudioConfig(config) ? load<u32>(config, CONFIG_SAMPLES_PER_FRAME_OFFSET) : 0;
}

/** 90 kHz to the media timescale, to the nearest. */
// @ts-ignore: decorator
@inline
export function toMediaTime(ticks90k: i64, timescale: i64): i64 {
  // a division costs more than all the rest of a sample
  if (timescale == TICKS_PER_SECOND || ticks90k == 0) return ticks90k;
  const scaled = ticks90k * timescale;
  return (scaled + (scaled < 0 ? -(TICKS_PER_SECOND >> 1) : TICKS_PER_SECOND >> 1)) / TICKS_PER_SECOND;
}

/** How far a sample may be from its ideal place, in thousandths of a tick. */
export function driftLimit(frame: i64, timescale: i64): i64 {
  return max(timescale * DRIFT_LIMIT_MS, frame * 1000 + timescale * DRIFT_MARGIN_MS);
}

/** Where an audio frame belongs: at its ideal place, unless its own time is too far from that. */
// @ts-ignore: decorator
@inline
export function idealTime(ideal: i64, dts90k: i64, flags: u32, timescale: i64, limit: i64): i64 {
  if ((flags & SAMPLE_FLAG_DISCONTINUITY) != 0) return toMediaTime(dts90k, timescale);
  // Nearly every frame is within the limit by more than the one tick that rounding may add, and then its own time needs
  // no division.
  const off90k = dts90k * timescale - ideal * TICKS_PER_SECOND;
  if (max(off90k, -off90k) <= (limit - 1000) * (TICKS_PER_SECOND / 1000)) return ideal;
  const time = toMediaTime(dts90k, timescale);
  return max(time - ideal, ideal - time) * 1000 > limit ? time : ideal;
}

/** The distance of a sample from the one before it, which lies at `last`. */
// @ts-ignore: decorator
@inline
export function distanceTo(wanted: i64, last: i64): i64 {
  // A sample that does not come after its predecessor (clamped to the segment's zero) is put just behind it.
  return min(max(wanted - last, 1), MAX_DELTA);
}

/** Whether a distance is one that the last picture may repeat as its duration. */
// @ts-ignore: decorator
@inline
export function isNominal(distance: i64, flags: u32): bool {
  return (flags & SAMPLE_FLAG_DISCONTINUITY) == 0 && distance <= MAX_NOMINAL_SECONDS * TICKS_PER_SECOND;
}
