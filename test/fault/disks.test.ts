// Disks that misbehave: full, frozen, forbidden. Every failure is the failure of one recording, has its event, and
// loses nothing of the others.

import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { expectAsTold, toldByEvents } from "../support/expect-as-told.js";
import { ffprobe } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";
import { freeze, mountLoop, mountTmpfs, removeVolumes, thaw } from "../support/volumes.js";

/** Root that may read everything, a clone below /root too, and writes only where the mode lets it. */
const WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override"];

// Each has servers and volumes of its own, and waits for media time: those of volumes run side by side.
afterAll(async () => {
  await stopPublishers();
  await removeVolumes();
  await stopServers();
});

describe("a target that cannot be", () => {
  const cases = [
    [
      "a folder that is missing",
      "record localStreamName=a pathToFile=missing/a",
      /^Unable to record stream\. the folder .*missing does not exist/,
    ],
    [
      "a path outside the media folders",
      "record localStreamName=a pathToFile=/etc/a",
      /^Unable to record stream\. \/etc\/a is outside the media folders/,
    ],
    [
      "a way out by ..",
      "record localStreamName=a pathToFile=x/../../a",
      /^Unable to record stream\. .*leads out of the media folders/,
    ],
    ["a Windows path", "record localStreamName=a pathToFile=C:\\media\\a", /^Unable to record stream\. .*Windows path/],
    [
      "a type that is none",
      "record localStreamName=a pathToFile=a type=mkv",
      /^Syntax error for type parameter\. Type help for details/,
    ],
  ] as const;
  let server: ReelProcess;
  let control: Control;
  beforeAll(async () => {
    server = await ReelProcess.start();
    control = await Control.connect(server);
  });
  it.each(cases)("%s: FAIL with the reason, and nothing is created", async (_name, command, description) => {
    const reply = await control.send(command);
    expect(reply).toMatchObject({ status: "FAIL", data: null });
    expect(reply.description).toMatch(description);
    expect((await control.send("listConfig")).data).toMatchObject({ record: [] });
    expect(await readdir(server.media)).toEqual([]);
  });

  it("a folder without permission: FAIL for a server without root's right to write everywhere", async () => {
    const server = await ReelProcess.start({ prefix: WITHOUT_OVERRIDE });
    await mkdir(server.file("locked"));
    await chmod(server.file("locked"), 0o555);
    const control = await Control.connect(server);
    const reply = await control.send("record localStreamName=a pathToFile=locked/a");
    expect(reply.status).toBe("FAIL");
    expect(reply.description).toMatch(/^Unable to record stream\. the folder .*locked is not writable/);
    expect(await readdir(server.file("locked"))).toEqual([]);
  });
});

