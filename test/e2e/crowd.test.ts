// Sixty publishers at once, each recorded to all three containers: every file is complete, and the server gives back
// what it took.

import { readdir, readFile, readlink } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import { publishFlv, RtmpPublisher } from "../../src/ingest/rtmp/publish-client.js";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { makeClip } from "../support/clip.js";
import { effort, isTorture } from "../support/effort.js";
import { ffprobe } from "../support/ffprobe.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

const PUBLISHERS = 60;
const CONTAINERS = ["mp4", "ts", "flv"] as const;

afterEach(stopServers);

/** Sockets and files, as publishers and recordings have them; threads that are idle for 10 s give back others. */
async function descriptors(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => "")));
  return links.filter((link) => isTorture || link.startsWith("socket:") || link.startsWith("/"));
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

describe("sixty publishers at once", () => {
  it("are recorded to 180 files without a frame lost, and nothing of them stays in the server", async () => {
    const clip = await makeClip({ seconds: effort(2, 3) });
    const tags = [...parseFlvFile(await readFile(clip))];
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    const names = Array.from({ length: PUBLISHERS }, (_, i) => `cam${i}`);
    const round = async (number: number): Promise<void> => {
      for (const name of names)
        for (const type of CONTAINERS)
          await control.succeed(`record localStreamName=${name} pathToFile=${name}-${number} type=${type} keepAlive=0`);
      await Promise.all(
        names.map(async (name) => {
          const publisher = await RtmpPublisher.open(server.rtmpUrl(name));
          await publishFlv(publisher, tags, { paced: true });
          await publisher.close();
        }),
      );
      await control.wait("outStreamClosed", number * PUBLISHERS * CONTAINERS.length, 60_000);
    };
    // Opened by the server's first second, and never closed.
    const notes = async (): Promise<boolean> =>
      (await descriptors(server.pid)).some((path) => path.endsWith("received"));
    await until("the notes of recordings are open", notes);
    const descriptorsBefore = (await descriptors(server.pid)).length;
    await round(1);
    // Threads, code and caches are warm now: a second round must not add to them.
    const memoryAfterFirst = await residentMib(server.pid);
    await round(2);
    await until("descriptors are back", async () => (await descriptors(server.pid)).length <= descriptorsBefore);
    expect((await residentMib(server.pid)) - memoryAfterFirst).toBeLessThan(48);
    expect(control.of("recordGap")).toEqual([]);
    expect(control.of("recordChunkError")).toEqual([]);
    const sent = await ffprobe(clip);
    const closed = control.of("recordChunkClosed");
    expect(closed.length).toBe(2 * PUBLISHERS * CONTAINERS.length);
    for (const event of closed)
      expect(event.payload.frameCount, String(event.payload.file)).toBe(sent.video?.packets.length);
    // Every count above is the server's own word; outside validators read a sample of the files.
    for (let i = 0; i < PUBLISHERS; i += 12) {
      for (const type of CONTAINERS) {
        const found = await ffprobe(server.file(`cam${i}-2.${type}`));
        expect(found.video?.packets.length).toBe(sent.video?.packets.length);
        expect(found.audio?.packets.length).toBe(sent.audio?.packets.length);
      }
    }
  });
});
