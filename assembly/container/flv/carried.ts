// Which tracks of a segment an FLV file carries: one of each kind, the first that the segment had. More than one of a
// kind would be enhanced multitrack (Enhanced RTMP v2), which is not written.

import { KIND_AUDIO, KIND_DATA, KIND_VIDEO } from "../../../src/abi/decoder-config";
import { FLV_CARRIED_OFFSET } from "../../../src/abi/flv";
import { MAX_TRACKS } from "../../../src/abi/frame";
import { SEG_PRIVATE_OFFSET } from "../../../src/abi/segment";
import { flvCodecId } from "../../codec/table";
import { configKind } from "../../decoder-config";
import { segmentConfig } from "../../segment";

/** No track of the kind. */
export const NO_TRACK: u32 = <u32>MAX_TRACKS;

/** Takes tracks that have joined; one that is carried stays. Returns a bit per track that is carried. */
export function carryTracks(seg: usize): u32 {
  const flv = seg + SEG_PRIVATE_OFFSET;
  let carried = load<u32>(flv, FLV_CARRIED_OFFSET);
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const config = segmentConfig(seg, track);
    if (config == 0 || configKind(config) == KIND_DATA || flvCodecId(config) == 0) continue;
    if (trackOfKind(seg, carried, configKind(config)) == NO_TRACK) carried |= 1 << track;
  }
  store<u32>(flv, carried, FLV_CARRIED_OFFSET);
  return carried;
}

/** The first of `tracks` (bit per track) of a kind, or NO_TRACK. */
export function trackOfKind(seg: usize, tracks: u32, kind: u32): u32 {
  for (; tracks != 0; tracks &= tracks - 1) {
    const track = ctz<u32>(tracks);
    if (configKind(segmentConfig(seg, track)) == kind) return track;
  }
  return NO_TRACK;
}

export function videoOf(seg: usize, tracks: u32): u32 {
  return trackOfKind(seg, tracks, KIND_VIDEO);
}

export function audioOf(seg: usize, tracks: u32): u32 {
  return trackOfKind(seg, tracks, KIND_AUDIO);
}
