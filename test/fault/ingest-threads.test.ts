// Threads that read publishers, beside real recordings of every container: they are killed at random, and descriptors
// are used again as fast as they can be. Every stream has bytes of its own, and every file is read back: of a stream
// whose thread did not die all frames are there, once and in order; of the others those up to some frame; nowhere one
// of another stream.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import type { ContainerName } from "../../src/container/table.js";
import { RtmpServer } from "../../src/ingest/rtmp/rtmp-server.js";
import { IngestWorkers } from "../../src/ingest/workers/ingest-workers.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { Gap } from "../../src/stream/gap.js";
import { effort, seed } from "../support/effort.js";
import { readMp4 } from "../support/mp4-reader.js";
import { readFrames } from "../support/oracle.js";
import { mulberry32 } from "../support/random.js";
import { audioTag, messageBytes, obsOpening, PACKET_CONFIG, PACKET_FRAME, videoTag } from "../support/rtmp-bytes.js";
import { ASC, AVCC, accessUnit, NAL_IDR, NAL_SLICE, nalUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const satisfies readonly ContainerName[];
const THREADS = 2;
const CHUNK_SIZE = 128;
const FRAME_MS = 40;
const GOP = 10;
/** How long a busy machine may take for a step. */
const BUSY_MS = 120_000;

let root: string;
let reel: Recorder;
let workers: IngestWorkers;
let server: RtmpServer;
let port: number;
const closed: ClosedSegmentReport[] = [];
const failures: string[] = [];
let opened = 0;
const gaps: Gap[] = [];
/** Why the runs of each stream ended, in order. */
const ends = new Map<string, string[]>();

beforeEach(async () => {
  for (const list of [closed, failures, gaps]) list.length = 0;
  ends.clear();
  opened = 0;
  root = await mkdtemp(join(tmpdir(), "reel-test-"));
  reel = await Recorder.open({
    mediaFolders: [join(root, "media")],
    stateFolder: join(root, "state"),
    scheduler: { tickMs: 10, maxAgeMs: 50 },
  });
  reel.on("segmentOpened", () => opened++);
  reel.on("segmentClosed", (report) => closed.push(report));
  reel.on("segmentFailed", (report) => failures.push(report.error));
  reel.on("gap", (gap) => gaps.push(gap));
  reel.on("inStreamClosed", ({ name }, reason) => ends.set(name, [...(ends.get(name) ?? []), reason]));
  const { arena, clock, streams: registry } = reel;
  workers = await IngestWorkers.start({ arena, clock, logger: silentLogger, workers: THREADS });
  server = new RtmpServer({ registry, arena, clock, logger: silentLogger, workers });
  ({ port } = await server.listen({ host: "127.0.0.1", port: 0 }));
});

afterEach(async () => {
  await server.close();
  await workers.close();
  await reel.close();
  await rm(root, { recursive: true, force: true });
});

function hashOf(bytes: Uint8Array | string): string {
  return createHash("sha1").update(bytes).digest("base64");
}

/** One connection's worth of a stream. */
class Run {
  /** Hashes of what was sent, by track. */
  readonly sent: Record<"video" | "audio", string[]> = { video: [], audio: [] };

  constructor(readonly number: number) {}

  head(): Buffer {
    return Buffer.concat([
      this.#message(6, 9, 0, videoTag(true, PACKET_CONFIG, 0, AVCC)),
      this.#message(7, 8, 0, audioTag(PACKET_CONFIG, ASC)),
    ]);
  }

  next(): Buffer {
    const i = this.sent.video.length;
    const isKey = i % GOP === 0;
    const slice = nalUnit(isKey ? NAL_IDR : NAL_SLICE, 90 + (i % 7), this.number * 10_000 + i);
    const sound = nalUnit(NAL_SLICE, 20 + (i % 3), this.number * 10_000 + 5000 + i);
    this.sent.video.push(hashOf(slice));
    this.sent.audio.push(hashOf(sound));
    return Buffer.concat([
      this.#message(6, 9, i * FRAME_MS, videoTag(isKey, PACKET_FRAME, 0, accessUnit([slice]))),
      this.#message(7, 8, i * FRAME_MS, audioTag(PACKET_FRAME, sound)),
    ]);
  }

  #message(csid: number, type: number, time: number, payload: Uint8Array): Buffer {
    return messageBytes({ csid, type, streamId: 1, time, payload }, CHUNK_SIZE);
  }
}

async function connect(): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  if (socket.connecting) await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return socket;
}

/** Publishes one run after the other, of some frames each, until it is told to stop. */
async function publish(name: string, runs: Run[], framesOf: () => number, isOver: () => boolean): Promise<void> {
  for (; !isOver(); ) {
    const run = new Run(publishedRuns++);
    runs.push(run);
    const socket = await connect();
    socket.write(obsOpening("live", name));
    socket.write(run.head());
    for (let left = framesOf(); left > 0 && !socket.destroyed && !isOver(); left--) {
      socket.write(run.next());
      await delay(left % 4 === 0 ? 2 : 0);
    }
    socket.end();
    await until(`run ${runs.length} of ${name} ends`, () => ends.get(name)?.length === runs.length, BUSY_MS);
  }
}
let publishedRuns = 1;

function hashesIn({ path, container }: ClosedSegmentReport): { track: "video" | "audio"; hash: string }[] {
  const bytes = readFileSync(path);
  if (container !== "mp4")
    return readFrames(container as "ts" | "flv", bytes).map(({ track, content }) => ({
      track,
      hash: hashOf(Buffer.from(content, "hex")),
    }));
  return readMp4(path).tracks.flatMap(({ kind, samples }) =>
    samples.map(({ offset, sizeBytes }) => ({
      track: kind,
      // A length stands before the slice.
      hash: hashOf(bytes.subarray(offset + (kind === "video" ? 4 : 0), offset + sizeBytes)),
    })),
  );
}

