// RTMP sources from servers of others: nginx-rtmp, and ffmpeg as a server.

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { decodeWithFfmpeg, ffprobe, type Probe } from "../support/ffprobe.js";
import { NginxRtmp } from "../support/nginx-rtmp.js";
import { Publisher, publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { freePort, PullFixture } from "../support/pull-fixture.js";
import { until } from "../support/until.js";

const clipSpec = { seconds: 3, video: { bFrames: 2, gopFrames: 25 } } as const;

// Each has a fixture of its own, and waits for media time: they run side by side.
const fixtures = new Set<PullFixture>();
let nginx: NginxRtmp | undefined;
afterAll(async () => {
  await stopPublishers();
  await nginx?.stop();
  for (const fixture of fixtures) await fixture.close();
});

async function open(): Promise<PullFixture> {
  const fixture = await PullFixture.open();
  fixtures.add(fixture);
  return fixture;
}

/** Sizes, key flags and times of one track, from its first packet on. */
function packetsOf(probe: Probe, kind: "video" | "audio"): object[] {
  const packets = probe[kind]?.packets ?? [];
  const zero = packets[0]?.dts90k ?? 0;
  return packets.map(({ dts90k, pts90k, sizeBytes, isKey }) => ({
    dtsMs: Math.round((dts90k - zero) / 90),
    ptsMs: Math.round((pts90k - zero) / 90),
    sizeBytes,
    isKey,
  }));
}

async function expectSame(path: string, file: string): Promise<void> {
  const [sent, recorded] = [await ffprobe(path), await ffprobe(file)];
  for (const kind of ["video", "audio"] as const) {
    const expected = packetsOf(sent, kind);
    expect(packetsOf(recorded, kind), kind).toEqual(expected);
    expect(expected.length).toBeGreaterThan(50);
  }
  await decodeWithFfmpeg(file);
}

describe.concurrent("an RTMP source", () => {
  it("is recorded from nginx-rtmp with every frame and its time, again when its publisher comes back", async () => {
    const fixture = await open();
    nginx = await NginxRtmp.start(join(fixture.folder, "nginx"));
    const path = await makeClip(clipSpec);
    await fixture.record("cam1", "flv");
    const configId = fixture.pull(nginx.url("source"), "cam1");
    await until("connected", () => fixture.codes.get(configId)?.includes(3));
    for (let round = 1; round <= 2; round++) {
      const publisher = publishWithFfmpeg({ url: nginx.url("source"), input: path });
      await publisher.exited;
      const files = await fixture.untilClosed(round);
      await expectSame(path, files[round - 1]?.path ?? "");
      const codes = (): number[] => fixture.codes.get(configId) ?? [];
      await until("connected again", () => codes().filter((code) => code === 3).length > round);
    }
  }, 60_000);

  it("is recorded from ffmpeg as a server", async () => {
    const fixture = await open();
    const path = await makeClip(clipSpec);
    const port = await freePort();
    const url = `rtmp://127.0.0.1:${port}/live/x`;
    await fixture.record("cam1", "flv");
    const server = new Publisher([
      "-v",
      "error",
      "-nostdin",
      "-re",
      "-i",
      path,
      "-c",
      "copy",
      "-f",
      "flv",
      "-listen",
      "1",
      url,
    ]);
    fixture.pull(url, "cam1");
    const [file] = await fixture.untilClosed(1);
    await expectSame(path, file?.path ?? "");
    await server.kill();
  }, 60_000);
});
