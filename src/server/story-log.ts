// The story of a server at level info, one line each: who publishes, what is recorded, which files are closed. A line
// says what an operator asks for first: the name, the codecs, the address, how long, how much, and what is missing.
// Failures have their lines where they happen.

import type { EventEmitter } from "node:events";
import { maskCredentials } from "../base/credentials.js";
import type { Logger } from "../base/logger.js";
import type { ClosedSegmentReport } from "../catalog/segment-report.js";
import type { OutStream } from "../recording/lifecycle/out-stream.js";
import type { RecorderEvents } from "../recording/recorder-events.js";
import type { InStream } from "../stream/in-stream.js";

export interface StoryParts {
  readonly recorder: EventEmitter<RecorderEvents>;
  readonly logger: Logger;
  readonly monotonicMs: () => number;
  /** Tells the streams that we fetch from those that come. */
  readonly isPulled: (stream: InStream) => boolean;
}

/** Follows a recorder. */
export function tellStory({ recorder, logger, monotonicMs, isPulled }: StoryParts): void {
  const begun = new WeakMap<InStream, { ms: number; isPulled: boolean }>();
  recorder.on("inStreamCreated", (stream) => {
    const run = { ms: monotonicMs(), isPulled: false };
    begun.set(stream, run);
    const tell = (): void => {
      run.isPulled = isPulled(stream);
      logger.info(
        { stream: stream.name, ...codecs(stream), from: address(stream) },
        run.isPulled ? "pull up" : "publisher in",
      );
    };
    // Before its tracks are settled nobody knows them all.
    if (stream.settled) tell();
    else stream.once("settled", tell);
  });
  recorder.on("inStreamClosed", (stream, reason) => {
    const run = begun.get(stream);
    // A pulled source tells itself why it is down.
    if (run?.isPulled) return;
    const seconds = round((monotonicMs() - (run?.ms ?? monotonicMs())) / 1000);
    const context = { stream: stream.name, from: address(stream), seconds, ...totals(stream) };
    logger.info({ ...context, reason: maskCredentials(reason) }, "publisher out");
  });
  recorder.on("outStreamCreated", (out) => logger.info(recordingContext(out), "recording begun"));
  recorder.on("segmentClosed", (report) =>
    logger.info(closedContext(report), report.recovered ? "file recovered" : "file closed"),
  );
}

function codecs(stream: InStream): Record<string, string> {
  const named: Record<string, string> = {};
  for (const track of stream.tracks) {
    const config = stream.config(track.number);
    if (!track.codec) continue;
    const size = config?.video ? ` ${config.video.width}x${config.video.height}` : "";
    named[track.kind] = `${named[track.kind] === undefined ? "" : `${named[track.kind]}, `}${track.codec}${size}`;
  }
  return named;
}

function address({ source }: InStream): string | undefined {
  return source.farIp === "" ? undefined : `${source.farIp}:${source.farPort}`;
}

function totals(stream: InStream): { bytes: number; dropped?: number } {
  const bytes = stream.statistics.reduce((sum, track) => sum + track.bytes, 0);
  const dropped = stream.statistics.reduce((sum, track) => sum + track.droppedFrames, 0);
  return dropped > 0 ? { bytes, dropped } : { bytes };
}

function recordingContext({ config, id, computedPathToFile }: OutStream): object {
  return {
    stream: config.localStreamName,
    file: computedPathToFile,
    type: config.type,
    configId: config.configId,
    outStreamId: id,
  };
}

function closedContext(report: ClosedSegmentReport): object {
  return {
    stream: report.localStreamName,
    file: report.path,
    seconds: round(report.durationMs / 1000),
    video: report.videoFrames,
    audio: report.audioFrames,
    bytes: report.sizeBytes,
    gaps: report.gaps.length,
    ...(report.lost && report.lost.frames > 0 && { lostFrames: report.lost.frames }),
  };
}

/** To the millisecond. */
function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
