// What an operator does with a running server: reads its log, rotates it, changes its configuration, renews its
// certificate, closes its terminal.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls, type PeerCertificate } from "node:tls";
import { afterAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { makeClip } from "../support/clip.js";
import { ffprobe } from "../support/ffprobe.js";
import { type Publisher, publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { certificateFiles, TEST_CERTIFICATE } from "../support/test-certificate.js";
import { until } from "../support/until.js";
import { freeze, mountLoop, removeVolumes, thaw } from "../support/volumes.js";

const REEL = resolve(import.meta.dirname, "../../dist/cli/reel.js");

// Each has a server and folders of its own: they run side by side.
afterAll(async () => {
  await stopPublishers();
  await removeVolumes();
  await stopServers();
});

interface Entry extends Record<string, unknown> {
  msg: string;
}

async function entriesOf(path: string): Promise<Entry[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Entry);
}

const logged = (path: string, msg: string, count = 1) =>
  until(`${count} × ${msg}`, async () => {
    const found = (await entriesOf(path)).filter((entry) => entry.msg === msg);
    return found.length >= count ? found : undefined;
  });

it.concurrent("tells the story of a recording, one line for each thing that happens", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-log-"));
  const log = join(folder, "reel.log");
  try {
    const clip = await makeClip({ seconds: 2 });
    const server = await ReelProcess.start({ args: ["--log-file", log] });
    const control = await Control.connect(server);
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts keepAlive=0 chunkLenght=60");
    await control.send("record localStreamName=cam1 pathToFile=/etc/cam1");
    await publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, realtime: false }).exited;
    await control.wait("inStreamClosed");
    const entries = await until("the story is whole", async () => {
      const all = await entriesOf(log);
      return all.some(({ msg }) => msg === "publisher out") ? all : undefined;
    });
    const { video } = await ffprobe(clip);
    const story = entries.map(({ time: _time, ...entry }) => entry);
    const [closed] = control.of("recordChunkClosed");
    expect(story.filter(({ msg }) => msg === "listening").map(({ listener }) => listener)).toEqual([
      ...["rtmp", "rtsp", "http", "jsonCli", "asciiCli"],
    ]);
    const from = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(story.filter(({ msg }) => msg !== "listening")).toEqual([
      {
        level: "info",
        command: "record",
        parameter: "chunkLenght",
        msg: "parameter ignored; did you mean chunkLength?",
      },
      {
        level: "info",
        command: "record",
        reason: "Unable to record stream. /etc/cam1 is outside the media folders (media.folders in reel.json)",
        suppressed: 0,
        msg: "command refused",
      },
      {
        level: "info",
        stream: "cam1",
        file: "cam1.ts",
        type: "ts",
        configId: 1,
        outStreamId: expect.any(Number),
        msg: "recording begun",
      },
      {
        level: "info",
        stream: "cam1",
        video: `h264 ${video?.width}x${video?.height}`,
        audio: "aac",
        from,
        msg: "publisher in",
      },
      {
        level: "info",
        stream: "cam1",
        file: server.file("cam1.ts"),
        seconds: expect.any(Number),
        video: closed?.payload.frameCount,
        audio: expect.any(Number),
        bytes: expect.any(Number),
        gaps: 0,
        msg: "file closed",
      },
      {
        level: "info",
        stream: "cam1",
        from,
        seconds: expect.any(Number),
        bytes: expect.any(Number),
        reason: expect.any(String),
        msg: "publisher out",
      },
    ]);
    for (const { time } of entries) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it.concurrent("opens its log again on SIGUSR2", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-log-"));
  const log = join(folder, "reel.log");
  try {
    const server = await ReelProcess.start({ args: ["--log-file", log] });
    await logged(log, "listening", 5);
    await rename(log, `${log}.1`);
    process.kill(server.pid, "SIGUSR2");
    const control = await Control.connect(server);
    // The first lines may still go to the old file.
    await until("the new file is written", async () => {
      await control.send("record");
      return (await entriesOf(log)).some(({ msg }) => msg === "command refused");
    });
    expect((await entriesOf(`${log}.1`)).filter(({ msg }) => msg === "listening")).toHaveLength(5);
    expect((await entriesOf(log)).filter(({ msg }) => msg === "listening")).toHaveLength(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it.concurrent("ends in order where the disk of its log is full", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-log-"));
  expect((await runProgram("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", folder])).code).toBe(0);
  try {
    const log = join(folder, "reel.log");
    const server = await ReelProcess.start({ args: ["--log-file", log] });
    const control = await Control.connect(server);
    for (let line = 0; line < 40; line++) await control.send(`version ${"x".repeat(200)}${line}=1`);
    await until("the disk is full", async () => (await readFile(log, "utf8")).length === 4096);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await runProgram("umount", [folder]);
    await rm(folder, { recursive: true, force: true });
  }
});

it.concurrent("starts where a media folder cannot be written, and says so in its log and in /healthz", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-log-"));
  expect((await runProgram("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", folder])).code).toBe(0);
  try {
    const server = await ReelProcess.start({ media: folder });
    const reason = `${folder} cannot be written: EROFS: read-only file system`;
    await until("the log says so", () => server.output.includes('"nothing can be recorded"'));
    const line = server.output.split("\n").find((entry) => entry.includes("nothing can be recorded")) ?? "";
    expect(JSON.parse(line)).toMatchObject({ level: "warn", reason });
    const health = await fetch(`http://${server.addresses.http}/healthz`);
    expect([health.status, await health.json()]).toEqual([503, { status: "failing", reasons: [reason] }]);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await runProgram("umount", [folder]);
    await rm(folder, { recursive: true, force: true });
  }
});

