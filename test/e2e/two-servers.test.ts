// Two servers on one media folder, told to record the same stream name over the same file: neither touches what the
// other is writing.

import { readdir } from "node:fs/promises";
import { afterEach, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { ffprobe } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";

afterEach(async () => {
  await stopPublishers();
  await stopServers();
});

it("leaves the live journal of another server alone with overwrite=1, and takes the next number", async () => {
  const clip = await makeClip({ seconds: 4 });
  const a = await ReelProcess.start();
  const b = await ReelProcess.start({ media: a.media });
  const [forA, forB] = [await Control.connect(a), await Control.connect(b)];
  for (const control of [forA, forB])
    await control.succeed("record localStreamName=cam1 pathToFile=x type=mp4 overwrite=1 keepAlive=0");
  const first = publishWithFfmpeg({ url: a.rtmpUrl("cam1"), input: clip });
  await forA.wait("recordChunkCreated");
  // Both write from here on; B is done first.
  await publishWithFfmpeg({ url: b.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
  const [ofB] = await forB.wait("recordChunkClosed");
  await first.exited;
  const [ofA] = await forA.wait("recordChunkClosed");
  expect([ofA?.payload.file, ofB?.payload.file]).toEqual([a.file("x.mp4"), a.file("x_0001.mp4")]);
  expect((await readdir(a.media)).sort()).toEqual(["x.mp4", "x_0001.mp4"]);
  const wanted = (await ffprobe(clip)).video?.packets.length;
  for (const name of ["x.mp4", "x_0001.mp4"])
    expect((await ffprobe(a.file(name))).video?.packets.length, name).toBe(wanted);
  expect([...forA.of("recordChunkError"), ...forB.of("recordChunkError")]).toEqual([]);
});
