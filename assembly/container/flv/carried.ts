// Which tracks of a segment an FLV file carries, and their numbers. The first of a kind is written as FLV has always
// had it; further ones are told apart by extended headers (assembly/codec/flv-extended.ts), so they need a FourCC.

import { KIND_AUDIO, KIND_DATA, KIND_VIDEO } from "../../../src/abi/decoder-config";
import { FLV_CARRIED_OFFSET, FLV_TRACK_IDS_OFFSET } from "../../../src/abi/flv";
import { MAX_TRACKS } from "../../../src/abi/frame";
import { SEG_PRIVATE_OFFSET } from "../../../src/abi/segment";
import { flvCodecId, flvFourCc } from "../../codec/flv-table";
import { configKind } from "../../decoder-config";
import { segmentConfig } from "../../segment";

/** No track of the kind. */
export const NO_TRACK: u32 = <u32>MAX_TRACKS;

/** Takes tracks that have joined; one that is carried keeps its number. Returns a bit per track that is carried. */
export function carryTracks(seg: usize): u32 {
  const flv = seg + SEG_PRIVATE_OFFSET;
  let carried = load<u32>(flv, FLV_CARRIED_OFFSET);
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const config = segmentConfig(seg, track);
    if (config == 0 || (carried & (1 << track)) != 0 || configKind(config) == KIND_DATA) continue;
    const id = countOfKind(seg, carried, configKind(config));
    if ((id == 0 ? flvCodecId(config) : flvFourCc(config)) == 0) continue;
    store<u8>(flv + track, id, FLV_TRACK_IDS_OFFSET);
    carried |= 1 << track;
  }
  store<u32>(flv, carried, FLV_CARRIED_OFFSET);
  return carried;
}

/** The number of a track among those of its kind. */
// @ts-ignore: decorator
@inline
export function trackIdOf(seg: usize, track: u32): u32 {
  return <u32>load<u8>(seg + SEG_PRIVATE_OFFSET + track, FLV_TRACK_IDS_OFFSET);
}

function countOfKind(seg: usize, tracks: u32, kind: u32): u32 {
  let count: u32 = 0;
  for (; tracks != 0; tracks &= tracks - 1) if (configKind(segmentConfig(seg, ctz<u32>(tracks))) == kind) count++;
  return count;
}

/** Of `tracks` (bit per track) the one of a kind that has the lowest number, or NO_TRACK. */
export function trackOfKind(seg: usize, tracks: u32, kind: u32): u32 {
  let first = NO_TRACK;
  for (; tracks != 0; tracks &= tracks - 1) {
    const track = ctz<u32>(tracks);
    if (configKind(segmentConfig(seg, track)) != kind) continue;
    if (first == NO_TRACK || trackIdOf(seg, track) < trackIdOf(seg, first)) first = track;
  }
  return first;
}

export function videoOf(seg: usize, tracks: u32): u32 {
  return trackOfKind(seg, tracks, KIND_VIDEO);
}

export function audioOf(seg: usize, tracks: u32): u32 {
  return trackOfKind(seg, tracks, KIND_AUDIO);
}