it.concurrent("reloads its configuration on SIGHUP, names what needs a restart, keeps the old one where the new is wrong", async () => {
  const config = { control: { token: "first-token" }, log: { level: "info" } };
  const server = await ReelProcess.start({ config });
  const file = join(server.root, "reel.json");
  const statusFor = async (token: string) =>
    (await fetch(`http://${server.addresses.http}/healthz`, { headers: { Authorization: `Bearer ${token}` } })).status;
  expect([await statusFor("first-token"), await statusFor("second-token")]).toEqual([200, 401]);
  await writeFile(file, JSON.stringify({ ...config, control: { token: "second-token" }, ring: { lagLimitMs: 500 } }));
  process.kill(server.pid, "SIGHUP");
  await until("it is reloaded", () => server.output.includes('"changes that need a restart"'));
  expect([await statusFor("first-token"), await statusFor("second-token")]).toEqual([401, 200]);
  expect(server.output).toMatch(/"changed":"control\.token","msg":"configuration reloaded"/);
  expect(server.output).toMatch(/"settings":"ring\.lagLimitMs","msg":"changes that need a restart"/);
  await writeFile(file, JSON.stringify({ controll: {} }));
  process.kill(server.pid, "SIGHUP");
  await until("it is kept", () => server.output.includes('"configuration kept"'));
  expect(server.output).toContain("unknown key controll; did you mean control?");
  expect(await statusFor("second-token")).toBe(200);
});

it.concurrent("drains when its terminal is closed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-terminal-"));
  let terminal: ChildProcess | undefined;
  let publisher: Publisher | undefined;
  try {
    const clip = await makeClip({ seconds: 4 });
    const ready = join(folder, "ready.json");
    const listeners = "--http 127.0.0.1:0 --rtmp 127.0.0.1:0 --json-cli off --ascii-cli off";
    const line = `${process.execPath} ${REEL} serve --media ${folder}/media --state ${folder}/state ${listeners} --ready-file ${ready}`;
    // A shell between them sees how the server ends, and passes the terminal's SIGHUP on as shells do.
    const shell = `${line} & server=$!; trap "kill -HUP $server" HUP; wait $server; wait $server; echo $? >${folder}/code`;
    writeFileSync(join(folder, "shell"), shell);
    terminal = spawn("script", ["-qfc", `bash ${folder}/shell`, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] });
    let screen = "";
    terminal.stdout?.on("data", (bytes: Buffer) => {
      screen += bytes.toString();
    });
    const isReady = async () =>
      existsSync(ready)
        ? (JSON.parse(await readFile(ready, "utf8")) as { pid: number; http: string; rtmp: string })
        : undefined;
    const { pid, http, rtmp } = await until("the server is ready", isReady, 60_000);
    // On a terminal the log is for people.
    await until("the log is on the screen", () => screen.includes("listening"));
    expect(screen).toMatch(/^\S*\d\d:\d\d:\d\d\.\d{3}\S* \S*info \S* listening +\S*listener=\S*rtmp/m);
    const socket = new WebSocket(`ws://${http}/ws`);
    await once(socket, "open");
    socket.send("record localStreamName=cam1 pathToFile=cam1 type=mp4");
    await once(socket, "message");
    publisher = publishWithFfmpeg({ url: `rtmp://${rtmp}/live/cam1`, input: clip, loops: -1 });
    await until("the file grows", () => existsSync(join(folder, "media/cam1.mp4.mdat")));
    socket.close();
    terminal.kill("SIGKILL");
    await until("the server is gone", () => !existsSync(`/proc/${pid}`), 40_000);
    const code = await until("its shell has seen it", () => readFile(join(folder, "code"), "utf8").catch(() => ""));
    expect(code).toBe("0\n");
    expect((await ffprobe(join(folder, "media/cam1.mp4"))).video?.packets.length).toBeGreaterThan(0);
    expect(existsSync(join(folder, "media/cam1.mp4.mdat"))).toBe(false);
  } finally {
    terminal?.kill("SIGKILL");
    await publisher?.kill();
    await rm(folder, { recursive: true, force: true });
  }
});