/** Answers how many frames are in the files. */
function expectOnlyOwnFrames(name: string, runs: readonly Run[]): number {
  const places = new Map<string, [run: number, index: number]>();
  for (const [i, { sent }] of runs.entries())
    for (const track of ["video", "audio"] as const)
      for (const [index, hash] of sent[track].entries()) places.set(`${track} ${hash}`, [i, index]);
  /** How many of each run were found. */
  const found = runs.map(() => ({ video: 0, audio: 0 }));
  const own = closed.filter(({ localStreamName }) => localStreamName === name);
  // Parts of a run are numbered.
  for (const report of own.sort((a, b) => (a.path < b.path ? -1 : 1)))
    for (const { track, hash } of hashesIn(report)) {
      const [run, index] = places.get(`${track} ${hash}`) ?? [-1, -1];
      const count = found[run];
      if (!count || index !== count[track])
        expect.fail(`${report.path}: ${track} ${index} of run ${run}, behind ${JSON.stringify(count)}`);
      count[track]++;
    }
  for (const [i, { sent }] of runs.entries()) {
    const reason = ends.get(name)?.[i];
    const all = { video: sent.video.length, audio: sent.audio.length };
    if (!reason?.includes("died")) expect(found[i], `${name}, run ${i}: ${reason}`).toEqual(all);
    else expect(found[i]?.video, `${name}, run ${i}`).toBeLessThanOrEqual(all.video);
  }
  return found.reduce((sum, { video, audio }) => sum + video + audio, 0);
}

async function record(names: readonly string[], chunkLength: number): Promise<void> {
  for (const [i, name] of names.entries()) {
    const type = CONTAINERS[i % CONTAINERS.length] ?? "ts";
    await reel.record({ localStreamName: name, pathToFile: name, type, chunkLength });
  }
}

async function allClosed(): Promise<void> {
  const isFinal = (): boolean => reel.outStreams().length === 0 && closed.length === opened;
  await until("the last file is final", isFinal, BUSY_MS);
  expect(failures).toEqual([]);
  expect(gaps.filter(({ cause }) => cause !== "heldBack")).toEqual([]);
}

/** All of them, run after run of so many frames, until the end. */
function publishAll(names: readonly string[], framesOf: (name: string, own: readonly Run[]) => number) {
  const runs = new Map(names.map((name) => [name, [] as Run[]]));
  let isOver = false;
  const publishing = [...runs].map(([name, own]) =>
    publish(
      name,
      own,
      () => framesOf(name, own),
      () => isOver,
    ),
  );
  const end = async (): Promise<void> => {
    isOver = true;
    await Promise.all(publishing);
  };
  return { runs, end };
}

it(`killed at random cost nobody else a frame (seed ${seed})`, {
  timeout: effort(60_000, 1_200_000),
}, async (context) => {
  const random = mulberry32(seed);
  const kills = effort(3, 40);
  const names = Array.from({ length: effort(6, 24) }, (_, i) => `s${i}`);
  await record(names, 4);
  const { runs, end } = publishAll(names, () => 30 + Math.floor(random() * 200));
  for (let i = 0; i < kills; i++) {
    await delay(50 + random() * 300);
    const ready = await until(
      "threads that read",
      () => {
        const { threads } = workers;
        return threads.length === THREADS && threads.every((own) => own.isReady && own.clients.size > 0) && threads;
      },
      BUSY_MS,
    );
    await ready[Math.floor(random() * THREADS)]?.kill();
  }
  await end();
  await allClosed();
  let frames = 0;
  for (const [name, own] of runs) frames += expectOnlyOwnFrames(name, own);
  const died = [...ends.values()].flat().filter((reason) => reason.includes("died")).length;
  expect(died).toBeGreaterThan(0);
  context.annotate?.(
    `${kills} kills, ${[...ends.values()].flat().length} runs of which ${died} died, ${closed.length} files, ${frames} frames`,
  );
});

it("used again at once bring no byte of one connection to another", {
  timeout: effort(60_000, 1_200_000),
}, async (context) => {
  const names = Array.from({ length: effort(6, 100) }, (_, i) => `${i % 4 > 0 ? "steady" : "comer"}${i}`);
  const connects = effort(150, 10_000);
  // Most of a connection's time is the rest of its socket, so it takes many at once to use descriptors fast.
  const chains = effort(10, 40);
  await record(names, 60);
  const { runs, end } = publishAll(names, (name, own) =>
    name.startsWith("steady") ? Number.POSITIVE_INFINITY : 5 + (own.length % 20),
  );
  const churn = async (from: number): Promise<void> => {
    for (let i = from; i < connects; i += chains) {
      const socket = await connect();
      const opening = obsOpening("live", `brief${i}`);
      const run = new Run(publishedRuns++);
      // Gone in the handshake, behind the publish command, or in a frame.
      const at = [1000, opening.length, opening.length + 250][i % 3] ?? 0;
      socket.write(Buffer.concat([opening, run.head(), run.next()]).subarray(0, at));
      if (i % 2 === 0) socket.destroy();
      else socket.end();
      if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
    }
  };
  await Promise.all(Array.from({ length: chains }, (_, from) => churn(from)));
  await end();
  await allClosed();
  await until("the brief ones are gone", () => reel.streams.list().length === 0);
  let frames = 0;
  for (const [name, own] of runs) {
    frames += expectOnlyOwnFrames(name, own);
    if (name.startsWith("steady")) expect(own, name).toHaveLength(1);
  }
  const all = [...runs.values()].flat().length;
  context.annotate?.(`${connects} connects beside ${all} recorded runs, ${closed.length} files, ${frames} frames`);
});
