// Publishers that die, hang, lie or are none: the server lives, other recordings are untouched, and what had come is
// finished.

import { once } from "node:events";
import { createConnection } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { ffprobe } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

// Each has a server of its own, and waits for media time: they run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
});

describe.concurrent("a publisher", () => {
  it("that is killed leaves finished files, and others never notice", async () => {
    const clip = await makeClip({ seconds: 6 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    for (const name of ["victim", "other"])
      for (const type of ["mp4", "ts", "flv"])
        await control.succeed(`record localStreamName=${name} pathToFile=${name} type=${type} keepAlive=0`);
    const other = publishWithFfmpeg({ url: server.rtmpUrl("other"), input: clip });
    const victim = publishWithFfmpeg({ url: server.rtmpUrl("victim"), input: clip });
    await control.wait("recordChunkCreated", 6);
    await victim.kill();
    await control.wait("outStreamClosed", 3);
    for (const type of ["mp4", "ts", "flv"])
      expect((await ffprobe(server.file(`victim.${type}`))).video?.packets[0]?.isKey).toBe(true);
    await other.exited;
    await control.wait("outStreamClosed", 6);
    const sent = await ffprobe(clip);
    for (const type of ["mp4", "ts", "flv"])
      expect((await ffprobe(server.file(`other.${type}`))).video?.packets.length).toBe(sent.video?.packets.length);
  });

  it("of a live name is refused, unless the first has been silent for three seconds: then it takes over", async () => {
    const clip = await makeClip({ seconds: 10 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts");
    const first = publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip });
    await control.wait("recordChunkCreated");
    const refused = await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip }).exited;
    expect(refused.code).not.toBe(0);
    first.freeze();
    // No sleep: it is tried, as encoders do, until the server lets it in.
    await until("the second publisher is taken", async () => {
      const second = publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip });
      const created = control.of("inStreamCreated").length;
      const result = await Promise.race([
        second.exited,
        until("it is live", () => control.of("inStreamCreated").length > created || undefined),
      ]);
      return result === true ? second : undefined;
    });
    await control.wait("recordChunkCreated", 2);
    expect(control.of("recordChunkClosed")[0]?.payload.file).toBe(server.file("cam1.ts"));
  });

  it("that is no publisher at all is dropped: garbage, half a handshake, a command of nonsense", async () => {
    const clip = await makeClip({ seconds: 3 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4 keepAlive=0");
    const [host, port] = String(server.addresses.rtmp).split(":") as [string, string];
    const handshake = Buffer.concat([Buffer.of(3), Buffer.alloc(1536)]);
    const attacks = [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.of(3),
      handshake.subarray(0, 700),
      Buffer.concat([handshake, Buffer.alloc(1536), Buffer.alloc(13)]),
      Buffer.concat([handshake, Buffer.alloc(5000, 0xff)]),
    ];
    for (const bytes of attacks) {
      const socket = createConnection(Number(port), host);
      socket.on("error", () => {});
      await once(socket, "connect");
      socket.end(bytes);
      socket.resume();
      await once(socket, "close");
    }
    await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
    await control.wait("outStreamClosed");
    expect((await ffprobe(server.file("cam1.mp4"))).video?.packets.length).toBe(
      (await ffprobe(clip)).video?.packets.length,
    );
  });
});

describe.concurrent("a recording that waits for its stream", () => {
  it("begins with the stream's first access unit, five seconds later", async () => {
    const clip = await makeClip({ seconds: 2 });
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    const timer = control.succeed("setTimer value=5");
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4 keepAlive=0");
    await timer;
    await control.wait("timerTriggered");
    await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
    await control.wait("outStreamClosed");
    const sent = await ffprobe(clip, { hash: true });
    const found = await ffprobe(server.file("cam1.mp4"), { hash: true });
    expect(found.video?.packets[0]?.hash).toBe(sent.video?.packets[0]?.hash);
    expect(found.audio?.packets[0]?.hash).toBe(sent.audio?.packets[0]?.hash);
  });
});
