// Query strings and paths of the playback routes, mutated: each is answered, none with 500, and memory does not grow.

import { afterAll, beforeAll, expect, it } from "vitest";
import type { ReelServer } from "../../src/server/server.js";
import { makeClip } from "../support/clip.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { feed, readClip } from "../support/feed.js";
import { startHttpServer } from "../support/http-server.js";
import { mutate, randomFrom } from "../support/mutate.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const { path } = scratch();
const EXPECTED = new Set([200, 204, 206, 302, 304, 400, 403, 404, 405, 409, 413, 414, 415, 416, 503]);
/** Of a process that answers clips of a few hundred kilobytes; the first answers compile code. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;
const AT_A_TIME = 8;
let server: ReelServer;
let targets: string[];

beforeAll(async () => {
  server = await startHttpServer(path("."));
  const clip = await readClip(await makeClip({ seconds: 4 }));
  for (const type of ["mp4", "ts"] as const) {
    await server.recorder.record({ localStreamName: type, pathToFile: type, type, keepAlive: false });
    const stream = server.recorder.streams.open(type);
    await feed(stream, clip);
    stream.end("test");
  }
  const segments = await until("two files", async () => {
    const { segments } = await server.recorder.catalog.query({ state: "finished" });
    return segments.length === 2 ? segments : undefined;
  });
  const from = (segments[0]?.startedMs ?? 0) + 500;
  const [to, id] = [from + 2000, segments[0]?.id];
  targets = [
    `/api/recordings?stream=mp4&from=${from}&to=${to}&state=finished&limit=10&cursor=${from}.1`,
    `/api/recordings/${id}`,
    `/api/clip?stream=mp4&from=${from}&to=${to}&format=mp4`,
    `/api/clip?stream=ts&from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`,
    `/list?path=ts&start=${from}&end=${to}`,
    `/hls/mp4/index.m3u8?from=${from}&to=${to}&window=60&type=mp4`,
    `/hls/ts/index.m3u8?from=${from}&to=${to}&type=ts`,
    `/hls/mp4/${id}/0.m4s`,
    `/hls/mp4/${id}/init.mp4`,
    `/hls/ts/${segments[1]?.id}/media.ts`,
    "/media/mp4.mp4?folder=0",
    "/media/../state/ledger.log",
    `/api/thumbnail?stream=nobody&at=${from}&width=160`,
  ];
}, 60_000);
afterAll(() => server.close());

/** In the characters that a request line can hold; whatever else comes out is percent-encoded. */
function mutated(target: string, random: (below: number) => number): string {
  const bytes = mutate(Buffer.from(target.slice(1)), random).subarray(0, 4000);
  let text = "/";
  for (const byte of bytes) {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x23;
    text += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

it("is answered, whatever is asked", { timeout: 600_000 }, async () => {
  const random = randomFrom(seed);
  const base = `http://${server.addresses.http}`;
  const ask = async (target: string): Promise<void> => {
    const range = `bytes=${random(4000) - 100}-${random(2 ** 31)}`;
    const answer = await fetch(`${base}${target}`, random(4) === 0 ? { headers: { range } } : {});
    await answer.arrayBuffer();
    expect(EXPECTED.has(answer.status), `seed ${seed}: ${target} is ${answer.status}`).toBe(true);
    // The state folder's files and the system's are nobody's business.
    expect(answer.url.includes("ledger.log") && answer.status === 200, target).toBe(false);
  };
  for (const target of targets) await ask(target);
  const before = process.memoryUsage().rss;
  let batch: Promise<void>[] = [];
  for (const round of fuzzRounds(300, 10_000)) {
    batch.push(ask(mutated(targets[round % targets.length] ?? "/", random)));
    if (batch.length < AT_A_TIME) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
  expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH_BYTES);
});
