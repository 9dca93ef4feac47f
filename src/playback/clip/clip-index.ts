// `ftyp`, `moov` and the head of `mdat` of a clip, ISO/IEC 14496-12: everything in front of the media. Edit lists begin
// the presentation exactly at the clip's beginning, whatever had to be decoded before; a track that begins later has an
// empty edit. Long tables are written in slices, so that nothing else waits.

import { setImmediate as nextTurn } from "node:timers/promises";
import { BoxWriter } from "../movie/box-writer.js";
import { MOVIE_TIMESCALE, putFileType, putMedia, putMovieHeader, putTrackHeader } from "../movie/movie-header.js";
import type { ClipTrack } from "./clip-track.js";
import type { Growable } from "./growable.js";

const MDAT_HEADER_SIZE = 16;
const EMPTY_EDIT = -1;
const SLICE_ENTRIES = 65_536;
/** Head of `stsd`: size, type, version and flags, number of entries. */
const STSD_HEAD_SIZE = 16;

/** `seconds`: of the whole clip. */
export async function clipHead(tracks: readonly ClipTrack[], seconds: number, mediaBytes: number): Promise<Buffer> {
  const w = new BoxWriter();
  putFileType(w, "isom", ["isom", "iso2", "iso6", "mp41"]);
  const moov = w.begin("moov");
  putMovieHeader(w, Math.round(seconds * MOVIE_TIMESCALE), tracks.length + 1);
  const places: { at: number; track: ClipTrack }[] = [];
  for (const [i, track] of tracks.entries()) {
    const trak = w.begin("trak");
    const edit = editOf(track, seconds);
    putTrackHeader(w, track.head, i + 1, edit.empty + edit.duration);
    putEdits(w, edit);
    const slices: (() => Promise<void>)[] = [];
    // Boxes are begun and ended in one go; what is long between is put in its place behind.
    putMedia(w, track.head, track.mediaDuration, () => {
      putSampleTable(w, track, slices, places);
    });
    w.end(trak);
    for (const slice of slices) await slice();
  }
  w.end(moov);
  const payload = w.position + MDAT_HEADER_SIZE;
  for (const { at, track } of places)
    await eachSlice(track.chunkPlaces.length / 2, (chunk) => {
      const place = track.chunkPlaces.at(2 * chunk) * 2 ** 32 + track.chunkPlaces.at(2 * chunk + 1);
      w.patchU64(at + chunk * 8, payload + place);
    });
  w.u32(1); // size: in largesize
  w.text("mdat");
  w.u64(MDAT_HEADER_SIZE + mediaBytes); // largesize
  return w.bytes();
}

interface Edit {
  /** Movie timescale. */
  empty: number;
  duration: number;
  /** Media timescale. */
  mediaTime: number;
}

function editOf({ head, firstTime, firstShown, shownEnd }: ClipTrack, seconds: number): Edit {
  const toMovie = (time: number): number => Math.round((time * MOVIE_TIMESCALE) / head.timescale);
  const begin = Math.max(0, firstShown);
  const end = Math.max(begin, Math.min(shownEnd, Math.round(seconds * head.timescale)));
  return { empty: toMovie(begin), duration: toMovie(end) - toMovie(begin), mediaTime: begin - firstTime };
}

function putEdits(w: BoxWriter, { empty, duration, mediaTime }: Edit): void {
  const edts = w.begin("edts");
  const elst = w.beginFull("elst", 1, 0);
  w.u32(empty > 0 ? 2 : 1); // entry_count
  if (empty > 0) putEdit(w, empty, EMPTY_EDIT);
  putEdit(w, duration, mediaTime);
  w.end(elst);
  w.end(edts);
}

function putEdit(w: BoxWriter, duration: number, mediaTime: number): void {
  w.u64(duration); // segment_duration
  w.i64(mediaTime); // media_time
  w.u16(1); // media_rate_integer
  w.u16(0); // media_rate_fraction
}

function putSampleTable(
  w: BoxWriter,
  track: ClipTrack,
  slices: (() => Promise<void>)[],
  places: { at: number; track: ClipTrack }[],
): void {
  const later = (entries: number, words: number, put: (at: number, entry: number) => void): void => {
    const at = w.position;
    w.zeros(entries * words * 4);
    slices.push(() => eachSlice(entries, (entry) => put(at + entry * words * 4, entry)));
  };
  putDescriptions(w, track);
  putRuns(w, "stts", 0, track.times, later);
  if (track.offsets.length !== 2 || track.offsets.at(1) !== 0) putRuns(w, "ctts", 1, track.offsets, later);
  if (track.syncs.length !== track.count) {
    const stss = w.beginFull("stss", 0, 0);
    w.u32(track.syncs.length); // entry_count
    later(track.syncs.length, 1, (at, entry) => w.patchU32(at, track.syncs.at(entry)));
    w.end(stss);
  }
  putChunkRuns(w, track);
  const stsz = w.beginFull("stsz", 0, 0);
  w.u32(0); // sample_size: they differ
  w.u32(track.count); // sample_count
  later(track.count, 1, (at, entry) => w.patchU32(at, track.sizes.at(entry)));
  w.end(stsz);
  const co64 = w.beginFull("co64", 0, 0);
  w.u32(track.chunkPlaces.length / 2); // entry_count
  places.push({ at: w.position, track });
  w.zeros(track.chunkPlaces.length * 4);
  w.end(co64);
}

function putDescriptions(w: BoxWriter, { descriptions }: ClipTrack): void {
  const stsd = w.beginFull("stsd", 0, 0);
  w.u32(descriptions.length); // entry_count
  for (const description of descriptions) w.copy(description.subarray(STSD_HEAD_SIZE));
  w.end(stsd);
}

function putRuns(
  w: BoxWriter,
  type: string,
  version: number,
  runs: Growable,
  later: (entries: number, words: number, put: (at: number, entry: number) => void) => void,
): void {
  const table = w.beginFull(type, version, 0);
  w.u32(runs.length / 2); // entry_count
  later(runs.length / 2, 2, (at, entry) => {
    w.patchU32(at, runs.at(2 * entry)); // sample_count
    w.patchU32(at + 4, runs.at(2 * entry + 1)); // sample_delta, sample_offset
  });
  w.end(table);
}

/** A run of chunks that have as many samples, and the same description. */
function putChunkRuns(w: BoxWriter, { chunkSamples }: ClipTrack): void {
  const stsc = w.beginFull("stsc", 0, 0);
  const countAt = w.position;
  w.u32(0); // entry_count
  let entries = 0;
  for (let chunk = 0; chunk < chunkSamples.length / 2; chunk++) {
    const [samples, description] = [chunkSamples.at(2 * chunk), chunkSamples.at(2 * chunk + 1)];
    const isSame =
      chunk > 0 && chunkSamples.at(2 * chunk - 2) === samples && chunkSamples.at(2 * chunk - 1) === description;
    if (isSame) continue;
    entries++;
    w.u32(chunk + 1); // first_chunk
    w.u32(samples); // samples_per_chunk
    w.u32(description); // sample_description_index
  }
  w.patchU32(countAt, entries);
  w.end(stsc);
}

async function eachSlice(entries: number, take: (entry: number) => void): Promise<void> {
  for (let entry = 0; entry < entries; entry++) {
    take(entry);
    if (entry % SLICE_ENTRIES === SLICE_ENTRIES - 1) await nextTurn();
  }
}
