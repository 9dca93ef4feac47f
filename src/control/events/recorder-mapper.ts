// Turns the recorder's reports into EMS's events. They keep the recorder's order (ems-record-spec §6.3), since nothing
// is delayed here.

import type { EventEmitter } from "node:events";
import type { UploadedSegmentReport } from "../../catalog/segment-report.js";
import type { OutStream } from "../../recording/lifecycle/out-stream.js";
import { type RecorderEvents, WAITING_TEXT } from "../../recording/recorder-events.js";
import type { RetentionStep } from "../../retention/retention.js";
import type { InStream } from "../../stream/in-stream.js";
import type { UploadFailure } from "../../upload/uploads.js";
import type { ControlView } from "../control-view.js";
import { Decimal, type ValueObject } from "../replies/reply.js";
import { codecsOf, type InStreamCodecs, inStreamObject, outStreamObject } from "../replies/stream-object.js";
import type { EventBus } from "./event-bus.js";
import {
  chunkClosed,
  chunkCreated,
  chunkError,
  copyFailed,
  recordGap,
  segmentCopied,
  segmentDeleted,
  segmentUploaded,
  uploadFailed,
} from "./segment-payloads.js";

/** Connects a recorder with a bus. Returns a function that disconnects them. */
export function mapRecorderEvents(view: ControlView, bus: EventBus): () => void {
  const { recorder } = view;
  // By the time of inStreamClosed the stream has freed its decoder configurations.
  const lastCodecs = new WeakMap<InStream, InStreamCodecs>();
  const keepCodecs = (stream: InStream): void => void lastCodecs.set(stream, codecsOf(stream));
  const detachers = [
    on("inStreamCreated", (stream) => {
      const updated = (): void => bus.emit("inStreamCodecsUpdated", () => inStreamObject(stream, view));
      stream.on("config", updated);
      stream.on("unrecorded", updated);
      bus.emit("inStreamCreated", () => inStreamObject(stream, view));
    }),
    on("inStreamClosed", (stream) =>
      bus.emit("inStreamClosed", () => inStreamObject(stream, view, lastCodecs.get(stream))),
    ),
    on("outStreamCreated", (out) =>
      bus.emit("outStreamCreated", () => ({ ...outStreamObject(out, view), ...recordingIds(out) })),
    ),
    on("outStreamClosed", (out) =>
      bus.emit("outStreamClosed", () => ({ ...outStreamObject(out, view), ...recordingIds(out) })),
    ),
    on("segmentOpened", (report) => bus.emit("recordChunkCreated", () => chunkCreated(report))),
    on("segmentClosed", (report) => bus.emit("recordChunkClosed", () => chunkClosed(report))),
    on("segmentFailed", (report) => bus.emit("recordChunkError", () => chunkError(report))),
    on("segmentCopied", (report) => bus.emit("segmentCopied", () => segmentCopied(report))),
    on("copyFailed", (failure) => bus.emit("copyFailed", () => copyFailed(failure))),
    on("segmentDeleted", (report) => bus.emit("segmentDeleted", () => segmentDeleted(report))),
    on("pastShort", (localStreamName, { seconds, keptSeconds, keptBytes, spilledBytes }) =>
      bus.emit("pastShort", () => ({
        localStreamName,
        seconds,
        keptSeconds: new Decimal(Math.round(keptSeconds * 10) / 10),
        keptBytes,
        spilledBytes,
      })),
    ),
    on("recordWaiting", (out) =>
      bus.emit("recordWaiting", () => ({
        ...out.config.variables,
        ...recordingIds(out),
        description: WAITING_TEXT,
      })),
    ),
    on("gap", (gap, report) => bus.emit("recordGap", () => recordGap(gap, report))),
  ];
  recorder.streams.on("ended", keepCodecs);
  const stepped = (step: RetentionStep): void => bus.emit("retentionStep", () => ({ ...step }));
  view.retention?.on("step", stepped);
  const uploaded = (report: UploadedSegmentReport): void => bus.emit("segmentUploaded", () => segmentUploaded(report));
  const uploadFailure = (failure: UploadFailure): void => bus.emit("uploadFailed", () => uploadFailed(failure));
  view.uploads?.on("uploaded", uploaded).on("failed", uploadFailure);
  return () => {
    view.uploads?.off("uploaded", uploaded).off("failed", uploadFailure);
    view.retention?.off("step", stepped);
    recorder.streams.off("ended", keepCodecs);
    for (const detach of detachers) detach();
  };

  function on<K extends keyof RecorderEvents>(event: K, listener: (...args: RecorderEvents[K]) => void): () => void {
    // EventEmitter's generics cannot follow a key that is itself generic.
    const untyped = listener as (...args: unknown[]) => void;
    const emitter: EventEmitter = recorder;
    emitter.on(event, untyped);
    return () => emitter.off(event, untyped);
  }
}

/** Of an event that concerns no file: no entry of the ledger is its. */
function recordingIds({ config, id }: OutStream): ValueObject {
  return { configId: config.configId, localStreamName: config.localStreamName, outStreamId: id, sequence: 0 };
}
