// Runs the demuxer on bytes in pieces and keeps what came out.

import { createHash } from "node:crypto";
import { Arena } from "../../src/arena/arena.js";
import type { AccessUnit, AccessUnitSink, Loss } from "../../src/ingest/mpegts/access-unit.js";
import { type DemuxerOptions, TsDemuxer } from "../../src/ingest/mpegts/ts-demuxer.js";
import { CODECS } from "../../src/media/codec/table.js";
import type { DemuxStatistics } from "../../src/media/mpegts/demux-statistics.js";
import { RandomAccessRule } from "../../src/stream/random-access-rule.js";
import type { NewTrack } from "../../src/stream/track.js";
import type { UnrecordedTrack } from "../../src/stream/unrecorded-track.js";

export interface DemuxedFrame {
  track: number;
  dts: number;
  cts: number;
  isRandomAccess: boolean;
  /** NAL units, or the one raw AAC access unit. */
  units: Buffer[];
}

export interface Demuxed {
  frames: DemuxedFrame[];
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
  const frames: DemuxedFrame[] = [];
  const configs: Demuxed["configs"] = [];
  const losses: Loss[] = [];
  const named: string[] = [];
  const described = new Map<number, NewTrack>();
  let unrecorded: readonly UnrecordedTrack[] = [];
  const sink: AccessUnitSink = {
    randomAccess: new RandomAccessRule(),
    decoderConfig(track, codec, bytes) {
      try {
        CODECS[codec].parse(bytes);
      } catch {
        return false;
      }
      configs.push({ track, codec, hex: Buffer.from(bytes).toString("hex") });
      return true;
    },
    describeTrack: (track, about) => {
      described.set(track, about);
    },
    setUnrecorded: (tracks) => {
      unrecorded = tracks;
    },
    accessUnit(au: AccessUnit) {
      const units: Buffer[] = [];
      for (let i = 0; i < au.rangeCount; i++)
        units.push(Buffer.from(arena.u8.slice(au.ranges[i * 2], au.ranges[i * 2 + 1])));
      const size = units.reduce((sum, unit) => sum + unit.length + (au.isLengthPrefixed ? 4 : 0), 0);
      if (size !== au.sizeBytes) throw new Error(`an access unit of ${size} bytes says it has ${au.sizeBytes}`);
      frames.push({ track: au.track, dts: au.dts90k, cts: au.ctsOffset90k, isRandomAccess: au.isRandomAccess, units });
    },
    loss: (loss) => losses.push({ ...loss }),
  };
  const log = (_: object, message: string): void => {
    named.push(message);
  };
  const demuxer = new TsDemuxer(sink, arena, { debug: log, info: log, warn: log }, options);
  try {
    for (const piece of pieces) demuxer.push(piece);
    demuxer.end();
  } finally {
    demuxer.free();
  }
  if (arena.stats().blocks !== 0) throw new Error(`the demuxer left ${arena.stats().blocks} arena blocks behind`);
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
