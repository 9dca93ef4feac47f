// Sources that ffmpeg reads for us: HLS, SRT and files; what is refused; and that nothing is left of a source when it
// is gone.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { FfmpegTransport } from "../../src/ingest/ffmpeg/ffmpeg-transport.js";
import { writeWrapper } from "../../src/ingest/ffmpeg/ffmpeg-wrapper.js";
import { systemClock } from "../../src/time/units.js";
import { makeClip } from "../support/clip.js";
import { effort } from "../support/effort.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { Publisher, stopPublishers } from "../support/publisher.js";
import { freePort, PullFixture } from "../support/pull-fixture.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

const SECONDS = 3;

/** Pids of processes that have this text in their command line. */
function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The opening lines of a program of its own that pulls; its temporary files go below `folder`. */
function pullsOf(folder: string): string {
  const built = new URL("../../dist/", import.meta.url).href;
  return `
    process.env.TMPDIR = ${JSON.stringify(folder)};
    const { PullSources } = await import("${built}ingest/pull/pull-sources.js");
    const { Arena } = await import("${built}arena/arena.js");
    const { StreamRegistry } = await import("${built}stream/stream-registry.js");
    const { systemClock } = await import("${built}time/units.js");
    const { silentLogger } = await import("${built}base/logger.js");
    const arena = new Arena();
    const registry = new StreamRegistry(arena, systemClock, { ringBytes: 1 << 20, maxRingBytes: 1 << 24, lagLimitMs: 2000 }, () => 1);
    const pulls = new PullSources({ registry, arena, clock: systemClock, logger: silentLogger });
  `;
}

/** What says that it reads a stream, once it lives. */
function readers({ recorder }: PullFixture): (string | undefined)[] {
  const seen: (string | undefined)[] = [];
  recorder.streams.on("opened", ({ source }) => seen.push(source.reader));
  return seen;
}

async function expectPlays(path: string, seconds: number): Promise<void> {
  const probe = await ffprobe(path);
  expect(probe.video?.packets.length).toBe(seconds * 25);
  await decodeWithFfmpeg(path);
}

