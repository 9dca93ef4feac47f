// A sink of access units that keeps what a parser hands on.

import type { Arena } from "../../src/arena/arena.js";
import type { AccessUnit, AccessUnitSink, Loss } from "../../src/ingest/mpegts/access-unit.js";
import type { CodecName } from "../../src/media/codec/codec-entry.js";
import { CODECS } from "../../src/media/codec/table.js";
import { RandomAccessRule } from "../../src/stream/random-access-rule.js";
import type { NewTrack } from "../../src/stream/track.js";
import type { UnrecordedTrack } from "../../src/stream/unrecorded-track.js";

export interface TakenFrame {
  track: number;
  dts: number;
  cts: number;
  isRandomAccess: boolean;
  /** NAL units, or the parts of one access unit of another codec. */
  units: Buffer[];
}

export class AccessUnitLog implements AccessUnitSink {
  readonly randomAccess = new RandomAccessRule();
  isClockShared = false;
  areTracksNamed = false;
  readonly frames: TakenFrame[] = [];
  readonly configs: { track: number; codec: string; hex: string }[] = [];
  readonly losses: Loss[] = [];
  /** By number. */
  readonly described = new Map<number, NewTrack>();
  unrecorded: readonly UnrecordedTrack[] = [];
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** As long as there is a configuration, there would be an in-stream. */
  get stream(): object | undefined {
    return this.configs.length > 0 ? this : undefined;
  }

  decoderConfig(track: number, codec: CodecName, bytes: Uint8Array): boolean {
    try {
      CODECS[codec].parse(bytes);
    } catch {
      return false;
    }
    this.configs.push({ track, codec, hex: Buffer.from(bytes).toString("hex") });
    return true;
  }

  describeTrack(track: number, about: NewTrack): void {
    this.described.set(track, about);
  }

  withdrawTrack(track: number): void {
    this.described.delete(track);
  }

  setUnrecorded(tracks: readonly UnrecordedTrack[]): void {
    this.unrecorded = tracks;
  }

  accessUnit(au: AccessUnit): void {
    const units: Buffer[] = [];
    for (let i = 0; i < au.rangeCount; i++)
      units.push(Buffer.from(this.#arena.u8.slice(au.ranges[i * 2], au.ranges[i * 2 + 1])));
    const size = units.reduce((sum, unit) => sum + unit.length + (au.isLengthPrefixed ? 4 : 0), 0);
    if (size !== au.sizeBytes) throw new Error(`an access unit of ${size} bytes says it has ${au.sizeBytes}`);
    const { track, dts90k: dts, ctsOffset90k: cts, isRandomAccess } = au;
    this.frames.push({ track, dts, cts, isRandomAccess, units });
  }

  loss(loss: Loss): void {
    this.losses.push({ ...loss });
  }
}
