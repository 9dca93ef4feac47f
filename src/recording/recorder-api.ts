// The recorder as the control plane and embedding programs use it. One implementation: recorder.ts.

import type { EventEmitter } from "node:events";
import type { Sample } from "../base/samples.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { ClosedSince } from "../catalog/ledger.js";
import type { GapCause } from "../stream/gap.js";
import type { StreamRegistry } from "../stream/stream-registry.js";
import type { ConfigStore } from "./config-store.js";
import type { Admission } from "./lifecycle/admission.js";
import type { OutStream } from "./lifecycle/out-stream.js";
import type { RecordEntry, RecordOptions } from "./record-config.js";
import type { RecorderEvents } from "./recorder-events.js";
import type { Loss, RecordedTotals } from "./recording-totals.js";
import type { RulesApi } from "./rules/record-rules.js";

export interface RecorderApi extends EventEmitter<RecorderEvents> {
  readonly streams: StreamRegistry;
  /** Stream ids are unique in a run and shared by in- and out-streams. */
  nextStreamId(): number;
  /** Config ids are stable over restarts and shared by record and pull configs. */
  nextConfigId(): number;

  /**
   * Stores a record config and starts it if its stream is live. Rejects with ReelError (`badPath`, `notWritable`,
   * `noFreeName`, `targetBusy`, …) and stores nothing then.
   */
  record(options: RecordOptions): Promise<RecordEntry>;
  /** Every live record config and the idle ones with keepAlive. */
  configs(): readonly RecordEntry[];
  /**
   * Removes a record config: a running recording is finished, a waiting one cancelled. undefined where there is none.
   */
  removeConfig(configId: number): RecordEntry | undefined;

  /** What is recorded without a command for each stream. */
  readonly rules: RulesApi;

  outStreams(): readonly OutStream[];
  /** What the gaps of a running out-stream took, by cause. */
  lossesOf(outStreamId: number): ReadonlyMap<GapCause, Readonly<Loss>>;
  /** What all recordings of this run took, lost and closed. */
  recordedTotals(): RecordedTotals;
  /** Out-streams fed by an in-stream. */
  outStreamsOf(inStreamId: number): readonly OutStream[];
  /**
   * Ends a recording. `permanently` removes its config; else, while the source lives, the next file begins at the next
   * random access point, nothing lost.
   */
  stopOutStream(id: number, permanently: boolean): boolean;
  /** Ends a recording's file at the next random access point, and goes on in a new one. False where none runs. */
  cutOutStream(id: number): boolean;

  collect(): readonly Sample[];
  collectEach(): Iterable<readonly Sample[]>;

  /** Segments closed after `sequence`. */
  closedSince(sequence: number): Promise<ClosedSince>;

  /** Every segment from its opening to its deletion, by stream and time. */
  readonly catalog: SegmentCatalog;

  /** Resolves when the catalogue holds all that the ledger and the media folders do. */
  whenCatalogued(): Promise<void>;

  /** Who may record, by the retention of a volume: why a config may not, or undefined. Asked before every start. */
  admission: Admission;
  /** Ends the recordings that may not run any more; their configs go on by themselves when they may. */
  enforceAdmission(): void;

  /** What must survive a restart, beside the record configs (pull configs): by default a JSON file. */
  readonly store: ConfigStore;

  /** Media folders, the first is the base of relative paths. Absolute. */
  readonly mediaFolders: readonly string[];

  /** Drains and finishes everything, then resolves. */
  close(): Promise<void>;
}
