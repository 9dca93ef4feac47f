// The boxes of `moov` that a movie of fragments and a clip have in common, ISO/IEC 14496-12 §8.2–§8.5. What describes
// the samples (`stsd`) is copied from the file that they come from.

import type { BoxWriter } from "./box-writer.js";
import type { TrackHead } from "./played-track.js";

export const MOVIE_TIMESCALE = 90_000;
const RATE_1 = 0x00010000;
const VOLUME_1 = 0x0100;
const ENABLED_IN_MOVIE = 3;
const SELF_CONTAINED = 1;

export function putFileType(w: BoxWriter, major: string, compatible: readonly string[]): void {
  const ftyp = w.begin("ftyp");
  w.text(major); // major_brand
  w.u32(0x200); // minor_version
  for (const brand of compatible) w.text(brand); // compatible_brands
  w.end(ftyp);
}

export function putMovieHeader(w: BoxWriter, duration: number, nextTrackId: number): void {
  const mvhd = w.beginFull("mvhd", 1, 0);
  w.u64(0); // creation_time
  w.u64(0); // modification_time
  w.u32(MOVIE_TIMESCALE); // timescale
  w.u64(duration); // duration
  w.u32(RATE_1); // rate
  w.u16(VOLUME_1); // volume
  w.zeros(10); // reserved
  putMatrix(w); // matrix
  w.zeros(24); // pre_defined
  w.u32(nextTrackId); // next_track_ID
  w.end(mvhd);
}

export function putTrackHeader(w: BoxWriter, head: TrackHead, trackId: number, duration: number): void {
  const tkhd = w.beginFull("tkhd", 1, ENABLED_IN_MOVIE);
  w.u64(0); // creation_time
  w.u64(0); // modification_time
  w.u32(trackId); // track_ID
  w.u32(0); // reserved
  w.u64(duration); // duration
  w.zeros(8); // reserved
  w.u16(0); // layer
  w.u16(0); // alternate_group
  w.u16(head.kind === "video" ? 0 : VOLUME_1); // volume
  w.u16(0); // reserved
  putMatrix(w); // matrix
  w.u32(head.width); // width
  w.u32(head.height); // height
  w.end(tkhd);
}

/** `mdia` up to `stbl`, which `putSampleTable` writes. */
export function putMedia(w: BoxWriter, head: TrackHead, duration: number, putSampleTable: () => void): void {
  const mdia = w.begin("mdia");
  const mdhd = w.beginFull("mdhd", 1, 0);
  w.u64(0); // creation_time
  w.u64(0); // modification_time
  w.u32(head.timescale); // timescale
  w.u64(duration); // duration
  w.u16(head.language); // language
  w.u16(0); // pre_defined
  w.end(mdhd);
  const hdlr = w.beginFull("hdlr", 0, 0);
  w.u32(0); // pre_defined
  w.text(head.kind === "video" ? "vide" : "soun"); // handler_type
  w.zeros(13); // reserved, name
  w.end(hdlr);
  const minf = w.begin("minf");
  putMediaHeader(w, head);
  putDataReference(w);
  const stbl = w.begin("stbl");
  putSampleTable();
  w.end(stbl);
  w.end(minf);
  w.end(mdia);
}

function putMediaHeader(w: BoxWriter, { kind }: TrackHead): void {
  const header = kind === "video" ? w.beginFull("vmhd", 0, 1) : w.beginFull("smhd", 0, 0);
  w.zeros(kind === "video" ? 8 : 4); // graphicsmode, opcolor; balance, reserved
  w.end(header);
}

function putDataReference(w: BoxWriter): void {
  const dinf = w.begin("dinf");
  const dref = w.beginFull("dref", 0, 0);
  w.u32(1); // entry_count
  w.end(w.beginFull("url ", 0, SELF_CONTAINED));
  w.end(dref);
  w.end(dinf);
}

function putMatrix(w: BoxWriter): void {
  w.u32(0x00010000);
  w.zeros(12);
  w.u32(0x00010000);
  w.zeros(12);
  w.u32(0x40000000);
}
