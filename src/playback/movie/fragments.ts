// A movie in fragments, ISO/IEC 14496-12 §8.8: the head that every fragment needs, and the head of each. The media of a
// fragment is the samples' bytes as they lie in the file, run by run.
//
//   | moof: mfhd, per track traf: tfhd, tfdt, trun for each run | mdat | run | run | …
//
// A player that joins files by their decoding times would leave a hole between them, as long as the first picture of
// a file waits to be shown (its lead). So pictures are decoded by as much later, and an edit list takes that back.

import { BoxWriter } from "./box-writer.js";
import { type ByteRun, joinRuns, placeRuns } from "./byte-runs.js";
import { putFileType, putMedia, putMovieHeader, putTrackHeader } from "./movie-header.js";
import type { PlayedSample, PlayedTrack, TrackHead } from "./played-track.js";

/** A first picture may be decoded so long before it is shown; times of a fragment have no sign. */
export const TIME_OFFSET_SECONDS = 10;

const DEFAULT_BASE_IS_MOOF = 0x020000;
const TRUN_FLAGS = 0x000f01; // data offset; duration, size, flags and composition offset of each sample
const SYNC_SAMPLE = 0x02000000; // sample_depends_on 2: on no other
const OTHER_SAMPLE = 0x01010000; // sample_depends_on 1, not a sync sample
const MDAT_HEADER_SIZE = 8;

export interface FragmentTrack {
  readonly track: PlayedTrack;
  readonly samples: readonly PlayedSample[];
  /** Of its file: the same in every fragment, and in the head. */
  readonly lead: number;
}

export interface LeadingHead {
  readonly head: TrackHead;
  readonly lead: number;
}

export function initSegment(tracks: readonly LeadingHead[]): Buffer {
  const w = new BoxWriter();
  putFileType(w, "iso5", ["iso5", "iso6", "mp41"]);
  const moov = w.begin("moov");
  putMovieHeader(w, 0, tracks.length + 1);
  for (const [i, { head, lead }] of tracks.entries()) {
    const trak = w.begin("trak");
    putTrackHeader(w, head, i + 1, 0);
    if (lead > 0) putLead(w, lead);
    putMedia(w, head, 0, () => {
      w.copy(head.stsd);
      for (const table of ["stts", "stsc", "stco"]) putEmptyTable(w, table);
      const stsz = w.beginFull("stsz", 0, 0);
      w.zeros(8); // sample_size, sample_count
      w.end(stsz);
    });
    w.end(trak);
  }
  const mvex = w.begin("mvex");
  for (let i = 0; i < tracks.length; i++) {
    const trex = w.beginFull("trex", 0, 0);
    w.u32(i + 1); // track_ID
    w.u32(1); // default_sample_description_index
    w.zeros(12); // default_sample_duration, _size, _flags
    w.end(trex);
  }
  w.end(mvex);
  w.end(moov);
  return w.bytes();
}

function putLead(w: BoxWriter, lead: number): void {
  const edts = w.begin("edts");
  const elst = w.beginFull("elst", 1, 0);
  w.u32(1); // entry_count
  w.u64(0); // segment_duration: all that comes
  w.u64(lead); // media_time
  w.u32(0x00010000); // media_rate_integer, media_rate_fraction
  w.end(elst);
  w.end(edts);
}

function putEmptyTable(w: BoxWriter, type: string): void {
  const table = w.beginFull(type, 0, 0);
  w.u32(0); // entry_count
  w.end(table);
}

/** `number` counts from 1. What follows the head are the runs, in their order. */
export function fragment(number: number, parts: readonly FragmentTrack[]): { head: Buffer; runs: readonly ByteRun[] } {
  const runs = joinRuns(parts.flatMap(({ samples }) => samples));
  const places = placeRuns(runs);
  const w = new BoxWriter();
  const offsets: { at: number; place: number }[] = [];
  const moof = w.begin("moof");
  const mfhd = w.beginFull("mfhd", 0, 0);
  w.u32(number); // sequence_number
  w.end(mfhd);
  for (const [i, { track, samples, lead }] of parts.entries()) {
    const [first] = samples;
    if (!first) continue;
    const traf = w.begin("traf");
    const tfhd = w.beginFull("tfhd", 0, DEFAULT_BASE_IS_MOOF);
    w.u32(i + 1); // track_ID
    w.end(tfhd);
    const tfdt = w.beginFull("tfdt", 1, 0);
    const zero = TIME_OFFSET_SECONDS * track.head.timescale + track.shift;
    w.u64(Math.max(0, first.dts + lead + zero)); // baseMediaDecodeTime
    w.end(tfdt);
    for (const run of runsOf(samples))
      offsets.push({ at: putRun(w, run), place: places((run[0] as PlayedSample).position) });
    w.end(traf);
  }
  w.end(moof);
  const payload = w.position + MDAT_HEADER_SIZE;
  for (const { at, place } of offsets) w.patchU32(at, payload + place);
  w.u32(MDAT_HEADER_SIZE + runs.reduce((sum, { bytes }) => sum + bytes, 0)); // size
  w.text("mdat");
  return { head: w.bytes(), runs };
}

/** Samples of one track whose bytes follow each other. */
function runsOf(samples: readonly PlayedSample[]): PlayedSample[][] {
  const runs: PlayedSample[][] = [];
  let end = -1;
  for (const sample of samples) {
    if (sample.position === end) runs.at(-1)?.push(sample);
    else runs.push([sample]);
    end = sample.position + sample.sizeBytes;
  }
  return runs;
}

/** Returns where its data offset is to be put. */
function putRun(w: BoxWriter, samples: readonly PlayedSample[]): number {
  const trun = w.beginFull("trun", 1, TRUN_FLAGS);
  w.u32(samples.length); // sample_count
  const offset = w.position;
  w.u32(0); // data_offset
  for (const { duration, sizeBytes, isSync, cts } of samples) {
    w.u32(duration); // sample_duration
    w.u32(sizeBytes); // sample_size
    w.u32(isSync ? SYNC_SAMPLE : OTHER_SAMPLE); // sample_flags
    w.i32(cts); // sample_composition_time_offset
  }
  w.end(trun);
  return offset;
}