describe.concurrent("a volume", () => {
  it("that fills up ends its own recording; the healthy ones of the same stream have every frame, and it goes on when there is room", async () => {
    const clip = await makeClip({ seconds: 8, video: { kilobitsPerSecond: 8000, width: 640, height: 480 } });
    const server = await ReelProcess.start();
    await mountTmpfs(server.file("small"), 16);
    await writeFile(server.file("small/ballast"), Buffer.alloc(15 << 20));
    const control = await Control.connect(server);
    for (const path of ["a", "small/cam1", "b"])
      await control.succeed(`record localStreamName=cam1 pathToFile=${path} type=ts`);
    const publisher = publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip });
    const [failed] = await control.wait("recordChunkError");
    expect(failed?.payload.file).toBe(server.file("small/cam1.ts"));
    expect(String(failed?.payload.error)).toMatch(/no space left/);
    await rm(server.file("small/ballast"));
    await until("the recording goes on", async () => (await readdir(server.file("small"))).includes("cam1_0001.ts"));
    await publisher.exited;
    await control.wait("inStreamClosed");
    const sent = await ffprobe(clip);
    for (const name of ["a.ts", "b.ts"]) {
      const found = await ffprobe(server.file(name));
      expect(found.video?.packets.length).toBe(sent.video?.packets.length);
      expect(found.audio?.packets.length).toBe(sent.audio?.packets.length);
    }
    expect((await ffprobe(server.file("small/cam1_0001.ts"))).video?.packets[0]?.isKey).toBe(true);
    expect(control.of("recordChunkError").length).toBe(1);
    // Nothing lost in silence: what the two files lack is in the reported gaps, frame by frame.
    const lost = control
      .of("recordGap")
      .reduce((sum, event) => sum + Number((event.payload.gap as { frames: number }).frames), 0);
    const parts = await Promise.all(["small/cam1.ts", "small/cam1_0001.ts"].map((name) => ffprobe(server.file(name))));
    const held = parts.flatMap((part) => part.tracks).reduce((sum, track) => sum + track.packets.length, 0);
    expect(held + lost).toBe(sent.tracks.reduce((sum, track) => sum + track.packets.length, 0));
    const [first] = control
      .of("recordChunkClosed")
      .filter((event) => event.payload.file === server.file("small/cam1.ts"));
    expect(first?.payload.frameCount).toBe(parts[0]?.video?.packets.length);
    await expectAsTold(server.media, toldByEvents(control));
  });

  it("that freezes holds up nobody else; after the thaw its file is whole, or its gap is reported", async () => {
    const clip = await makeClip({ seconds: 8 });
    const server = await ReelProcess.start({ args: ["--workers", "1"] });
    await mountLoop(server.file("frozen"), 64);
    const control = await Control.connect(server);
    // The stuck one in the middle: also what its worker has done before it must not wait for it.
    for (const path of ["a", "frozen/cam1", "b"])
      await control.succeed(`record localStreamName=cam1 pathToFile=${path} type=ts`);
    await control.succeed("record localStreamName=cam2 pathToFile=c type=ts");
    const publishers = ["cam1", "cam2"].map((name) => publishWithFfmpeg({ url: server.rtmpUrl(name), input: clip }));
    await control.wait("recordChunkCreated", 4);
    await freeze(server.file("frozen"));
    await until("the write is noticed", () => server.output.includes("a write does not return"), 15_000);
    for (const publisher of publishers) await publisher.exited;
    await control.wait("recordChunkClosed", 3);
    expect(control.of("recordGap").filter((event) => event.payload.file !== server.file("frozen/cam1.ts"))).toEqual([]);
    await thaw(server.file("frozen"));
    await control.wait("inStreamClosed", 2);
    const sent = await ffprobe(clip);
    for (const name of ["a.ts", "b.ts", "c.ts"]) {
      const found = await ffprobe(server.file(name));
      expect(found.video?.packets.length, name).toBe(sent.video?.packets.length);
      expect(found.audio?.packets.length, name).toBe(sent.audio?.packets.length);
    }
    const stuck = await ffprobe(server.file("frozen/cam1.ts"));
    const frames = (stuck.video?.packets.length ?? 0) + (stuck.audio?.packets.length ?? 0);
    const lost = control
      .of("recordGap")
      .reduce((sum, event) => sum + Number((event.payload.gap as { frames: number }).frames), 0);
    expect(frames + lost).toBe((sent.video?.packets.length ?? 0) + (sent.audio?.packets.length ?? 0));
    await expectAsTold(server.media, toldByEvents(control));
  });

  it("that freezes while six files end on it holds up no finish elsewhere", async () => {
    const clip = await makeClip({ seconds: 6, video: { gopFrames: 25 } });
    const server = await ReelProcess.start();
    await mountLoop(server.file("frozen"), 64);
    const control = await Control.connect(server);
    const names = Array.from({ length: 6 }, (_, i) => `idle${i}`);
    for (const name of names)
      await control.succeed(`record localStreamName=${name} pathToFile=frozen/${name} type=mp4 keepAlive=0`);
    const idle = names.map((name) => publishWithFfmpeg({ url: server.rtmpUrl(name), input: clip }));
    await control.wait("recordChunkCreated", names.length);
    await freeze(server.file("frozen"));
    await Promise.all(idle.map((publisher) => publisher.kill()));
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4 chunkLength=1 keepAlive=0");
    await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip }).exited;
    const healthy = (): number =>
      control.of("recordChunkClosed").filter((event) => String(event.payload.file).startsWith(server.file("cam1_part")))
        .length;
    await until("the healthy segments are final", () => healthy() === 6);
    expect(control.of("recordChunkClosed").length).toBe(6);
    await thaw(server.file("frozen"));
    await until("the others are final too", () => control.of("recordChunkClosed").length === 6 + names.length);
    await expectAsTold(server.media, toldByEvents(control));
  });
});
