// Runs the demuxer on bytes in pieces and keeps what came out.

import { createHash } from "node:crypto";
import { Arena } from "../../src/arena/arena.js";
import type { Loss } from "../../src/ingest/mpegts/access-unit.js";
import { type DemuxerOptions, TsDemuxer } from "../../src/ingest/mpegts/ts-demuxer.js";
import type { DemuxStatistics } from "../../src/media/mpegts/demux-statistics.js";
import type { NewTrack } from "../../src/stream/track.js";
import type { UnrecordedTrack } from "../../src/stream/unrecorded-track.js";
import { AccessUnitLog, type TakenFrame } from "./access-unit-log.js";

export interface Demuxed {
  frames: TakenFrame[];
  configs: { track: number; codec: string; hex: string }[];
  losses: Loss[];
  statistics: DemuxStatistics;
  /** By number. */
  described: Map<number, NewTrack>;
  unrecorded: readonly UnrecordedTrack[];
  /** Log lines. */
  named: string[];
}

const arena = new Arena();

export function demux(pieces: readonly Uint8Array[], options: DemuxerOptions = {}): Demuxed {
  const named: string[] = [];
  const taken = new AccessUnitLog(arena);
  const log = (_: object, message: string): void => {
    named.push(message);
  };
  const demuxer = new TsDemuxer(taken, arena, { debug: log, info: log, warn: log }, options);
  try {
    for (const piece of pieces) demuxer.push(piece);
    demuxer.end();
  } finally {
    demuxer.free();
  }
  if (arena.stats().blocks !== 0) throw new Error(`the demuxer left ${arena.stats().blocks} arena blocks behind`);
  const { frames, configs, losses, described, unrecorded } = taken;
  return { frames, configs, losses, statistics: demuxer.statistics, named, described, unrecorded };
}

/** All that came out, as one comparable text. */
export function digest(result: Demuxed): string {
  const hash = createHash("sha256");
  for (const { track, dts, cts, isRandomAccess, units } of result.frames) {
    hash.update(`${track} ${dts} ${cts} ${isRandomAccess} ${units.length};`);
    for (const unit of units) hash.update(unit);
  }
  hash.update(JSON.stringify([result.configs, result.losses, result.statistics]));
  return hash.digest("hex");
}
