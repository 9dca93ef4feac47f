// `moov` and what its headers promise (ISO/IEC 14496-12 §8.2–§8.6): movie and track durations, handlers, edit lists.
// Durations that disagree with one another are defects: players believe one or the other.

import type { Findings } from "../findings.js";
import type { TrackTraits } from "../track-audit.js";
import type { WindowReader } from "../window-reader.js";
import { type Box, child, readPayload, readU64, requireChild } from "./box.js";
import { readSampleDescription, type SampleDescription } from "./sample-entry.js";

export interface Edit {
  /** Movie timescale. */
  duration: number;
  /** Media timescale; -1 = nothing is shown. */
  mediaTime: number;
}

export interface MovieTrack {
  path: string;
  kind: TrackTraits["kind"];
  description: SampleDescription;
  timescale: number;
  mdhd: Box;
  mediaDuration: number;
  edits: Edit[];
  stbl: Box;
}

export interface Movie {
  timescale: number;
  tracks: MovieTrack[];
}

/** A 32-bit duration of all ones is unknown (§8.2.2.3). */
const UNKNOWN_32 = 2 ** 32 - 1;
/** version, flags, two times and a duration. */
const HEADER_BYTES = [20, 32] as const;
const KINDS: Readonly<Record<string, TrackTraits["kind"]>> = { vide: "video", soun: "audio" };
const EDIT_BYTES = [12, 20] as const;

interface TimedHeader {
  timescale: number;
  duration: number;
}

/** mvhd and mdhd begin alike. */
async function readTimedHeader(reader: WindowReader, box: Box, findings: Findings): Promise<TimedHeader | undefined> {
  const isLarge = (await reader.load(box.payload, 1))[0] === 1;
  const payload = await readPayload(reader, box, HEADER_BYTES[isLarge ? 1 : 0], findings);
  if (!payload) return undefined;
  const timescale = payload.readUInt32BE(isLarge ? 20 : 12);
  if (timescale === 0) {
    findings.defect(box.path, "a timescale of 0");
    return undefined;
  }
  return { timescale, duration: isLarge ? readU64(payload, 24) : payload.readUInt32BE(16) };
}

export async function readMovie(reader: WindowReader, moov: Box, findings: Findings): Promise<Movie | undefined> {
  const mvhd = requireChild(moov, "mvhd", findings);
  const header = mvhd && (await readTimedHeader(reader, mvhd, findings));
  if (!mvhd || !header) return undefined;
  const movie: Movie = { timescale: header.timescale, tracks: [] };
  const ids = new Set<number>();
  let longest = 0;
  for (const trak of moov.children.filter((box) => box.type === "trak")) {
    const track = await readTrack(reader, trak, findings);
    const tkhd = requireChild(trak, "tkhd", findings);
    if (!track || !tkhd) continue;
    movie.tracks.push(track);
    longest = Math.max(longest, await checkTrackHeader(reader, tkhd, track, movie.timescale, ids, findings));
  }
  if (movie.tracks.length === 0) findings.defect(moov.path, "has no track that can be read");
  else if (header.duration !== UNKNOWN_32 && Math.abs(header.duration - longest) > 1) {
    findings.defect(
      mvhd.path,
      `says a duration of ${header.duration}, its longest track has ${longest} (1/${movie.timescale} s)`,
    );
  }
  return movie;
}

/** Returns the track's duration in movie time. */
async function checkTrackHeader(
  reader: WindowReader,
  tkhd: Box,
  track: MovieTrack,
  movieTimescale: number,
  ids: Set<number>,
  findings: Findings,
): Promise<number> {
  const isLarge = (await reader.load(tkhd.payload, 1))[0] === 1;
  const payload = await readPayload(reader, tkhd, isLarge ? 96 : 84, findings);
  if (!payload) return 0;
  const id = payload.readUInt32BE(isLarge ? 20 : 12);
  if (id === 0 || ids.has(id))
    findings.defect(tkhd.path, `track_ID ${id} ${id === 0 ? "is not allowed" : "is taken by another track"}`);
  ids.add(id);
  const duration = isLarge ? readU64(payload, 28) : payload.readUInt32BE(20);
  if (duration === UNKNOWN_32) return 0;
  const edited = track.edits.reduce((sum, edit) => sum + edit.duration, 0);
  const expected =
    track.edits.length > 0 ? edited : Math.round((track.mediaDuration * movieTimescale) / track.timescale);
  if (Math.abs(duration - expected) > 1) {
    findings.defect(
      tkhd.path,
      `says a duration of ${duration}, its ${track.edits.length > 0 ? "edit list" : "media"} has ${expected} (1/${movieTimescale} s)`,
    );
  }
  return duration;
}

