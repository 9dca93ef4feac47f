// kill -9 of the server at random moments while eight streams are recorded to MP4: after the next start every segment
// plays, its frames are those that were sent without a hole, and what is missing at the end is at most one second of
// media.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { RtmpPublisher } from "../../src/ingest/rtmp/publish-client.js";
import { type FlvTag, parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { makeClip } from "../support/clip.js";
import { effort, seed } from "../support/effort.js";
import { expectAsTold, type ToldFile, toldByEvents } from "../support/expect-as-told.js";
import { ffprobe } from "../support/ffprobe.js";
import { mulberry32 } from "../support/random.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

const STREAMS = 8;
const ROUNDS = effort(2, 100);
const CHUNK_SECONDS = 1;
const MAX_LOSS_MS = 1000;
const VIDEO = 9;

afterEach(stopServers);

/**
 * Sends a clip at the pace of its clock until the connection breaks. Returns the timestamp of the last video tag that
 * was due.
 */
async function publishUntilKilled(url: string, tags: readonly FlvTag[]): Promise<number> {
  const publisher = await RtmpPublisher.open(url);
  const startMs = performance.now();
  let lastMs = 0;
  for (const tag of tags) {
    const waitMs = startMs + tag.timestampMs - performance.now();
    if (waitMs > 1) await Promise.race([delay(waitMs), publisher.closed]);
    if (publisher.isClosed) break;
    publisher.send(tag);
    if (tag.type === VIDEO) lastMs = tag.timestampMs;
  }
  publisher.destroy();
  return lastMs;
}

describe(`a server killed at ${ROUNDS} random moments (REEL_SEED=${seed})`, () => {
  const next = mulberry32(seed);
  it.each(Array.from({ length: ROUNDS }, (_, i) => [i + 1]))(
    "moment %i: every segment is recovered without a hole",
    async () => {
      const clip = await makeClip({ seconds: 12 });
      const tags = [...parseFlvFile(await readFile(clip))];
      const sent = await ffprobe(clip, { hash: true });
      const server = await ReelProcess.start();
      const control = await Control.connect(server);
      const names = Array.from({ length: STREAMS }, (_, i) => `cam${i}`);
      for (const [i, name] of names.entries())
        await control.succeed(
          `record localStreamName=${name} pathToFile=${name} type=mp4 ${i % 2 === 0 ? `chunkLength=${CHUNK_SECONDS}` : ""}`,
        );
      const publishing = names.map((name) => publishUntilKilled(server.rtmpUrl(name), tags));
      await control.wait("recordChunkCreated", STREAMS);
      await delay(100 + next() * 3000); // the random moment
      await server.kill();
      const sentMs = await Promise.all(publishing);
      const revived = await ReelProcess.start({ root: server.root });
      await until(
        "every journal is finished",
        async () => !(await readdir(revived.media)).some((name) => name.endsWith(".info")),
      ).catch(async (error: Error) => {
        throw new Error(`${error.message}: ${await sizesIn(revived.media)}`, { cause: error });
      });
      const files = (await readdir(revived.media)).sort();
      expect(files.filter((name) => !name.endsWith(".mp4"))).toEqual([]);
      for (const [i, name] of names.entries()) {
        const own = files.filter((file) => file.startsWith(`${name}.`) || file.startsWith(`${name}_`));
        for (const kind of ["video", "audio"] as const) {
          const hashes: string[] = [];
          for (const file of own)
            hashes.push(
              ...((await ffprobe(revived.file(file), { hash: true }))[kind]?.packets.map((packet) => packet.hash) ??
                []),
            );
          expect(hashes, `${name} ${kind}`).toEqual(
            sent[kind]?.packets.slice(0, hashes.length).map((packet) => packet.hash),
          );
          if (kind !== "video") continue;
          // [0] is the sequence header
          const lastMs = tags.filter((tag) => tag.type === VIDEO)[hashes.length]?.timestampMs ?? 0;
          expect((sentMs[i] ?? 0) - lastMs, `${name}: media lost at the end`).toBeLessThanOrEqual(MAX_LOSS_MS);
        }
      }
      const told = await recoveredOnce(revived);
      expect(new Set(told.map(({ path }) => path)).size, "no segment is closed twice").toBe(told.length);
      await expectAsTold(revived.media, told);
      await revived.stop();
    },
  );
});

/** What a failure shows of a folder: the sizes say how far the writer had come. */
async function sizesIn(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const sizes = names.map(async (name) => `${name} ${(await stat(join(folder, name))).size}`);
  return (await Promise.all(sizes)).join(", ");
}

/** All closed entries of the ledger, asked for over the control channel. */
async function recoveredOnce(server: ReelProcess): Promise<ToldFile[]> {
  const control = await Control.connect(server, false);
  await control.succeed("subscribe since=0");
  const told = await until("the ledger's entries have come", async () => {
    const closed = toldByEvents(control);
    return closed.length === (await readdir(server.media)).length ? closed : undefined;
  });
  control.close();
  return told;
}
