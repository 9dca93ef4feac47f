// What survives the process: record and pull configs with their ids, and recordings that go on by themselves when the
// stream is back.

import { copyFile, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { ffprobe } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

// Each has servers of its own, and waits for media time: they run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
});

type Listed = { configId: number; localStreamName: string; status: { current: { code: number } } };

describe.concurrent("a killed and restarted server", () => {
  it("has its record configs back with their ids, and records by itself when the stream returns", async () => {
    const clip = await makeClip({ seconds: 3 });
    const first = await ReelProcess.start();
    let control = await Control.connect(first);
    const kept = await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4 _site=north");
    await control.succeed("record localStreamName=cam2 pathToFile=cam2 type=ts keepAlive=0");
    const publisher = publishWithFfmpeg({ url: first.rtmpUrl("cam1"), input: clip });
    await control.wait("recordChunkCreated");
    await first.kill();
    await publisher.kill();
    const second = await ReelProcess.start({ root: first.root });
    control = await Control.connect(second);
    const { record } = (await control.succeed("listConfig")) as { record: Listed[] };
    expect(record).toMatchObject([
      { configId: kept.configId, localStreamName: "cam1", _site: "north", status: { current: { code: 2 } } },
    ]);
    await publishWithFfmpeg({ url: second.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
    await control.wait("inStreamClosed");
    await until(
      "both files are final",
      async () => (await readdir(second.media)).sort().join() === "cam1.mp4,cam1_0001.mp4",
    );
    expect((await ffprobe(second.file("cam1_0001.mp4"))).video?.packets.length).toBe(
      (await ffprobe(clip)).video?.packets.length,
    );
  });

  it("pulls its sources again: a file at live pace, recorded before and after", async () => {
    const clip = await makeClip({ seconds: 4, format: "mp4" });
    const first = await ReelProcess.start();
    await copyFile(clip, first.file("source.mp4"));
    let control = await Control.connect(first);
    await control.succeed("record localStreamName=file1 pathToFile=copy type=ts");
    const pulled = await control.succeed(
      `pullStream uri=file://${first.file("source.mp4")} localStreamName=file1 keepAlive=1`,
    );
    await control.wait("recordChunkCreated");
    await first.kill();
    const second = await ReelProcess.start({ root: first.root });
    control = await Control.connect(second);
    const { pull } = (await control.succeed("listConfig")) as { pull: Listed[] };
    expect(pull).toMatchObject([{ configId: pulled.configId, localStreamName: "file1" }]);
    await until("the file has been played once", () =>
      control.of("recordChunkClosed").some((event) => event.payload.recovered === false),
    );
    await control.succeed(`removeConfig id=${String(pulled.configId)}`);
    await until(
      "the stream is gone",
      async () => (await control.succeed("isStreamRunning localStreamName=file1")).Running === false,
    );
    const whole = await Promise.all(
      (await readdir(second.media))
        .filter((name) => name.endsWith(".ts"))
        .map((name) => ffprobe(second.file(name)).then((found) => found.video?.packets.length ?? 0)),
    );
    expect(Math.max(...whole)).toBe((await ffprobe(clip)).video?.packets.length);
  });

  it("starts with a damaged config file set aside, and says so", async () => {
    const first = await ReelProcess.start();
    await first.stop();
    await writeFile(`${first.root}/state/configs.json`, '{"format":1,"record":[{"conf');
    const second = await ReelProcess.start({ root: first.root });
    expect(second.output).toContain("set aside");
    expect((await readdir(`${first.root}/state`)).some((name) => name.startsWith("configs.json.damaged-"))).toBe(true);
  });
});

describe.concurrent("the recovery at start", () => {
  it("gives a segment whose name was taken meanwhile the next number, and moves one off a name that is wanted", async () => {
    const clip = await makeClip({ seconds: 4 });
    const first = await ReelProcess.start();
    let control = await Control.connect(first);
    await control.succeed("record localStreamName=cam1 pathToFile=taken type=mp4 keepAlive=0");
    await control.succeed("record localStreamName=cam1 pathToFile=wanted type=mp4 overwrite=1");
    const publisher = publishWithFfmpeg({ url: first.rtmpUrl("cam1"), input: clip });
    await control.wait("recordChunkCreated", 2);
    await until("media has come", async () => (await stat(first.file("taken.mp4.mdat"))).size > 600_000);
    await first.kill();
    await publisher.kill();
    await writeFile(first.file("taken.mp4"), "somebody else's");
    const second = await ReelProcess.start({ root: first.root });
    control = await Control.connect(second);
    await publishWithFfmpeg({ url: second.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
    await control.wait("inStreamClosed");
    await until(
      "no journal is left",
      async () => !(await readdir(second.media)).some((name) => name.endsWith(".info")),
    );
    expect(await readFile(second.file("taken.mp4"), "utf8")).toBe("somebody else's");
    expect((await ffprobe(second.file("taken_0001.mp4"))).video?.packets.length).toBeGreaterThan(0);
    expect((await ffprobe(second.file("wanted.mp4"))).video?.packets.length).toBe(
      (await ffprobe(clip)).video?.packets.length,
    );
  });
});
