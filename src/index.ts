// The library: a recorder embedded in a Node program. Open a stream, write frames, record; nothing here listens on a
// port. examples/embed.mjs is a whole program.

import "./base/web-assembly-types.js";

import { ReelError } from "./base/reel-error.js";
import type { EmbeddedRecorder } from "./recording/embedded-recorder.js";
import { Recorder as RecorderParts } from "./recording/recorder.js";
import type { RecorderOptions } from "./recording/recorder-options.js";
import { Retention as RetentionParts, type RetentionSettings } from "./retention/retention.js";

export type Recorder = EmbeddedRecorder;

export const Recorder: {
  /**
   * Opens the state folder, reads what the last run left, and takes up its record configs. Throws ReelError `locked`
   * where another recorder has the folder, `badArgument`, and what a file operation throws.
   */
  open(options?: RecorderOptions): Promise<Recorder>;
} = RecorderParts;

/** Deletes what the rules of an embedded recorder no longer keep, and says who may record where a volume fills up. */
export type Retention = Pick<RetentionParts, "hold" | "release" | "holds" | "plan" | "run" | "isComplete" | "close">;

export const Retention: {
  /**
   * `settings` as `retention` of reel.json, media folders as `mediaFolders` of the recorder has them. Close it before
   * the recorder. Throws ReelError `badArgument` for a folder that is none of the recorder's.
   */
  start(parts: { recorder: Recorder; settings?: RetentionSettings }): Retention;
} = {
  start({ recorder, settings }) {
    if (!(recorder instanceof RecorderParts))
      throw new ReelError("badArgument", "retention is for a recorder of this library");
    const { clock, logger } = recorder;
    return RetentionParts.start({ recorder, settings, clock, logger });
  },
};

export { TRACK_AUDIO, TRACK_VIDEO } from "./abi/frame.js";
export type { Logger } from "./base/logger.js";
export { type ErrorCode, ReelError } from "./base/reel-error.js";
export type {
  ClosedSegmentReport,
  DeletedSegmentReport,
  DeletionCause,
  FailedSegmentReport,
  SegmentReport,
} from "./catalog/segment-report.js";
export type { CodecName } from "./media/codec/codec-entry.js";
export type { FrameWriter } from "./recording/frame-writer.js";
export type { OutStream, OutTrackStatistics } from "./recording/lifecycle/out-stream.js";
export type { Durability, RecordConfig, RecordEntry, RecordOptions } from "./recording/record-config.js";
export type { RecorderEvents } from "./recording/recorder-events.js";
export type { RecorderOptions } from "./recording/recorder-options.js";
export type { RuleOptions } from "./recording/rules/record-rule.js";
export type { RuleEntry, RulesApi } from "./recording/rules/record-rules.js";
export type { RetentionSettings } from "./retention/retention.js";
export type { Gap, GapCause } from "./stream/gap.js";
export type { InStream } from "./stream/in-stream.js";
export type { SourceInfo } from "./stream/source-info.js";
