// The manual's commands are run as they stand: every shell block of README.md and docs/, page by page, each page on one
// server with its default ports in a network of its own. A block that cannot be run says why in the comment above it:
//
//   <!-- not run: why -->            a reader's matter
//   <!-- runs on -->                 another terminal: a server, a publisher, a follower of events
//   <!-- sent for mp4, ts and flv --> command lines of EMS's manual

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { parseConfigFile } from "../../src/server/config.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { blocksOf, type DocBlock } from "../support/doc-blocks.js";
import { OwnNetwork, type Running } from "../support/own-network.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

const ROOT = resolve(import.meta.dirname, "../..");
const PAGES = [
  "README.md",
  ...readdirSync(join(ROOT, "docs")).flatMap((name) => (/\.md$/.test(name) ? [`docs/${name}`] : [])),
];
const RUNS_ON = "runs on";
const FOR_EACH_TYPE = "sent for mp4, ts and flv";
const TYPES = ["mp4", "ts", "flv"] as const;
const CONTROL_PORT = 7777;
const READY = "Reel listens on";
const PUBLISH_CAM1 = "ffmpeg -v error -re -stream_loop -1 -i assets/clip.flv -c copy -f flv rtmp://127.0.0.1/live/cam1";

vi.setConfig({ testTimeout: 240_000 });

const blocks = (page: string): DocBlock[] => blocksOf(readFileSync(join(ROOT, page), "utf8"));
const isShell = ({ language }: DocBlock): boolean => /^(sh|bash|shell|console|ems|)$/.test(language);
const isReader = ({ mark }: DocBlock): boolean => mark.startsWith("not run: ");

it("every shell block is run, or says why not", () => {
  const wrong = PAGES.flatMap((page) =>
    blocks(page)
      .filter(isShell)
      .filter(({ language, mark }) => {
        if (mark === FOR_EACH_TYPE) return language !== "ems";
        return language !== "sh" || (mark !== "" && mark !== RUNS_ON && !/^not run: \S.{10,}/.test(mark));
      })
      .map(({ line, language, mark }) => `${page}:${line} (${language || "no language"}) ${mark}`),
  );
  expect(wrong).toEqual([]);
  const run = PAGES.flatMap(blocks).filter((block) => isShell(block) && !isReader(block));
  expect(run.length).toBeGreaterThan(10);
});

it("every JSON block is a reel.json that Reel takes", () => {
  const json = PAGES.flatMap((page) => blocks(page).filter(({ language }) => language === "json"));
  expect(json.length).toBeGreaterThan(0);
  for (const { text } of json) expect(() => parseConfigFile(text, "reel.json")).not.toThrow();
});

