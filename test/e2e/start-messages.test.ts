// What a person reads when a server cannot start: one sentence that says what to do, exit code 1, no stack.

import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { effort } from "../support/effort.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";

const REEL = resolve(import.meta.dirname, "../../dist/cli/reel.js");
const OTHERS = ["--json-cli", "off", "--ascii-cli", "off", "--rtsp", "off"];
/** Root without what lets it do all: another user could not read a clone below /root. */
const without = (...capabilities: string[]): string[] => [
  "setpriv",
  `--bounding-set=${capabilities.map((name) => `-${name}`).join(",")}`,
];
const NOT_HERE = "192.0.2.1:7777"; // TEST-NET-1, RFC 5737

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "reel-start-"));
  writeFileSync(join(folder, "file"), "");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function messageOf(args: readonly string[], prefix: readonly string[] = []): Promise<string> {
  const [program, ...rest] = [...prefix, process.execPath, REEL, ...args] as [string, ...string[]];
  const { code, stderr, stdout } = await runProgram(program, rest, { cwd: folder });
  expect(stdout).toBe("");
  expect(code).toBe(1);
  return stderr.replaceAll(folder, "/here");
}

/** Each is a start of a program: the rest of them is for torture. */
const MESSAGES: [string[], string][] = [
  [
    ["serve", "--rtmp", "1935"],
    "reel: --rtmp 1935 has no host: write 127.0.0.1:1935, or 0.0.0.0:1935 to be reached from other machines\n",
  ],
  [
    ["serve", "--log-level", "wran"],
    'reel: the flags or the environment: log.level is "wran", and can be debug, info, warn, error, silent; did you mean warn?\n',
  ],
  [
    ["serve", "--log-file", "/nowhere/reel.log"],
    "reel: the log file /nowhere/reel.log cannot be written: the folder /nowhere does not exist\n",
  ],
  [
    ["serve", "--media", "file"],
    "reel: the media folder /here/file is a file, or lies below one: remove it, or choose another (--media DIR)\n",
  ],
  [
    ["serve", "--state", "file/state"],
    "reel: the state folder /here/file/state is a file, or lies below one: remove it, or choose another (--state DIR)\n",
  ],
  [
    ["serve", "--media", "/proc/media"],
    "reel: the media folder /proc/media cannot be made by Reel: make it by hand, or choose another (--media DIR)\n",
  ],
  [
    ["serve", "--rtmps", "127.0.0.1:0", "--rtmp", "off", "--http", "127.0.0.1:0", ...OTHERS],
    "reel: RTMPS needs a certificate: set tls.certificate and tls.key in reel.json\n",
  ],
  [["demo", "--seconds", "abc"], "reel demo: --seconds abc is no number of seconds from 1 to 86400\n"],
  [["serve", "--http", "here"], "reel: --http here is not HOST:PORT with a port from 0 to 65535, nor off\n"],
  [["serve", "--workers", "many"], "reel: --workers many is no number of threads, from 1 to 64\n"],
  [["serve", "--log-file", "."], "reel: the log file /here cannot be written: it is a folder\n"],
  [["serve", "--config", "no.json"], "reel: the configuration file /here/no.json does not exist\n"],
  [
    ["serve", "--state", "/proc/state"],
    "reel: the state folder /proc/state cannot be made by Reel: make it by hand, or choose another (--state DIR)\n",
  ],
  [["serve", "--tokn", "x"], "error: unknown option '--tokn'\n(Did you mean --token?)\n"],
];

it.concurrent.each(MESSAGES.slice(0, effort(2, MESSAGES.length)))("%j", async (args, message) => {
  expect(await messageOf(args)).toBe(message);
});

it("names the nearest known variable where one is unknown, and refuses it", async () => {
  expect(await messageOf(["serve"], ["env", "REEL_MEDA=x"])).toBe(
    "reel: unknown environment variable REEL_MEDA; did you mean REEL_MEDIA?\n",
  );
});

