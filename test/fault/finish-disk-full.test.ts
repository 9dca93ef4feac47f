// A real server whose volume has no room for the finish of an MP4: the segment's index outgrew its reserve, a tmpfs can
// insert nothing, and the copy does not fit. One event tells of it, the journal stays, the finish is tried again after
// 1, 2, 4 … seconds, and all is well when there is room.

import { watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { expectAsTold, toldByEvents } from "../support/expect-as-told.js";
import { ffprobe } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";
import { mountTmpfs, removeVolumes, resizeTmpfs } from "../support/volumes.js";

afterEach(async () => {
  await stopPublishers();
  await removeVolumes();
  await stopServers();
});

const MIB = 2 ** 20;
const SECONDS = 20;

/** The moments at which a finish began its copy, as inotify saw them. */
function watchCopies(folder: string, name: string): { attemptsMs: number[]; close: () => void } {
  const attemptsMs: number[] = [];
  let events = 0;
  // Each try makes the file and removes it: two events.
  const watcher = watch(folder, (event, file) => {
    if (event === "rename" && file === name && events++ % 2 === 0) attemptsMs.push(performance.now());
  });
  return { attemptsMs, close: () => watcher.close() };
}

/** Of every access unit. */
async function hashes(path: string): Promise<{ video: string[]; audio: string[] }> {
  const { video, audio } = await ffprobe(path, { hash: true });
  return {
    video: (video?.packets ?? []).map((packet) => packet.hash),
    audio: (audio?.packets ?? []).map((packet) => packet.hash),
  };
}

describe("an MP4 for whose finish the disk has no room", () => {
  it("has one event, is tried again with growing pauses, and loses nothing; recording goes on when there is room", async () => {
    // One GOP, so that chunkLength=1, from which the reserve follows, does not cut it; 107 samples a second need a
    // larger index than that reserve holds.
    const clip = await makeClip({
      seconds: SECONDS,
      video: { framesPerSecond: 60, gopFrames: 60 * SECONDS, kilobitsPerSecond: 3000 },
    });
    const sent = await ffprobe(clip);
    const server = await ReelProcess.start();
    const volume = server.file("small");
    // Room for the media once and a half.
    await mountTmpfs(volume, Math.ceil((1.5 * sent.sizeBytes) / MIB));
    const control = await Control.connect(server);
    const { attemptsMs, close } = watchCopies(volume, "cam1_part0000.mp4.copy");
    const publish = async (): Promise<void> => {
      const { code, stderr } = await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, realtime: false })
        .exited;
      expect(code, stderr).toBe(0);
    };
    const errorsOf = (name: string): number =>
      control.of("recordChunkError").filter((event) => event.payload.file === join(volume, name)).length;
    await control.succeed("record localStreamName=cam1 pathToFile=small/cam1 type=mp4 chunkLength=1");

    await publish();
    const [failed] = await control.wait("recordChunkError");
    expect(failed?.payload).toMatchObject({
      file: join(volume, "cam1_part0000.mp4"),
      error: expect.stringMatching(/no space left/),
    });
    await until("three tries", () => attemptsMs.length >= 3);
    close();
    const [first = 0, second = 0, third = 0] = attemptsMs;
    expect(second - first).toBeGreaterThan(900);
    expect(third - second).toBeGreaterThan(1800);
    expect(control.of("recordChunkError").length).toBe(1);

    // The next recording has half the room it needs, and fails alone.
    await publish();
    await until("its failure", () => errorsOf("cam1_0001_part0000.mp4") > 0);
    await resizeTmpfs(volume, 8 * Math.ceil(sent.sizeBytes / MIB));
    await publish();
    await control.wait("recordChunkClosed", 3);

    // The write that failed and the finish that failed are two states; no try behind them had an event.
    expect(errorsOf("cam1_part0000.mp4")).toBe(1);
    expect(errorsOf("cam1_0001_part0000.mp4")).toBeLessThanOrEqual(2);
    expect(control.of("recordChunkError").length).toBe(1 + errorsOf("cam1_0001_part0000.mp4"));
    expect((await readdir(volume)).sort()).toEqual([
      "cam1_0001_part0000.mp4",
      "cam1_0002_part0000.mp4",
      "cam1_part0000.mp4",
    ]);
    for (const name of ["cam1_part0000.mp4", "cam1_0002_part0000.mp4"])
      expect(await hashes(join(volume, name)), name).toEqual(await hashes(clip));
    const partial = await hashes(join(volume, "cam1_0001_part0000.mp4"));
    expect(partial.video.length).toBeGreaterThan(0);
    expect(partial.video).toEqual((await hashes(clip)).video.slice(0, partial.video.length));
    expect(partial.audio).toEqual((await hashes(clip)).audio.slice(0, partial.audio.length));
    await expectAsTold(volume, toldByEvents(control));
  });
});