// They wait for media time: they run side by side.
describe.concurrent("sources through ffmpeg, recorded", () => {
  const fixtures: PullFixture[] = [];
  const servers: Server[] = [];
  afterAll(async () => {
    await stopPublishers();
    for (const fixture of fixtures) await fixture.close();
    for (const server of servers) server.close();
  });

  async function open(): Promise<PullFixture> {
    const fixture = await PullFixture.open();
    fixtures.push(fixture);
    return fixture;
  }

  /** Answers its port. */
  async function serve(listener: RequestListener): Promise<number> {
    const server = createServer(listener).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  it("records a file at live pace, every frame of it", async () => {
    const fixture = await open();
    const path = await makeClip({ seconds: SECONDS, format: "mp4" });
    await fixture.record("file", "mp4");
    fixture.pull(`file://${path}`, "file", { keepAlive: false });
    const startedMs = performance.now();
    const [closed] = await fixture.untilClosed(1);
    expect(performance.now() - startedMs).toBeGreaterThan((SECONDS - 1) * 1000);
    await expectPlays(closed?.path ?? "", SECONDS);
  });

  it("records HLS from a static file server", async () => {
    const fixture = await open();
    const folder = join(fixture.folder, "hls");
    mkdirSync(folder);
    const clip = await makeClip({ seconds: SECONDS, format: "mp4" });
    const args = ["-v", "error", "-nostdin", "-i", clip, "-c", "copy", "-f", "hls", "-hls_time", "1"];
    const { code } = await runProgram("ffmpeg", [...args, "-hls_list_size", "0", join(folder, "index.m3u8")]);
    expect(code).toBe(0);
    const agents = new Set<string>();
    const port = await serve((request, response) => {
      agents.add(request.headers["user-agent"] ?? "");
      const path = join(folder, (request.url ?? "").slice(1));
      if (existsSync(path)) response.end(readFileSync(path));
      else response.writeHead(404).end();
    });
    await fixture.record("hls", "mp4");
    const seen = readers(fixture);
    fixture.pull(`http://127.0.0.1:${port}/index.m3u8`, "hls", {
      keepAlive: false,
      emulateUserAgent: "-i it is\r\nX: us",
    });
    const [closed] = await fixture.untilClosed(1);
    await expectPlays(closed?.path ?? "", SECONDS);
    expect([...agents]).toEqual(["i it is  X: us"]);
    expect(seen).toEqual(["ffmpeg, because http is not read natively"]);
  });

  it("records a file that a web server gives out as it goes", async () => {
    const fixture = await open();
    const clip = await makeClip({ seconds: SECONDS, format: "ts" });
    const port = await serve((_request, response) => response.end(readFileSync(clip)));
    await fixture.record("web", "mp4");
    const seen = readers(fixture);
    fixture.pull(`http://127.0.0.1:${port}/clip.ts`, "web", { keepAlive: false });
    const [closed] = await fixture.untilClosed(1);
    await expectPlays(closed?.path ?? "", SECONDS);
    expect(seen).toEqual(["ffmpeg, because http is not read natively"]);
  });

  it("records SRT from an ffmpeg listener", async () => {
    const fixture = await open();
    const port = await freePort();
    const clip = await makeClip({ seconds: SECONDS, format: "mp4" });
    await fixture.record("srt", "mp4");
    const seen = readers(fixture);
    new Publisher([
      "-v",
      "error",
      "-nostdin",
      "-re",
      "-i",
      clip,
      "-c",
      "copy",
      "-f",
      "mpegts",
      `srt://127.0.0.1:${port}?mode=listener`,
    ]);
    fixture.pull(`srt://127.0.0.1:${port}`, "srt", { keepAlive: true });
    const [closed] = await fixture.untilClosed(1);
    expect(closed?.videoFrames).toBeGreaterThan((SECONDS - 1) * 25);
    await decodeWithFfmpeg(closed?.path ?? "");
    expect(seen).toEqual(["ffmpeg, because srt is not read natively"]);
  });
});

describe("sources through ffmpeg", () => {
  let fixture: PullFixture;
  beforeEach(async () => {
    fixture = await PullFixture.open();
  });
  afterEach(() => fixture.close());

  it("refuses what may not reach ffmpeg, and says why", () => {
    const { pulls, folder } = fixture;
    writeFileSync(join(folder, "clip.mp4"), "");
    symlinkSync("/etc/passwd", join(folder, "link.mp4"));
    for (const uri of [
      "concat:a|b",
      "subfile,,start,0,end,9,,:/etc/passwd",
      "pipe:0",
      "-i",
      "lavfi://testsrc",
      "tcp://h:1",
      "crypto:///x",
      "http://a b/",
      "http://h/\nX",
      "mpegtstcp://h",
      "mpegtsudp://name:5000",
      "file:///etc/passwd",
      `file://${folder}/../../etc/passwd`,
      `file://${folder}/link.mp4`,
      "srt://h",
    ]) {
      expect(pulls.checkUri(uri), uri).toBeTypeOf("string");
    }
    for (const uri of [
      "rtsp://u:p@cam/x?y=1",
      "https://h/a.m3u8",
      "srt://h:9000?streamid=x",
      "mpegtsudp://@239.1.1.1:5000",
      "dmpegtstcp://[::1]:5000",
      `file://${folder}/clip.mp4`,
    ]) {
      expect(pulls.checkUri(uri), uri).toBeUndefined();
    }
  });

  it("names the package where there is no ffmpeg", async () => {
    const transport = new FfmpegTransport({
      maxFfmpegs: 10,
      logger: silentLogger,
      clock: systemClock,
      timeoutMs: 1000,
      ffmpegPath: "no-such-ffmpeg",
    });
    expect(() => transport.check(new URL("https://cam/x"))).toThrow(/apt-get install ffmpeg/);
    await transport.close();
  });

  it("puts the input options in front, whatever the arguments look like", () => {
    const folder = join(fixture.folder, "wrapper");
    const wrapper = writeWrapper(folder);
    const printer = join(folder, "print-arguments.sh");
    writeFileSync(printer, '#!/bin/sh\nfor a in "$@"; do printf "%s\\0" "$a"; done\n', { mode: 0o700 });
    const input = ["-user_agent", 'it\'s a "$HOME" `id` *', "-x", "--", "\n"];
    const output = ["-i", "srt://h:1?passphrase=a b", "", "-f", "mpegts", "$1"];
    const printed = execFileSync(wrapper, [...output, "--input", printer, ...input, "--end", "-"], {
      encoding: "utf8",
    });
    expect(printed.split("\0").slice(0, -1)).toEqual([...input, ...output, "-"]);
  });

  it("writes its wrapper again where a cleaner of temporary folders has taken it", async () => {
    const path = await makeClip({ seconds: SECONDS, format: "mp4" });
    const before = process.env.TMPDIR;
    process.env.TMPDIR = join(fixture.folder, "tmp");
    mkdirSync(process.env.TMPDIR);
    try {
      for (const name of ["first", "second"]) {
        const configId = fixture.pull(`file://${path}`, name, { keepAlive: false });
        await until("frames arrive", () => fixture.frames(name) > 0);
        fixture.pulls.stop(configId, "test");
        for (const entry of readdirSync(process.env.TMPDIR))
          rmSync(join(process.env.TMPDIR, entry), { recursive: true });
      }
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });

  it("closes as often as it is told to", async () => {
    const path = await makeClip({ seconds: SECONDS, format: "mp4" });
    fixture.pull(`file://${path}`, "twice");
    await until("frames arrive", () => fixture.frames("twice") > 0);
    await Promise.all([fixture.pulls.close(), fixture.pulls.close()]);
    expect(processesWith(path)).toEqual([]);
  });

  it("fails, and the server does not, where no descriptors are left to start ffmpeg", async () => {
    const script = `
      ${pullsOf(fixture.folder)}
      const { openSync, closeSync } = await import("node:fs");
      pulls.checkUri("http://127.0.0.1:1/x"); // everything is loaded
      const taken = [];
      try { for (;;) taken.push(openSync("/dev/null")); } catch {}
      for (const fd of taken.splice(0, Number(process.argv[1]))) closeSync(fd);
      const codes = [];
      const request = { configId: 1, uri: "http://127.0.0.1:1/x", localStreamName: "s", keepAlive: false, forceTcp: false, emulateUserAgent: "", ssmIp: "", rangeStart: -2 };
      pulls.start(request, (code) => codes.push(code));
      const timer = setInterval(() => {
        if (codes.at(-1) !== 5) return;
        clearInterval(timer);
        for (const fd of taken) closeSync(fd);
        process.stdout.write("lives " + JSON.stringify(codes));
        void pulls.close();
      }, 10);
    `;
    // Enough to load the modules. With none left, with some, with nearly as many as the pipes of a process take.
    for (const left of [0, 3, 6]) {
      const child = spawn(
        "sh",
        ["-c", 'ulimit -n 256; exec "$@"', "sh", process.execPath, "--input-type=module", "-e", script, String(left)],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      let output = "";
      child.stdout.on("data", (bytes: Buffer) => {
        output += bytes.toString();
      });
      const [code] = await once(child, "close");
      expect([code, output], `${left} descriptors`).toEqual([0, "lives [1,5]"]);
    }
  });

  it("shows no credentials when a source cannot be opened", async () => {
    const port = await freePort();
    const configId = fixture.pull(`http://user:secret@127.0.0.1:${port}/x`, "nobody", { keepAlive: false });
    await until("it has failed", () => fixture.codes.get(configId)?.at(-1) === 5);
    expect(fixture.log.join("\n")).toContain("http://user:***@127.0.0.1");
    expect(fixture.log.join("\n")).not.toContain("secret");
  });

  it("leaves no process, descriptor or arena block behind", async () => {
    const path = await makeClip({ seconds: 20, video: { width: 64, height: 48 }, format: "mp4" });
    const copy = join(fixture.folder, "many.mp4");
    copyFileSync(path, copy);
    const { recorder, pulls } = fixture;
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const round = async (sources: number): Promise<void> => {
      const ids = Array.from({ length: sources }, (_, i) => fixture.pull(`file://${copy}`, `many${i}`));
      await until("all are live", () => recorder.streams.list().length === sources, 60_000);
      for (const id of ids) pulls.stop(id, "test");
      await until("all are gone", () => processesWith("many.mp4").length === 0);
      expect(recorder.streams.list()).toEqual([]);
    };
    await round(2);
    const before = { blocks: recorder.arena.stats().blocks, descriptors: descriptors() };
    for (let i = 0; i < effort(2, 10); i++) await round(effort(4, 20));
    expect(recorder.arena.stats().blocks).toBe(before.blocks);
    // Pipes are closed a moment after their process is gone.
    await until("the descriptors are closed", () => descriptors() <= before.descriptors);
  });

  it("takes ffmpeg along when the server is killed, also while the source is silent", async () => {
    // A server of its own, killed from outside: it pulls from a port that accepts and never says anything.
    const silent = createServer().listen(0, "127.0.0.1");
    silent.removeAllListeners("request");
    await once(silent, "listening");
    const address = silent.address();
    const uri = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/silent-${process.pid}.ts`;
    const folder = mkdtempSync(join(tmpdir(), "reel-killed-"));
    const script = `
      ${pullsOf(folder)}
      pulls.start({ configId: 1, uri: "${uri}", localStreamName: "s", keepAlive: true, forceTcp: false, emulateUserAgent: "", ssmIp: "", rangeStart: -2 }, () => {});
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const mark = `silent-${process.pid}.ts`;
    const ffmpegs = (): number[] => processesWith(mark).filter((pid) => pid !== child.pid);
    await until("ffmpeg runs", () => ffmpegs().length > 0);
    child.kill("SIGKILL");
    await once(child, "close");
    await until("ffmpeg is gone", () => ffmpegs().length === 0, 5000);
    silent.closeAllConnections();
    silent.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
