// Many files, a server that fails every fifth request, and a process that is killed three times: every file is an
// object once, byte for byte, and nothing is left at the server or in the state folder.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { Catalog } from "../../src/catalog/catalog.js";
import { Ledger } from "../../src/catalog/ledger.js";
import { effort, seed } from "../support/effort.js";
import { mulberry32 } from "../support/random.js";
import { type Fault, S3Server, stopS3Servers, TEST_ACCOUNT } from "../support/s3-server.js";
import { startFaultyS3rver } from "../support/s3rver.js";
import { scratch } from "../support/scratch.js";
import type { Account } from "../support/signature-v4.js";

const FILES = effort(40, 200);
const KILLS = 3;
const PART_BYTES = 64 * 1024;
const CONCURRENCY = 4;
const FAULTS: readonly Fault[] = ["503", "cutBefore", "cutAfter", "slow", "expire"];
const START = Date.UTC(2026, 10, 27);
const { path } = scratch();
const children = new Set<ChildProcess>();

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await stopS3Servers();
});

/** Some of one part, most of several. */
async function recordFiles(state: string, media: string, random: () => number): Promise<void> {
  mkdirSync(media, { recursive: true });
  const ledger = await Ledger.open(state, silentLogger, { isDurable: false });
  for (let i = 0; i < FILES; i++) {
    const bytes = Buffer.alloc(Math.ceil(random() ** 2 * 6 * PART_BYTES));
    for (let at = 0; at < bytes.byteLength; at++) bytes[at] = random() * 256;
    const file = join(media, `cam (${i % 7})+é_${i}.ts`);
    writeFileSync(file, bytes);
    const origin = {
      localStreamName: `cam${i % 7}`,
      configId: 1,
      outStreamId: 2,
      variables: {},
      wishes: { upload: true },
    };
    const startedMs = START + i * 1000;
    const opened = { ...origin, path: file, container: "ts" as const, tracks: [], startedMs };
    const sequence = ledger.nextSequence();
    await ledger.append({ type: "opened", report: { ...opened, sequence } });
    const counts = { videoFrames: 25, audioFrames: 0, durationMs: 1000, sizeBytes: bytes.byteLength };
    const rest = { stoppedMs: startedMs + 1000, finish: "none" as const, recovered: false, gaps: [], lost: null };
    const report = { ...opened, ...counts, ...rest, syncError: null, sequence: ledger.nextSequence() };
    await ledger.append({ type: "closed", opened: sequence, report });
  }
  await ledger.close();
}

/** Resolves with how many files it uploaded, when it has ended or been killed after `killAfter` of them. */
async function upload(
  state: string,
  media: string,
  endpoint: string,
  killAfter?: number,
  { region, accessKeyId, secretAccessKey }: Account = TEST_ACCOUNT,
): Promise<number> {
  const script = join(import.meta.dirname, "../support/upload-child.mjs");
  const args = [script, state, media, endpoint, region, String(PART_BYTES), String(CONCURRENCY)];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  });
  children.add(child);
  let done = 0;
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => {
    errors += bytes.toString();
  });
  child.stdout.on("data", (bytes: Buffer) => {
    done += bytes.byteLength;
    if (killAfter !== undefined && done >= killAfter) child.kill("SIGKILL");
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  children.delete(child);
  expect([code, signal], errors).toEqual(killAfter === undefined ? [0, null] : [null, "SIGKILL"]);
  return done;
}

it("uploads every file once through faults and kills, and leaves nothing over", {
  timeout: effort(60_000, 600_000),
}, async () => {
  const random = mulberry32(seed);
  const [state, media] = [path("state"), path("media")];
  await recordFiles(state, media, random);
  let requests = 0;
  let faults = 0;
  const fault = (): Fault | undefined => {
    requests++;
    if (random() >= 0.2) return undefined;
    faults++;
    return FAULTS[Math.floor(random() * FAULTS.length)];
  };
  const server = await S3Server.start({ fault, pageParts: 2, minPartBytes: PART_BYTES });
  let uploaded = 0;
  for (let kill = 0; kill < KILLS; kill++)
    uploaded += await upload(state, media, server.endpoint, 1 + Math.floor(random() * (FILES / (KILLS + 2))));
  expect(uploaded).toBeLessThan(FILES);
  await upload(state, media, server.endpoint);
  const names = readdirSync(media).sort();
  expect([...server.objects.keys()].sort()).toEqual(names);
  for (const name of names)
    expect(server.objects.get(name)?.bytes.equals(readFileSync(join(media, name))), `${name}, seed ${seed}`).toBe(true);
  expect(server.uploads.size, "uploads that nobody completed").toBe(0);
  expect(readdirSync(join(state, "uploads")), "journals").toEqual([]);
  const twice = [...server.objects].filter(([, { versions }]) => versions > 1).map(([name]) => name);
  expect(twice, `written more than once, seed ${seed}`).toEqual([]);
  expect(faults).toBeGreaterThan(requests / 10);
  expect(server.mostBodyBytes).toBeLessThanOrEqual(PART_BYTES * CONCURRENCY + 65_536);
  const ledger = await Ledger.open(state, silentLogger);
  const catalog = await Catalog.open(state, { ledger, mediaFolders: [media], logger: silentLogger });
  catalog.start();
  await catalog.whenComplete();
  const { segments } = await catalog.query();
  expect(segments.map(({ state, object }) => [state, object])).toEqual(
    segments.map(({ path }) => ["uploaded", `s3://footage/${path.slice(media.length + 1)}`]),
  );
  await catalog.close();
  await ledger.close();
});

it("has every file at s3rver byte for byte, through faults and kills, too", {
  timeout: effort(60_000, 600_000),
}, async () => {
  const random = mulberry32(seed + 1);
  const [state, media] = [path("state2"), path("media2")];
  await recordFiles(state, media, random);
  const judge = await startFaultyS3rver(path("s3rver"), () => random() < 0.2);
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const killAfter = 1 + Math.floor(random() * (FILES / (KILLS + 2)));
      await upload(state, media, judge.endpoint, killAfter, judge.account);
    }
    await upload(state, media, judge.endpoint, undefined, judge.account);
    expect(judge.storedAgain(), `written more than once, seed ${seed}`).toEqual([]);
    expect(judge.faults()).toBeGreaterThan(FILES / 10);
    const names = readdirSync(media).sort();
    expect(judge.objects()).toEqual(names);
    for (const name of names)
      expect(judge.read(name).equals(readFileSync(join(media, name))), `${name}, seed ${seed}`).toBe(true);
    expect(readdirSync(join(state, "uploads")), "journals").toEqual([]);
  } finally {
    await judge.close();
  }
});
