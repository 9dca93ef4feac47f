// The library: a recorder embedded in a Node program. Open an in-stream, write frames, record; nothing here listens on
// a port.

export { TRACK_AUDIO, TRACK_VIDEO } from "./abi/frame.js";
export type { Logger } from "./base/logger.js";
export { type ErrorCode, ReelError } from "./base/reel-error.js";
export type { CatalogPage, SegmentCatalog } from "./catalog/catalog.js";
export type { SegmentQuery } from "./catalog/catalog-reader.js";
export type { CatalogSegment, FoundSegment, SegmentState } from "./catalog/catalog-segment.js";
export type { ClosedSegmentReport, FailedSegmentReport, SegmentReport } from "./catalog/segment-report.js";
export type { OutStream, OutTrackStatistics } from "./recording/lifecycle/out-stream.js";
export type { Durability, RecordConfig, RecordEntry, RecordOptions } from "./recording/record-config.js";
export { Recorder } from "./recording/recorder.js";
export type { RecorderEvents } from "./recording/recorder-events.js";
export type { RecorderOptions } from "./recording/recorder-options.js";
export type { Gap, GapCause } from "./stream/gap.js";
export type { InStream, SourceInfo } from "./stream/in-stream.js";
