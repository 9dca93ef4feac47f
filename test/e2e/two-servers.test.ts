// Two servers on one media folder, told to record the same stream name over the same file: neither touches what the
// other is writing.

import { readdir, stat, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerName } from "../../src/container/table.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { effort, seed } from "../support/effort.js";
import { ffprobe } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { mulberry32 } from "../support/random.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const satisfies readonly ContainerName[];
let clip: string;
let wanted: number | undefined;
beforeAll(async () => {
  clip = await makeClip({ seconds: 3 });
  wanted = (await ffprobe(clip)).video?.packets.length;
});
// Each has servers of its own, and waits for media time: they run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
});

interface Server {
  server: ReelProcess;
  control: Control;
}

async function start(media?: string, root?: string): Promise<Server> {
  const server = await ReelProcess.start({
    ...(media !== undefined && { media }),
    ...(root !== undefined && { root }),
  });
  return { server, control: await Control.connect(server) };
}

const record = ({ control }: Server, type: ContainerName, overwrite: 0 | 1): Promise<unknown> =>
  control.succeed(`record localStreamName=cam1 pathToFile=x type=${type} overwrite=${overwrite} keepAlive=0`);

describe.concurrent.each(CONTAINERS.slice(0, effort(2, 3)))("two servers on one folder, %s", (type) => {
  const overwrites = [
    [1, 1],
    [0, 1],
  ] as const;
  it.each(overwrites.slice(0, effort(1, 2)))(
    "leave each other's growing file alone (overwrite=%i and %i), and the second takes the next number",
    async (ofFirst, ofSecond) => {
      const a = await start();
      const b = await start(a.server.media);
      await record(a, type, ofFirst);
      await record(b, type, ofSecond);
      const first = publishWithFfmpeg({ url: a.server.rtmpUrl("cam1"), input: clip });
      await a.control.wait("recordChunkCreated");
      // Both write from here on; B is done first.
      await publishWithFfmpeg({ url: b.server.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
      const [ofB] = await b.control.wait("recordChunkClosed");
      await first.exited;
      const [ofA] = await a.control.wait("recordChunkClosed");
      const names = [`x.${type}`, `x_0001.${type}`];
      expect([ofA?.payload.file, ofB?.payload.file]).toEqual(names.map((name) => a.server.file(name)));
      expect((await readdir(a.server.media)).sort()).toEqual(names);
      for (const name of names) {
        expect((await ffprobe(a.server.file(name))).video?.packets.length, name).toBe(wanted);
        expect((await verifyFile(a.server.file(name))).defects, name).toEqual([]);
      }
      expect([...a.control.of("recordChunkError"), ...b.control.of("recordChunkError")]).toEqual([]);
    },
  );
});

describe.concurrent.each((["ts", "flv"] as const).slice(0, effort(1, 2)))("a growing %s", (type) => {
  it("is taken over when its server was killed, and left alone by that one's recovery", async () => {
    const a = await start();
    const b = await start(a.server.media);
    const path = a.server.file(`x.${type}`);
    await record(a, type, 1);
    publishWithFfmpeg({ url: a.server.rtmpUrl("cam1"), input: clip, loops: -1 });
    await a.control.wait("recordChunkCreated");
    await until("bytes", async () => ((await stat(path)).size > 50_000 ? true : undefined));
    await a.server.kill();
    await record(b, type, 1);
    const second = publishWithFfmpeg({ url: b.server.rtmpUrl("cam1"), input: clip, loops: -1 });
    await b.control.wait("recordChunkCreated");
    // The ledger of A still has the file as its own.
    const again = await start(a.server.media, a.server.root);
    await until("it has looked", () =>
      again.server.output.includes("belongs to another running server") ? true : undefined,
    );
    await second.kill();
    const [closed] = await b.control.wait("recordChunkClosed");
    expect(closed?.payload.file).toBe(path);
    expect((await ffprobe(path)).video?.packets.length).toBe(closed?.payload.frameCount);
    expect((await verifyFile(path)).defects).toEqual([]);
  });

  it("that nobody writes any more is replaced, however young it is", async () => {
    const a = await start();
    const path = a.server.file(`x.${type}`);
    await writeFile(path, Buffer.alloc(1_000_000, 7));
    await record(a, type, 1);
    await publishWithFfmpeg({ url: a.server.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
    const [closed] = await a.control.wait("recordChunkClosed");
    expect(closed?.payload.file).toBe(path);
    expect(await readdir(a.server.media)).toEqual([`x.${type}`]);
    expect((await verifyFile(path)).defects).toEqual([]);
  });
});

it(`hold through many starts at the same moment (seed ${seed})`, { timeout: effort(60_000, 900_000) }, async () => {
  const random = mulberry32(seed);
  const short = await makeClip({ seconds: 1 });
  const frames = (await ffprobe(short)).video?.packets.length;
  const a = await start();
  const b = await start(a.server.media);
  for (let round = 0; round < effort(2, 60); round++) {
    const type = CONTAINERS[Math.floor(random() * 3)] as ContainerName;
    const closed = [a.control.of("recordChunkClosed").length, b.control.of("recordChunkClosed").length];
    for (const { control } of [a, b])
      await control.succeed(`record localStreamName=cam1 pathToFile=r${round} type=${type} overwrite=1 keepAlive=0`);
    const publishers = [a, b].map(({ server }) =>
      publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: short, realtime: random() < 0.7 }),
    );
    await Promise.all(publishers.map((publisher) => publisher.exited));
    const files = await Promise.all(
      [a, b].map(
        async ({ control }, i) => (await control.wait("recordChunkClosed", (closed[i] ?? 0) + 1)).at(-1)?.payload.file,
      ),
    );
    // One may have been closed before the other began, and is replaced then: what was closed last is whole.
    for (const file of new Set(files)) {
      expect((await ffprobe(file as string)).video?.packets.length, `${round} ${file}`).toBe(frames);
      expect((await verifyFile(file as string)).defects, `${round} ${file}`).toEqual([]);
    }
  }
  expect([...a.control.of("recordChunkError"), ...b.control.of("recordChunkError")]).toEqual([]);
});
