// Cameras whose server is killed and comes back, again and again, also between SETUP and PLAY: each is recorded again,
// and nothing is left behind. The torture run does it ten times with fifty cameras, and looks at the clock.

import { afterEach, beforeEach, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { effort, isTorture } from "../support/effort.js";
import { ffprobe } from "../support/ffprobe.js";
import { freePort, PullFixture, startRtspServer, stopRtspServers } from "../support/pull-fixture.js";
import { until } from "../support/until.js";

const CAMERAS = effort(3, 50);
const ROUNDS = effort(1, 10);
/** For up to fifty sources. */
const RECORDED_WITHIN_MS = 3000;
const names = Array.from({ length: CAMERAS }, (_, i) => `cam${i}`);

let fixture: PullFixture;
beforeEach(async () => {
  fixture = await PullFixture.open();
});
afterEach(async () => {
  await fixture.close();
  await stopRtspServers();
});

const sockets = (): number => process.getActiveResourcesInfo().filter((name) => /tcp|udp/i.test(name)).length;

it("are recorded again each time, and leave nothing behind", async () => {
  // Long enough for a round; a server that does not encode can play it to fifty.
  const path = await makeClip({ seconds: 20, video: { gopFrames: 25 }, format: "mp4" });
  const port = await freePort();
  const before = sockets();
  for (const [i, name] of names.entries()) {
    await fixture.record(name, "mp4");
    fixture.pull(`rtsp://user:secret@127.0.0.1:${port}/live`, name, { forceTcp: i % 2 === 0 });
  }
  const isLive = (): boolean => names.every((name) => fixture.frames(name) > 5);
  const isDead = (): boolean => names.every((name) => fixture.frames(name) === 0);
  let blocks = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const dying = await startRtspServer(path, { port, isDying: true });
    await dying.exited;
    const server = await startRtspServer(path, { port });
    const backMs = performance.now();
    await until("all are recorded", isLive, 60_000);
    if (isTorture) expect(performance.now() - backMs).toBeLessThan(RECORDED_WITHIN_MS);
    await server.kill();
    await until("all have ended", isDead, 60_000);
    await fixture.untilClosed((round + 1) * CAMERAS);
    const { blocks: now } = fixture.recorder.arena.stats();
    if (round === 0) blocks = now;
    expect(now).toBeLessThanOrEqual(blocks);
  }
  await fixture.pulls.close();
  await until("all sockets are gone", () => sockets() <= before, 30_000);
  // The picture that was on its way when the server died is cut short, so the files are read, not decoded.
  for (const file of fixture.closed) expect((await ffprobe(file.path)).video?.packets.length).toBe(file.videoFrames);
  expect(fixture.log.join("\n")).not.toContain("secret");
});
