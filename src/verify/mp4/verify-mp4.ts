// Reads an MP4 back, ISO/IEC 14496-12: boxes, headers, sample tables, samples. A fragmented file is not what a
// recording leaves and is said so.

import type { Findings } from "../findings.js";
import type { ReadMedia } from "../read-media.js";
import { TrackAudit } from "../track-audit.js";
import type { WindowReader } from "../window-reader.js";
import { type Box, readBoxes, readPayload } from "./box.js";
import { type MovieTrack, readMovie } from "./movie.js";
import { checkSampleTables, readSampleTables } from "./sample-tables.js";
import { SampleWalk } from "./sample-walk.js";

export async function verifyMp4(reader: WindowReader, findings: Findings): Promise<ReadMedia> {
  const boxes = await readBoxes(reader, 0, reader.sizeBytes, "", findings);
  await checkFileType(reader, boxes, findings);
  const moovs = boxes.filter((box) => box.type === "moov");
  const mdats = boxes.filter((box) => box.type === "mdat");
  const moov = moovs[0];
  for (const second of moovs.slice(1)) findings.defect(second.path, "a second index");
  if (mdats.length === 0) findings.defect("/", "has no mdat");
  const fragment = boxes.find((box) => box.type === "moof");
  if (fragment) findings.defect(fragment.path, "the file is fragmented; its fragments were not read");
  if (!moov) {
    findings.defect("/", "has no moov: it was never finished");
    return { tracks: [], isIndexInFront: false };
  }
  const isIndexInFront = mdats.every((mdat) => moov.start < mdat.start);
  const movie = await readMovie(reader, moov, findings);
  const audits: TrackAudit[] = [];
  let sampleBytes = 0;
  for (const [index, track] of (movie?.tracks ?? []).entries()) {
    const audit = new TrackAudit(
      track.description.traits,
      index,
      track.timescale,
      findings,
      (sample) => `${track.path}/sample[${sample}]`,
    );
    audits.push(audit);
    sampleBytes += await walkTrack(reader, track, movie?.timescale ?? 1, mdats, audit, findings);
  }
  const mediaBytes = mdats.reduce((sum, mdat) => sum + mdat.end - mdat.payload, 0);
  if (sampleBytes > mediaBytes)
    findings.defect("/mdat", `its ${mediaBytes} bytes cannot hold samples of ${sampleBytes} bytes: tracks overlap`);
  return { tracks: audits, isIndexInFront };
}

async function walkTrack(
  reader: WindowReader,
  track: MovieTrack,
  movieTimescale: number,
  mdats: readonly Box[],
  audit: TrackAudit,
  findings: Findings,
): Promise<number> {
  const tables = await readSampleTables(reader, track, findings);
  if (!tables) return 0;
  await checkSampleTables(reader, track, tables, findings);
  const walk = await SampleWalk.open({ reader, track, tables, movieTimescale, mdats, audit, findings });
  return walk.run();
}

/** §4.3: `ftyp` comes first, and names at least its own brand as compatible. */
async function checkFileType(reader: WindowReader, boxes: readonly Box[], findings: Findings): Promise<void> {
  const ftyp = boxes.find((box) => box.type === "ftyp");
  if (!ftyp) {
    findings.defect("/", "has no ftyp");
    return;
  }
  if (ftyp !== boxes[0]) findings.defect(ftyp.path, "is not the first box");
  const payload = await readPayload(reader, ftyp, 8, findings);
  if (payload && payload.byteLength % 4 !== 0)
    findings.defect(ftyp.path, `${payload.byteLength % 4} bytes behind its last brand`);
}
