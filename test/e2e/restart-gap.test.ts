// kill -9 in the middle of recordings in every container, and a restart: what the files hold and what was told as lost
// are together what the publisher sent, but for the frames that were on their way; and one gap a config tells of the
// time in which nobody was there.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { RtmpPublisher } from "../../src/ingest/rtmp/publish-client.js";
import { type FlvTag, parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

afterEach(stopServers);

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const AUDIO = 8;
const VIDEO = 9;
/**
 * Sent since the last note of what was received, and on the way: half a second of 25 pictures and 47 audio frames a
 * second. A note is due every 100 ms; a machine with other work is late.
 */
const IN_FLIGHT_FRAMES = 36;
const QUIET_MS = 220;
const DOWN_MS = 600;

/** A tag that is a frame: not a configuration, not metadata. */
function isFrame({ type, data }: FlvTag): boolean {
  return (type === AUDIO || type === VIDEO) && data[1] === 1;
}

/** Sends at the pace of the clip until the connection breaks, or to its end. Returns how many frames were sent. */
async function publish(url: string, tags: readonly FlvTag[]): Promise<number> {
  const publisher = await RtmpPublisher.open(url);
  const startMs = performance.now();
  let sent = 0;
  for (const tag of tags) {
    const waitMs = startMs + tag.timestampMs - performance.now();
    if (waitMs > 1) await Promise.race([delay(waitMs), publisher.closed]);
    if (publisher.isClosed) break;
    publisher.send(tag);
    if (isFrame(tag)) sent++;
  }
  if (!publisher.isClosed) await publisher.close();
  publisher.destroy();
  return sent;
}

/** Resolves when no file has grown for a while: rings are drained twice a second, so frames wait in all of them. */
async function ringsFill(media: string): Promise<void> {
  const seen = new Map<string, number>();
  let sinceMs = performance.now();
  await until("nothing is written", async () => {
    for (const name of await readdir(media)) {
      const { size } = await stat(join(media, name)).catch(() => ({ size: 0 }));
      if (size !== seen.get(name)) sinceMs = performance.now();
      seen.set(name, size);
    }
    return performance.now() - sinceMs >= QUIET_MS;
  });
}

interface Told {
  gap?: { cause: string; durationMs: number; frames: number };
  lost?: { frames: number } | null;
  gaps?: { cause: string; frames: number }[];
  recovered?: boolean;
  file: string;
  localStreamName: string;
}

it("tells what a kill took, and the time until the source was back, once a config", async () => {
  const tags = [...parseFlvFile(await readFile(await makeClip({ seconds: 10 })))];
  const short = tags.filter(({ timestampMs }) => timestampMs < 1500);
  const first = await ReelProcess.start();
  const before = await Control.connect(first);
  for (const type of CONTAINERS)
    await before.succeed(`record localStreamName=${type} pathToFile=${type} type=${type} chunkLength=1`);
  const publishing = CONTAINERS.map((type) => publish(first.rtmpUrl(type), tags));
  await before.wait("recordChunkCreated", 2 * CONTAINERS.length);
  await ringsFill(first.media);
  await first.kill();
  const killedMs = Date.now();
  const sentBefore = await Promise.all(publishing);
  await delay(DOWN_MS);
  const second = await ReelProcess.start({ root: first.root });
  const control = await Control.connect(second);
  await control.succeed("subscribe since=0");
  const resumedMs = Date.now();
  const sentAfter = await Promise.all(CONTAINERS.map((type) => publish(second.rtmpUrl(type), short)));
  await control.wait("inStreamClosed", CONTAINERS.length);
  await control.wait("recordGap", CONTAINERS.length);
  const told = (type: string): Told[] => control.of(type).map(({ payload }) => payload as unknown as Told);
  for (const [i, type] of CONTAINERS.entries()) {
    const closed = told("recordChunkClosed").filter(({ localStreamName }) => localStreamName === type);
    const cutOff = closed.filter(({ recovered, gaps }) => recovered && (gaps ?? []).length > 0);
    expect(
      cutOff.map(({ gaps }) => gaps?.map(({ cause }) => cause)),
      type,
    ).toEqual([["crash"]]);
    const lost = closed.reduce((sum, closing) => sum + (closing.lost?.frames ?? 0), 0);
    expect(lost, `${type}: frames told as lost`).toBeGreaterThan(0);
    let held = 0;
    for (const { file } of closed)
      held += (await verifyFile(file)).tracks.reduce((sum, track) => sum + track.frames, 0);
    const missing = (sentBefore[i] ?? 0) + (sentAfter[i] ?? 0) - held - lost;
    expect(missing, `${type}: frames that nobody told of`).toBeLessThanOrEqual(IN_FLIGHT_FRAMES);
    expect(missing, `${type}: frames told as lost that are there`).toBeGreaterThanOrEqual(0);

    const gaps = told("recordGap").filter(({ localStreamName }) => localStreamName === type);
    expect(gaps, type).toMatchObject([{ gap: { cause: "restart", frames: lost }, localStreamName: type }]);
    const downMs = gaps[0]?.gap?.durationMs ?? 0;
    // From the last write before the kill, which is half a second old at most, to the first frame.
    expect(downMs, type).toBeGreaterThanOrEqual(resumedMs - killedMs - 100);
    expect(downMs, type).toBeLessThanOrEqual(resumedMs - killedMs + 2500);
  }
  await second.stop();
});
