// A record config as it stands: its recordings (two for the moment of a hand-over), its state for the control
// interface, and what its next recording must know of the one that failed.

import type { ErrorCode } from "../../base/reel-error.js";
import { sameTracks, type UnrecordedTrack } from "../../stream/unrecorded-track.js";
import type { Clock } from "../../time/units.js";
import {
  CONFIG_FAILED,
  CONFIG_STREAMING,
  CONFIG_WAITING,
  type ConfigStatusCode,
  type RecordConfig,
  type RecordEntry,
} from "../record-config.js";
import type { Interruption } from "./interruption.js";
import type { Recording } from "./recording.js";

export class ConfigEntry implements RecordEntry {
  status: RecordEntry["status"];
  readonly recordings = new Set<Recording>();
  retry: NodeJS.Timeout | undefined;
  isRemoved = false;
  /** Its stream may be there; its schedule says that it does not record now. */
  waitsForTime = false;
  /** Names it has asked for and not been given: a volume that does not answer keeps them waiting. */
  claims = 0;
  /** Where its last recording failed, until the next one has begun. */
  interruption: Interruption | undefined;
  /** Its container can carry nothing of the stream that is there: it waits for another stream, or other tracks. */
  isRefused = false;
  /** The failure that has had its event and lasts. */
  lastFailure: ErrorCode | undefined;
  /** The status in front of a recording that has no file yet. */
  #beforeStart: RecordEntry["status"] | undefined;

  constructor(
    readonly config: RecordConfig,
    public computedPathToFile: string,
    private readonly clock: Clock,
  ) {
    this.status = { current: { code: CONFIG_WAITING, timestamp: this.#nowS(), uniqueStreamId: 0 }, previous: null };
  }

  /** A recording of it begins. */
  streams(outStreamId: number): void {
    this.#beforeStart = this.status;
    this.setStatus(CONFIG_STREAMING, outStreamId);
  }

  /** Its first file is there. */
  hasStreamed(outStreamId: number): void {
    this.lastFailure = undefined;
    if (this.status.current.code === CONFIG_WAITING) this.setStatus(CONFIG_STREAMING, outStreamId);
    this.#beforeStart = undefined;
  }

  /** Its recording failed. One that never got a file has not streamed, and is no state of its own. */
  failed(): void {
    this.status = this.#beforeStart ?? this.status;
    this.#beforeStart = undefined;
    this.setStatus(CONFIG_FAILED);
  }

  setStatus(code: ConfigStatusCode, uniqueStreamId = 0): void {
    const { current } = this.status;
    if (current.code === code && current.uniqueStreamId === uniqueStreamId) return;
    const { unrecorded } = current;
    this.status = {
      current: { code, uniqueStreamId, timestamp: this.#nowS(), ...(unrecorded && { unrecorded }) },
      previous: current,
    };
  }

  /** What of its stream is not recorded; nothing where there is no stream. */
  setUnrecorded(tracks: readonly UnrecordedTrack[]): void {
    const wanted = tracks.filter(({ kind }) => this.config.hasAudio || kind !== "audio");
    const { unrecorded, ...current } = this.status.current;
    if (sameTracks(wanted, unrecorded ?? [])) return;
    const { previous } = this.status;
    this.status = { current: wanted.length > 0 ? { ...current, unrecorded: wanted } : current, previous };
  }

  #nowS(): number {
    return Math.floor(this.clock.wallMs() / 1000);
  }
}
