// A real RTSP server (GStreamer's) pulled over TCP and UDP, and killed under us.

import { afterAll, describe, expect, it } from "vitest";
import { PULL_FAILED } from "../../src/ingest/pull/pull-source.js";
import { makeClip } from "../support/clip.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { freePort, PullFixture, startRtspServer, stopRtspServers } from "../support/pull-fixture.js";
import { until } from "../support/until.js";

const SECONDS = 4;
/** Issue 5. One AAC frame at 48 kHz has 21 ms. */
const MAX_SKEW_MS = 40;

// Each has a fixture of its own, and waits for media time: they run side by side.
const fixtures = new Set<PullFixture>();
afterAll(async () => {
  for (const fixture of fixtures) await fixture.close();
  await stopRtspServers();
});

async function open(): Promise<PullFixture> {
  const fixture = await PullFixture.open();
  fixtures.add(fixture);
  return fixture;
}

describe.concurrent("RTSP sources", () => {
  for (const transport of ["tcp", "udp"] as const) {
    it(`records every frame of a source over ${transport.toUpperCase()}, with the tracks together`, async () => {
      const fixture = await open();
      // RTP carries no DTS: that of B-frames is derived.
      const path = await makeClip({ seconds: SECONDS, video: { gopFrames: 25, bFrames: 2 }, format: "mp4" });
      const server = await startRtspServer(path);
      await fixture.record("cam", "mp4");
      const configId = fixture.pull(server.url, "cam", { forceTcp: transport === "tcp", keepAlive: false });
      const [file] = await fixture.untilClosed(1);
      const sent = await ffprobe(path);
      const probe = await ffprobe(file?.path ?? "");
      expect(fixture.codes.get(configId)).toEqual([1, 3, 0, 4]);
      expect(times(probe.video?.packets)).toEqual(times(sent.video?.packets));
      // Frame by frame: all but the encoder's priming frame, which the file's edit list hides and the server does not
      // send, and the one cut short at the end: `ffmpeg -i rtsp://… -f framecrc` has just these.
      const sizes = (packets: readonly { sizeBytes: number }[] = []): number[] =>
        packets.map((packet) => packet.sizeBytes);
      expect(sizes(probe.audio?.packets)).toEqual(sizes(sent.audio?.packets).slice(1, -1));
      expect(Math.abs(skewMs(probe) - skewMs(sent))).toBeLessThan(MAX_SKEW_MS);
      await decodeWithFfmpeg(file?.path ?? "");
    });
  }

  it("goes on recording with the next attempt, three times, when the server is killed and comes back", async () => {
    const fixture = await open();
    const port = await freePort();
    await fixture.record("cam", "mp4");
    const configId = fixture.pull(`rtsp://user:secret@127.0.0.1:${port}/live`, "cam", { forceTcp: true });
    for (let round = 0; round < 3; round++) {
      const server = await startRtspServer("live", port);
      await until("frames arrive", () => fixture.frames("cam") > 25, 15_000);
      await server.kill();
      await fixture.untilClosed(round + 1);
      const again = await startRtspServer("live", port);
      const codesBefore = fixture.codes.get(configId)?.length ?? 0;
      await until("recording goes on", () => fixture.frames("cam") > 0, 15_000);
      // One attempt may have been on its way when the server came up. The pause before the next is pull-source.test's.
      const failed =
        fixture.codes
          .get(configId)
          ?.slice(codesBefore)
          .filter((code) => code === PULL_FAILED) ?? [];
      expect(failed.length).toBeLessThanOrEqual(1);
      await again.kill();
      await until("the stream has ended", () => fixture.frames("cam") === 0);
    }
    // The picture that was on its way when the server died is cut short, so the files are read, not decoded.
    for (const file of fixture.closed) expect((await ffprobe(file.path)).video?.packets.length).toBe(file.videoFrames);
    expect(fixture.log.join("\n")).not.toContain("secret");
  });
});

/** Of the pictures in their order of decoding: when each is shown, from the first of them on, and its size. */
function times(packets: readonly { pts90k: number; sizeBytes: number }[] = []): number[][] {
  const first = Math.min(...packets.map(({ pts90k }) => pts90k));
  return packets.map(({ pts90k, sizeBytes }) => [pts90k - first, sizeBytes]);
}

/** How far the audio begins behind the pictures. */
function skewMs(probe: Awaited<ReturnType<typeof ffprobe>>): number {
  return (
    ((probe.audio?.packets[0]?.pts90k ?? 0) -
      Math.min(...(probe.video?.packets ?? []).map((packet) => packet.pts90k))) /
    90
  );
}