/** A folder as a clone looks to its reader, whose `media` is its own. */
class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), "reel-docs-"));
  readonly #running: Running[] = [];

  constructor(private readonly network: OwnNetwork) {
    for (const name of ["assets", "dist", "examples", "package.json", "scripts"])
      symlinkSync(join(ROOT, name), join(this.folder, name));
    mkdirSync(join(this.folder, "bin"));
    // npx takes a second of its own to find what stands in package.json.
    this.#program("npx", `shift; exec node ${join(ROOT, "dist/cli/reel.js")} "$@"`);
    this.#program("gst-launch-1.0", `exec /usr/bin/python3 ${join(ROOT, "test/support/gst-launch.py")} "$@"`);
  }

  get #options(): { cwd: string; env: NodeJS.ProcessEnv } {
    return { cwd: this.folder, env: { HOME: this.folder, PATH: `${this.folder}/bin:${process.env.PATH}` } };
  }

  #program(name: string, line: string): void {
    writeFileSync(join(this.folder, "bin", name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }

  async run(script: string): Promise<void> {
    const { code, stdout, stderr } = await this.network.run(script, this.#options);
    expect(code, `${script}\n${stdout}${stderr}`).toBe(0);
  }

  start(script: string): Running {
    const running = this.network.start(script, this.#options);
    this.#running.push(running);
    return running;
  }

  /** The last that was started ends first, the server at the end. */
  async end(): Promise<void> {
    for (const running of this.#running.toReversed()) await running.interrupt();
  }

  /** Recordings under their final names. */
  files(): string[] {
    const media = join(this.folder, "media");
    if (!existsSync(media)) return [];
    const all = readdirSync(media, { recursive: true, withFileTypes: true });
    return all.filter((entry) => /\.(mp4|ts|flv)$/.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
  }

  /** True once a file grows. */
  recorded(): boolean {
    const media = join(this.folder, "media");
    return (
      existsSync(media) &&
      readdirSync(media, { recursive: true }).some((name) => /\.(mdat|ts|flv|mp4)$/.test(String(name)))
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// Each page has a network and a folder of its own, and waits for media time: they run side by side.
describe.concurrent("as the page says", () => {
  const networks: OwnNetwork[] = [];
  const readers: Reader[] = [];
  afterAll(async () => {
    for (const network of networks) await network.close();
    for (const reader of readers) reader.remove();
  });

  const toRun = (page: string): DocBlock[] =>
    blocks(page).filter((block) => block.language === "sh" && !isReader(block));

  it.each(PAGES.filter((page) => toRun(page).length > 0))("%s", async (page) => {
    const network = await OwnNetwork.open();
    networks.push(network);
    const reader = new Reader(network);
    readers.push(reader);
    const all = toRun(page);
    const text = all.map((block) => block.text).join("\n");
    const needsServer = /reel (send|status|ls|top|events)/.test(text);
    const bringsServer = all.some(({ text, mark }) => mark === RUNS_ON && text.startsWith("npm start"));
    let server: Running | undefined;
    let camera: Running | undefined;
    if (needsServer && !bringsServer) {
      server = reader.start("exec node dist/cli/reel.js serve");
      await isReady(server);
      if (!/live\/cam1/.test(text)) camera = reader.start(`exec ${PUBLISH_CAM1}`);
    }
    const followers: Running[] = [];
    for (const block of all) {
      if (block.mark !== RUNS_ON) {
        if (/reel verify/.test(block.text)) {
          // The camera goes: its files are final.
          await camera?.interrupt();
          await until("a file is final", () => reader.files().some((file) => file.endsWith(".mp4")));
        }
        await reader.run(block.text);
        continue;
      }
      const running = reader.start(block.text);
      if (block.text.startsWith("npm start")) {
        server = running;
        await isReady(server);
      } else if (/\/live\/(\w+)/.test(block.text)) await isPublished(server, running, block.text);
      else {
        await until("it is connected", () => network.hasConnection(CONTROL_PORT));
        followers.push(running);
      }
    }
    for (const follower of followers)
      await until("events are printed", () => follower.output.split("\n").some(isEventLine));
    if (needsServer) await until("something is recorded", () => reader.recorded());
    await reader.end();
    if (!needsServer) return;
    const files = reader.files();
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect((await verifyFile(file)).defects, file).toEqual([]);
  });

  const isReady = (server: Running) =>
    until("the server is ready", () => {
      if (server.hasEnded) throw new Error(server.output);
      return server.output.includes(READY);
    });

  function isPublished(server: Running | undefined, publisher: Running, text: string) {
    const name = /\/live\/(\w+)/.exec(text)?.[1];
    return until(`${name} is published`, () => {
      if (publisher.hasEnded) throw new Error(publisher.output);
      return server?.output
        .split("\n")
        .some((line) => line.includes(`"stream":"${name}"`) && /publisher in/.test(line));
    });
  }

  const isEventLine = (line: string): boolean =>
    line.startsWith("{") && (JSON.parse(line) as { type: string }).type.startsWith("record");
});

describe("the lines of EMS's page Record a Stream", () => {
  afterEach(async () => {
    await stopPublishers();
    await stopServers();
  });

  /** The folders that the lines name, below a folder of the test's. */
  const ABSOLUTE = ["/var/evostreamms", "/path_to_media"];

  it("record to files that play, for mp4, ts and flv", async () => {
    const lines = blocks("docs/evostream.md").flatMap(({ mark, text }) =>
      mark === FOR_EACH_TYPE ? text.split("\n") : [],
    );
    expect(lines.length).toBeGreaterThan(6);
    const root = mkdtempSync(join(tmpdir(), "reel-ems-"));
    try {
      for (const folder of ABSOLUTE) mkdirSync(join(root, folder), { recursive: true });
      const server = await ReelProcess.start({ media: root });
      const control = await Control.connect(server);
      const clip = await makeClip({ seconds: 2 });
      for (const line of lines) {
        const sent = TYPES.map((type) =>
          line.replace(/type=mp4/, `type=${type}`).replace(/=(?=\/(var|path_to_media)\/)/, `=${root}`),
        );
        await recordOnce(server, control, clip, sent);
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  async function recordOnce(server: ReelProcess, control: Control, clip: string, lines: readonly string[]) {
    const replies = await Promise.all(lines.map((line) => control.send(line)));
    if (/=[A-Z]:\\/.test(lines[0] ?? "")) {
      for (const { status, description } of replies)
        expect([status, description]).toEqual(["FAIL", expect.stringMatching(/^Unable to record stream\. .*C:/)]);
      return;
    }
    expect(replies.map(({ status, description }) => `${status} ${description}`)).toEqual(
      lines.map(() => "SUCCESS Recording Stream"),
    );
    const configs = replies.map(({ data }) => data as { configId: number; localStreamName: string });
    const name = configs[0]?.localStreamName ?? "";
    const ended = control.of("inStreamClosed").length + 1;
    await publishWithFfmpeg({ url: server.rtmpUrl(name), input: clip, realtime: false }).exited;
    await control.wait("inStreamClosed", ended);
    for (const { configId } of configs) {
      const closed = control.of("recordChunkClosed").filter(({ payload }) => payload.configId === configId);
      expect(closed.length).toBeGreaterThan(0);
      for (const { payload } of closed) expect((await verifyFile(String(payload.file))).defects).toEqual([]);
      await control.send(`removeConfig id=${configId}`);
    }
  }
});
