// Commands of ours for people who watch a server: serverStatus shows all that runs on one screen (`reel status`,
// `reel top`), listSegments asks the catalogue (`reel ls`).

import { statfs } from "node:fs/promises";
import { maskUri } from "../../base/credentials.js";
import { ReelError } from "../../base/reel-error.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import { RECORD_STATUS_TEXTS } from "../replies/config-object.js";
import { listOrNull, success, type ValueObject } from "../replies/reply.js";
import { codecsOf, inStreamObject } from "../replies/stream-object.js";
import { type CommandContext, defineCommand } from "./command.js";
import { CommandFailure, optionalInteger, optionalText } from "./parameter.js";
import { parseTime } from "./parse-time.js";

const MAX_PAGE = 10_000;
/** A page over all time ends behind so many days, full or not, so that none takes for ever. */
const PAGE_DAYS = 31;
const DEFAULT_PAGE = 1000;

export const serverStatus = defineCommand({
  name: "serverStatus",
  description:
    "Shows what runs at a glance: the server, its sources, its recordings with their lag and losses, its disks.",
  parameters: {},
  async handle(_args, context) {
    return success("Server status", {
      disks: await Promise.all(context.recorder.mediaFolders.map(diskOf)),
      recordings: recordingsOf(context),
      server: serverOf(context),
      streams: streamsOf(context),
    });
  },
});

function serverOf({ identity }: CommandContext): ValueObject {
  const { user, system } = process.cpuUsage();
  return {
    cpuMs: Math.round((user + system) / 1000),
    memoryBytes: process.memoryUsage.rss(),
    pid: process.pid,
    upTimeMs: Math.round(process.uptime() * 1000),
    version: identity.version,
  };
}

function streamsOf(context: CommandContext): ValueObject[] {
  const nowMs = context.clock.monotonicMs();
  return context.recorder.streams.list().map((stream) => {
    const codecs = codecsOf(stream);
    const sum = (key: "bytes" | "frames" | "droppedFrames") =>
      stream.statistics.reduce((total, track) => total + track[key], 0);
    const pull = context.pulls.ofStream(stream);
    return {
      audio: codecs.audio ?? "",
      bytes: sum("bytes"),
      droppedFrames: sum("droppedFrames"),
      farIp: stream.source.farIp,
      farPort: stream.source.farPort,
      frames: sum("frames"),
      height: codecs.height,
      id: stream.id,
      isHeldBack: stream.isHeldBack,
      name: stream.name,
      type: inStreamObject(stream, context).type as string,
      upTimeMs: Math.round(nowMs - stream.createdMonotonicMs),
      uri: pull ? maskUri(pull.settings.uri) : "",
      video: codecs.video ?? "",
      width: codecs.width,
    };
  });
}

/** Every record config, those that wait too. A config that hands over has two recordings for a moment. */
function recordingsOf(context: CommandContext): ValueObject[] {
  const { recorder, clock } = context;
  const outs = recorder.outStreams();
  return recorder.configs().flatMap((entry) => {
    const { configId, localStreamName, type } = entry.config;
    const common = { configId, localStreamName, state: RECORD_STATUS_TEXTS[entry.status.current.code] ?? "", type };
    const own = outs.filter((out) => out.config.configId === configId);
    if (own.length === 0)
      return [{ ...common, ...IDLE, file: entry.computedPathToFile, upTimeMs: 0 } satisfies ValueObject];
    return own.map((out): ValueObject => {
      const tracks = [out.tracksOf("video"), out.tracksOf("audio")];
      const sum = (key: "bytes" | "frames" | "droppedFrames") => tracks.reduce((total, track) => total + track[key], 0);
      return {
        ...common,
        bytes: sum("bytes"),
        file: out.currentPath ?? out.computedPathToFile,
        frames: sum("frames"),
        lagMs: Math.round(out.lagMs),
        lostFrames: sum("droppedFrames"),
        outStreamId: out.id,
        upTimeMs: Math.round(clock.monotonicMs() - out.createdMonotonicMs),
      };
    });
  });
}

const IDLE = { bytes: 0, frames: 0, lagMs: 0, lostFrames: 0, outStreamId: 0 };

async function diskOf(folder: string): Promise<ValueObject> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    return { error: (error as Error).message, folder, freeBytes: 0, totalBytes: 0 };
  }
}

export const listSegments = defineCommand({
  name: "listSegments",
  description:
    "Lists recorded files from the catalogue, oldest first, page by page; a page that goes over more than a month may be short, or empty, and have a cursor.",
  parameters: {
    localStreamName: optionalText("Name of the recorded stream; all where not given."),
    from: optionalText("Files that end after this: a date and time (ISO 8601) or Unix milliseconds."),
    to: optionalText("Files that begin before this."),
    limit: optionalInteger(`Files of one page, at most ${MAX_PAGE}; ${DEFAULT_PAGE} where not given.`, MAX_PAGE),
    cursor: optionalText("From the page before, of the same question."),
  },
  async handle({ localStreamName, from, to, limit, cursor }, { recorder }) {
    try {
      const page = await recorder.catalog.query({
        ...(localStreamName !== "" && { stream: localStreamName }),
        ...(from !== "" && { from: parseTime("from", from) }),
        ...(to !== "" && { to: parseTime("to", to) }),
        ...(cursor !== "" && { cursor }),
        limit: limit ?? DEFAULT_PAGE,
        maxDays: PAGE_DAYS,
      });
      return success("Recorded files", {
        cursor: page.cursor ?? null,
        isComplete: page.isComplete,
        segments: listOrNull(page.segments.map(segmentObject)),
      });
    } catch (error) {
      if (error instanceof ReelError) throw new CommandFailure(`Unable to list segments. ${error.message}`);
      throw error;
    }
  },
});

function segmentObject(segment: FoundSegment): ValueObject {
  const { id, state, path, container, localStreamName, configId, startedMs, stoppedMs, durationMs, sizeBytes } =
    segment;
  return {
    audioFrames: segment.audioFrames,
    configId,
    durationMs: Math.round(durationMs),
    file: path,
    gaps: segment.gaps,
    id,
    isMissing: segment.missing === true,
    localStreamName,
    lostFrames: segment.lost?.frames ?? 0,
    sizeBytes,
    startTime: new Date(startedMs).toISOString(),
    state,
    stopTime: stoppedMs === null ? null : new Date(stoppedMs).toISOString(),
    type: container,
    videoFrames: segment.videoFrames,
  };
}
