// Publishers that stop at a random message and come back under the same name at once, each with one oddity of a real
// encoder, recorded to the three containers: every file is sound and as it was told, and no frame is missing that was
// not told of.

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RtmpPublisher } from "../../src/ingest/rtmp/publish-client.js";
import type { FileReport } from "../../src/verify/file-report.js";
import { effort, seed } from "../support/effort.js";
import { expectAsTold, toldByEvents } from "../support/expect-as-told.js";
import { type Message, ODD_ENCODERS, type OddEncoder } from "../support/odd-encoders.js";
import { mulberry32 } from "../support/random.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const ROUNDS = effort(1, 20);
const CHUNK_SECONDS = 3;
/** A stop comes behind what the oddity needs to show. */
const LEAST = 0.6;
const UNSENT_BYTES = 1 << 20;

let server: ReelProcess;
beforeAll(async () => {
  server = await ReelProcess.start();
});
afterAll(stopServers);

/** `perMs`: messages that the encoder makes, whatever its timestamps say; undefined: as fast as they are taken. */
async function publish(url: string, messages: readonly Message[], perMs: number | undefined): Promise<void> {
  const publisher = await RtmpPublisher.open(url);
  const startMs = performance.now();
  for (const [i, message] of messages.entries()) {
    if (perMs !== undefined && performance.now() < startMs + i / perMs) await delay(20);
    publisher.send(message);
    if (publisher.unsentBytes > UNSENT_BYTES) await publisher.drained();
  }
  await publisher.close();
}

/** Frames of a kind in the files of a container. */
function framesIn(reports: readonly FileReport[], container: string, kind: string): number {
  const tracks = reports.filter((report) => report.container === container).flatMap((report) => report.tracks);
  return tracks.reduce((sum, track) => sum + (track.kind === kind ? track.frames : 0), 0);
}

function lostIn(control: Control, container: string): number {
  const own = control.of("recordGap").filter(({ payload }) => String(payload.file).endsWith(`.${container}`));
  return own.reduce((sum, { payload }) => sum + (payload.gap as { frames: number }).frames, 0);
}

/** What was told of a container's files. */
function causesIn(control: Control, container: string): unknown[] {
  const closed = control
    .of("recordChunkClosed")
    .filter(({ payload }) => String(payload.file).endsWith(`.${container}`));
  return closed.flatMap(({ payload }) => (payload.gaps as { cause: string }[]).map(({ cause }) => cause));
}

describe(`stopped and republished ${ROUNDS} times (REEL_SEED=${seed})`, () => {
  it.each(ODD_ENCODERS)("$item, $name", async (encoder: OddEncoder) => {
    const { item, seconds, isPaced = false, unrecordedMs = 0, tells } = encoder;
    const random = mulberry32(seed + item);
    const name = `odd${item}`;
    const control = await Control.connect(server);
    for (const type of CONTAINERS)
      await control.succeed(
        `record localStreamName=${name} pathToFile=${name}/${type} type=${type} chunkLength=${CHUNK_SECONDS} dateFolderStructure=1`,
      );
    const all = encoder.messages(seconds);
    const frames = all.filter(({ kind }) => kind !== undefined).length;
    const sent = { video: 0, audio: 0 };
    for (let round = 1; round <= ROUNDS; round++) {
      const messages = all.slice(0, Math.ceil(all.length * (LEAST + (1 - LEAST) * random())));
      for (const { kind } of messages) if (kind) sent[kind]++;
      await publish(server.rtmpUrl(name), messages, isPaced ? all.length / (seconds * 1000) : undefined);
      await until("it is over", () => control.of("inStreamClosed").length === round);
    }
    const told = toldByEvents(control).filter(({ path }) => path.includes(`/${name}/`));
    const reports = await expectAsTold(server.file(name), told);
    for (const type of CONTAINERS) {
      const lost = lostIn(control, type);
      const found = { video: framesIn(reports, type, "video"), audio: framesIn(reports, type, "audio") };
      const missing = sent.video + sent.audio - found.video - found.audio - lost;
      const unrecorded = (unrecordedMs / 1000 / seconds) * frames * ROUNDS;
      expect(missing, `${type}: ${JSON.stringify({ sent, found, lost })}`).toBeGreaterThanOrEqual(0);
      expect(missing, `${type}: ${JSON.stringify({ sent, found, lost })}`).toBeLessThanOrEqual(unrecorded);
      expect(found.video).toBeGreaterThan(0);
      if (tells) expect(causesIn(control, type), type).toContain(tells);
    }
    control.close();
  });
});