async function readTrack(reader: WindowReader, trak: Box, findings: Findings): Promise<MovieTrack | undefined> {
  const mdia = requireChild(trak, "mdia", findings);
  if (!mdia) return undefined;
  const mdhd = requireChild(mdia, "mdhd", findings);
  const hdlr = requireChild(mdia, "hdlr", findings);
  const minf = requireChild(mdia, "minf", findings);
  const stbl = minf && requireChild(minf, "stbl", findings);
  const stsd = stbl && requireChild(stbl, "stsd", findings);
  if (!mdhd || !hdlr || !stbl || !stsd) return undefined;
  const header = await readTimedHeader(reader, mdhd, findings);
  const handler = await readPayload(reader, hdlr, 12, findings);
  if (!header || !handler) return undefined;
  const kind = KINDS[handler.toString("latin1", 8, 12)] ?? "other";
  const description = await readSampleDescription(reader, stsd, kind, findings);
  if (!description) return undefined;
  const edts = child(trak, "edts");
  const elst = edts && child(edts, "elst");
  const edits = elst ? await readEdits(reader, elst, header, findings) : [];
  return {
    path: trak.path,
    kind,
    description,
    timescale: header.timescale,
    mdhd,
    mediaDuration: header.duration,
    edits,
    stbl,
  };
}

/** As far as a composition time lies behind its decoding time at most (the recorder bounds it so). */
const MAX_OFFSET_SECONDS = 10;

async function readEdits(
  reader: WindowReader,
  elst: Box,
  media: { duration: number; timescale: number },
  findings: Findings,
): Promise<Edit[]> {
  const payload = await readPayload(reader, elst, 8, findings);
  if (!payload) return [];
  const isLarge = payload[0] === 1;
  const entryBytes = EDIT_BYTES[isLarge ? 1 : 0];
  const count = payload.readUInt32BE(4);
  const room = Math.floor((payload.byteLength - 8) / entryBytes);
  if (count !== room || (payload.byteLength - 8) % entryBytes !== 0)
    findings.defect(elst.path, `says ${count} entries, has room for ${room}`);
  const edits: Edit[] = [];
  for (let i = 0; i < Math.min(count, room); i++) {
    const at = 8 + i * entryBytes;
    const duration = isLarge ? readU64(payload, at) : payload.readUInt32BE(at);
    const mediaTime = isLarge ? Number(payload.readBigInt64BE(at + 8)) : payload.readInt32BE(at + 4);
    // The duration is of decoding; what a picture of it shows may come later, as in a movie of a single frame.
    if (mediaTime < -1 || mediaTime > media.duration + MAX_OFFSET_SECONDS * media.timescale) {
      findings.defect(`${elst.path}[${i}]`, `a media_time of ${mediaTime} is outside the media of ${media.duration}`);
    }
    edits.push({ duration, mediaTime });
  }
  return edits;
}

export interface Presentation {
  /** Added to a composition time, media timescale. */
  shift: number;
  from: number;
  to: number;
}

/**
 * Where the edits put the media: empty ones in front, then one that shows it. Later ones (a recorder writes none) are
 * not followed.
 */
export function presentationOf(track: MovieTrack, movieTimescale: number): Presentation {
  const toMedia = (duration: number): number => (duration * track.timescale) / movieTimescale;
  let from = 0;
  for (const edit of track.edits) {
    if (edit.mediaTime >= 0)
      return {
        shift: from - edit.mediaTime,
        from,
        to: edit.duration === 0 ? Number.POSITIVE_INFINITY : from + toMedia(edit.duration),
      };
    from += toMedia(edit.duration);
  }
  return { shift: 0, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
}
