// Cuts, matching and the life of recordings: every frame is in exactly one segment, every segment can be decoded from
// its first frame, a recording that waits begins with the stream's first frame.

import { readdir } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { ffprobe, type ProbedPacket } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;

// Each has a server of its own, and waits for media time: they run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
});

async function closedFiles(control: Control, type: string): Promise<string[]> {
  return control
    .of("recordChunkClosed")
    .map((event) => String(event.payload.file))
    .filter((file) => file.endsWith(`.${type}`))
    .sort();
}

describe.concurrent("a recording", () => {
  it("is cut at random access points, with every frame in exactly one segment", async () => {
    const clip = await makeClip({ seconds: 20, video: { bFrames: 2, gopFrames: 50 } });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    for (const type of CONTAINERS)
      await control.succeed(`record localStreamName=cam1 pathToFile=cam1 type=${type} chunkLength=2 keepAlive=0`);
    await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
    await control.wait("outStreamClosed", 3);
    const sent = await ffprobe(clip, { hash: true });
    for (const type of CONTAINERS) {
      const files = await closedFiles(control, type);
      expect(files.map((file) => file.slice(server.media.length + 1))).toEqual(
        files.map((_, i) => `cam1_part${String(i).padStart(4, "0")}.${type}`),
      );
      expect(files.length).toBe(10);
      const video: ProbedPacket[] = [];
      const audio: ProbedPacket[] = [];
      for (const file of files) {
        const found = await ffprobe(file, { hash: type !== "ts" });
        expect(found.video?.packets[0]?.isKey, `${file} begins with a random access point`).toBe(true);
        const zero = type === "ts" ? 90000 : 0;
        const first = Math.min(...found.tracks.map((track) => track.packets[0]?.pts90k ?? 0)) - zero;
        expect(first, `${file} begins at zero`).toBeLessThanOrEqual(2 * 3600 + 90); // at most the reorder delay
        video.push(...(found.video?.packets ?? []));
        audio.push(...(found.audio?.packets ?? []));
      }
      expect(video.length, type).toBe(sent.video?.packets.length);
      expect(audio.length, type).toBe(sent.audio?.packets.length);
      if (type !== "ts") {
        expect(video.map((packet) => packet.hash)).toEqual(sent.video?.packets.map((packet) => packet.hash));
        expect(audio.map((packet) => packet.hash)).toEqual(sent.audio?.packets.map((packet) => packet.hash));
      }
    }
  });

  it("that begins in the middle of a stream begins at its next random access point, and stops without touching the publisher", async () => {
    const clip = await makeClip({ seconds: 4 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    const publisher = publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, loops: -1 });
    await control.wait("inStreamCreated");
    const config = await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4");
    await control.wait("recordChunkCreated");
    await control.succeed(`removeConfig id=${String(config.configId)}`);
    await control.wait("outStreamClosed");
    const found = await ffprobe(server.file("cam1.mp4"));
    expect(found.video?.packets[0]?.isKey).toBe(true);
    expect(await control.succeed("isStreamRunning localStreamName=cam1")).toEqual({ Running: true });
    expect((await control.send("listConfig")).data).toMatchObject({ record: [] });
    await publisher.stop();
  });

  it("is reopened under the next number without a frame missing when it is shut down with permanently=0", async () => {
    const clip = await makeClip({ seconds: 8 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4");
    const publisher = publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip });
    for (let round = 1; round <= 2; round++) {
      const created = await control.wait("recordChunkCreated", round);
      expect(created.length).toBe(round);
      const streams = (await control.send("listStreams")).data as { type: string; uniqueId: number }[];
      const recording = streams.filter((stream) => stream.type === "OFMP4").at(-1);
      await control.succeed(`shutdownStream id=${recording?.uniqueId} permanently=0`);
    }
    await publisher.exited;
    await control.wait("inStreamClosed");
    const names = (await readdir(server.media)).sort();
    expect(names).toEqual(["cam1.mp4", "cam1_0001.mp4", "cam1_0002.mp4"]);
    const sent = await ffprobe(clip, { hash: true });
    const video: string[] = [];
    const audio: string[] = [];
    for (const name of names) {
      const found = await ffprobe(server.file(name), { hash: true });
      video.push(...(found.video?.packets.map((packet) => packet.hash) ?? []));
      audio.push(...(found.audio?.packets.map((packet) => packet.hash) ?? []));
    }
    expect(video).toEqual(sent.video?.packets.map((packet) => packet.hash));
    expect(audio).toEqual(sent.audio?.packets.map((packet) => packet.hash));
  });

  it("takes the next free number when its file exists, and goes on in a new file when the source comes back", async () => {
    const clip = await makeClip({ seconds: 2 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts");
    for (let round = 1; round <= 2; round++) {
      await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
      await control.wait("inStreamClosed", round);
    }
    expect((await readdir(server.media)).sort()).toEqual(["cam1.ts", "cam1_0001.ts"]);
  });

  it("survives the end of the server: SIGTERM finishes every file and exits 0", async () => {
    const clip = await makeClip({ seconds: 4 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    for (const type of CONTAINERS) await control.succeed(`record localStreamName=cam1 pathToFile=cam1 type=${type}`);
    publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, loops: -1 });
    await control.wait("recordChunkCreated", 3);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect((await readdir(server.media)).sort()).toEqual(["cam1.flv", "cam1.mp4", "cam1.ts"]);
    for (const type of CONTAINERS)
      expect((await ffprobe(server.file(`cam1.${type}`))).video?.packets.length).toBeGreaterThan(0);
  });
});