/** A shell that sets a limit of open files and becomes the program. */
const limited = (limit: string): string[] => ["bash", "-c", `ulimit ${limit}; exec "$@"`, "bash"];

describe("a process that may open few files", () => {
  afterEach(async () => {
    await stopPublishers();
    await stopServers();
  });

  it.concurrent.each([40, 150, 511])("says so in a sentence where that is %i", async (limit) => {
    expect(await messageOf(["serve"], limited(`-n ${limit}`))).toBe(
      `reel: this process may open ${limit} files, and Reel needs 512 to start and five for each recording: raise its limit (ulimit -n 65536, or LimitNOFILE=65536 in a unit)\n`,
    );
  });

  it("records with 512, and warns of more configs than that is enough for", async () => {
    const first = await ReelProcess.start({ prefix: limited("-n 512") });
    const control = await Control.connect(first);
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4");
    publishWithFfmpeg({ url: first.rtmpUrl("cam1"), input: await makeClip({ seconds: 2 }) });
    await control.wait("recordChunkClosed");
    await first.stop();
    expect(first.output).not.toContain("too few files");
    const second = await ReelProcess.start({ root: first.root, prefix: limited("-n 512") });
    expect(second.output).toMatch(
      /"limit":512,"wanted":517,"recordConfigs":1,"msg":"this process may open too few files/,
    );
    await second.stop();
  });

  it("gets all that the hard limit allows, whatever the soft one is", async () => {
    const server = await ReelProcess.start({ prefix: limited("-Sn 64") });
    const { code, stdout } = await runProgram("prlimit", [
      "--nofile",
      "--noheadings",
      "-o",
      "SOFT,HARD",
      "--pid",
      `${server.pid}`,
    ]);
    const [soft, hard] = stdout.trim().split(/\s+/);
    expect([code, soft]).toEqual([0, hard]);
  });
});

it("says who else listens, what a user may not listen on, and what no interface has", async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  const { port } = other.address() as { port: number };
  const serve = (http: string, token: readonly string[] = []) => [
    ...["serve", "--log-level", "silent", "--rtmp", "off", "--http", http, ...OTHERS, ...token],
  ];
  expect(await messageOf(serve(`127.0.0.1:${port}`))).toBe(
    `reel: another program, perhaps another Reel, listens on 127.0.0.1:${port}: stop it, or give Reel another port (--http HOST:PORT)\n`,
  );
  other.close();
  expect(await messageOf(serve(NOT_HERE, ["--token", "12345678"]))).toBe(
    `reel: no interface of this machine has the address of ${NOT_HERE}: give Reel one that it has (--http HOST:PORT)\n`,
  );
  expect(await messageOf(serve("127.0.0.1:80"), without("net_bind_service"))).toBe(
    "reel: this user may not listen on 127.0.0.1:80: take a port above 1023 (--http HOST:PORT), or give the service CAP_NET_BIND_SERVICE\n",
  );
});

it("says what is wrong with folders that a user may not use, and with a full disk", async () => {
  mkdirSync(join(folder, "theirs"), { mode: 0o700 });
  chownSync(join(folder, "theirs"), 65534, 65534);
  const poor = without("dac_override", "dac_read_search");
  expect(await messageOf(["serve", "--media", "theirs/media"], poor)).toBe(
    "reel: the media folder /here/theirs/media may not be used by this user: change its owner, or choose another (--media DIR)\n",
  );
  const full = join(folder, "full");
  mkdirSync(full);
  expect((await runProgram("mount", ["-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "tmpfs", full])).code).toBe(0);
  try {
    expect(await messageOf(["serve", "--state", "full/state"])).toBe(
      "reel: the state folder /here/full/state is on a full disk: make room, or choose another (--state DIR)\n",
    );
    expect(await messageOf(["serve", "--media", "full/media"])).toBe(
      "reel: the media folder /here/full/media is on a full disk: make room, or choose another (--media DIR)\n",
    );
  } finally {
    await runProgram("umount", [full]);
  }
});