it.concurrent("takes two signals within a moment for one wish, and drains", async () => {
  const server = await ReelProcess.start();
  process.kill(server.pid, "SIGTERM");
  process.kill(server.pid, "SIGINT");
  expect(await server.exited).toEqual({ code: 0, signal: null });
});

it.concurrent("stops at once where a signal comes two seconds after the first", async () => {
  const server = await ReelProcess.start();
  await mountLoop(server.file("frozen"), 64);
  const control = await Control.connect(server);
  await control.succeed("record localStreamName=cam1 pathToFile=frozen/cam1 type=mp4 keepAlive=0");
  publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: await makeClip({ seconds: 4 }), loops: -1 });
  await control.wait("recordChunkCreated");
  // Its write hangs, so the drain cannot end before the thaw.
  await freeze(server.file("frozen"));
  await until("a write hangs", async () => hungThreads(server.pid));
  process.kill(server.pid, "SIGTERM");
  await until("it says what it does", () =>
    server.output.includes("SIGTERM: finishing 1 recording (again to stop at once) …"),
  );
  for (const sinceMs = performance.now(); performance.now() - sinceMs < 2500; await delay(100))
    process.kill(server.pid, "SIGTERM");
  await thaw(server.file("frozen"));
  expect(await server.exited).toEqual({ code: null, signal: "SIGKILL" });
  expect(existsSync(server.file("frozen/cam1.mp4.info"))).toBe(true);
  control.close();
});

/** Threads of a process that wait for a disk. */
async function hungThreads(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, "utf8").catch(() => ""));
  return (await Promise.all(states)).some((stat) => / D /.test(stat));
}

it.concurrent("serves WebSocket and RTMP over TLS, and takes a renewed certificate", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-tls-"));
  try {
    const tls = await certificateFiles(folder);
    const server = await ReelProcess.start({ config: { tls }, args: ["--rtmps", "127.0.0.1:0"] });
    const socket = new WebSocket(`wss://${server.addresses.http}/ws`, { ca: TEST_CERTIFICATE });
    await once(socket, "open");
    socket.send("record localStreamName=cam1 pathToFile=cam1 type=flv keepAlive=0");
    const [reply] = await once(socket, "message");
    expect(JSON.parse(String(reply))).toMatchObject({ status: "SUCCESS" });
    const clip = await makeClip({ seconds: 2 });
    const url = `rtmps://${server.addresses.rtmps}/live/cam1`;
    const published = await publishWithFfmpeg({ url, input: clip, realtime: false }).exited;
    expect(published.code, published.stderr).toBe(0);
    await until("the file is closed", () => server.output.includes('"file closed"'));
    expect((await ffprobe(server.file("cam1.flv"))).video?.packets.length).toBe(
      (await ffprobe(clip)).video?.packets.length,
    );
    socket.close();
    const renewed = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=renewed"];
    const made = await runProgram("openssl", [
      ...["req", "-x509", ...renewed, "-days", "2", "-keyout", tls.key, "-out", tls.certificate],
    ]);
    expect(made.code, made.stderr).toBe(0);
    await until("it is renewed", () => server.output.includes('"certificate renewed"'));
    for (const address of [server.addresses.http, server.addresses.rtmps])
      expect((await certificateAt(address ?? "")).subject.CN).toBe("renewed");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function certificateAt(address: string): Promise<PeerCertificate> {
  const [host = "", port] = address.split(":");
  const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}
