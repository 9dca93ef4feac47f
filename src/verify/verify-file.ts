// `verifyFile`: reads a finished recording back, whichever of the three containers it is, and reports what is in it and
// what is wrong with it. The container is known by the file's first bytes; its name decides only where those are
// damaged. Written from the standards, apart from the muxers.

import { ReelError } from "../base/reel-error.js";
import type { ContainerName } from "../container/table.js";
import type { FileReport } from "./file-report.js";
import { Findings } from "./findings.js";
import { verifyFlv } from "./flv/verify-flv.js";
import { verifyMp4 } from "./mp4/verify-mp4.js";
import type { ReadMedia } from "./read-media.js";
import { roundMs, type TrackAudit } from "./track-audit.js";
import { verifyTs } from "./ts/verify-ts.js";
import { WindowReader } from "./window-reader.js";

/** Beside the table of containers, which lies below: readers that share nothing with the writers. */
const READERS = { mp4: verifyMp4, ts: verifyTs, flv: verifyFlv } satisfies Record<
  ContainerName,
  (reader: WindowReader, findings: Findings) => Promise<ReadMedia>
>;
const TS_PACKET_BYTES = 188;
const SYNC_BYTE = 0x47;
const BOX_TYPES = new Set(["ftyp", "moov", "mdat", "free", "skip", "wide", "styp"]);

/**
 * Throws ReelError `notFound` or `io` where the file cannot be read, `corrupt` where it is none of the three
 * containers.
 */
export async function verifyFile(path: string): Promise<FileReport> {
  const reader = await WindowReader.open(path);
  try {
    const container = await containerOf(reader);
    const findings = new Findings();
    const { tracks, isIndexInFront } = await READERS[container](reader, findings);
    for (const track of tracks) track.end();
    return {
      path,
      container,
      sizeBytes: reader.sizeBytes,
      durationMs: durationMs(tracks),
      tracks: tracks.map((track) => track.report()),
      isIndexInFront,
      ...skew(tracks),
      defects: findings.defects,
      defectCount: findings.defectCount,
      gaps: findings.gaps,
      gapCount: findings.gapCount,
      notes: findings.notes,
    };
  } finally {
    await reader.close();
  }
}

async function containerOf(reader: WindowReader): Promise<ContainerName> {
  const { path, sizeBytes } = reader;
  if (sizeBytes === 0) throw new ReelError("corrupt", "is empty", { path });
  const head = await reader.load(0, TS_PACKET_BYTES + 1);
  if (head.toString("latin1", 0, 3) === "FLV") return "flv";
  if (BOX_TYPES.has(head.toString("latin1", 4, 8))) return "mp4";
  if (head[0] === SYNC_BYTE && (head.byteLength <= TS_PACKET_BYTES || head[TS_PACKET_BYTES] === SYNC_BYTE)) return "ts";
  const named = /\.(mp4|ts|flv)$/i.exec(path)?.[1]?.toLowerCase();
  if (named !== undefined) return named as ContainerName;
  throw new ReelError("corrupt", "is none of MP4, MPEG-TS and FLV", { path });
}

function durationMs(tracks: readonly TrackAudit[]): number {
  const reports = tracks.filter((track) => track.frames > 0).map((track) => track.report());
  if (reports.length === 0) return 0;
  const first = Math.min(...reports.map((report) => report.firstPtsMs));
  return roundMs(Math.max(...reports.map((report) => report.firstPtsMs + report.durationMs)) - first);
}

function skew(tracks: readonly TrackAudit[]): Pick<FileReport, "avSkewStartMs" | "avSkewEndMs"> {
  const find = (kind: string): TrackAudit | undefined =>
    tracks.find((track) => track.traits.kind === kind && track.frames > 0);
  const video = find("video")?.report();
  const audio = find("audio")?.report();
  if (!video || !audio) return { avSkewStartMs: null, avSkewEndMs: null };
  const start = audio.firstPtsMs - video.firstPtsMs;
  return { avSkewStartMs: roundMs(start), avSkewEndMs: roundMs(start + audio.durationMs - video.durationMs) };
}
