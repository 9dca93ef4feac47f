// Open GOPs in MP4: ffmpeg finds by a seek the picture that it shows from the beginning. Leading pictures of a CRA
// (H.265), or of a picture with a recovery point (H.264), need what is in front of it; ffmpeg goes by decoding times,
// in files of its own as well, and comes too late for what is shown between the decoding of such a picture and its own
// time.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TICKS_PER_SECOND } from "../../src/time/units.js";
import { ffprobe } from "../support/ffprobe.js";
import { readMp4 } from "../support/mp4-reader.js";
import { stopPublishers } from "../support/publisher.js";
import { stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { SharedServer } from "../support/shared-server.js";

const RATE = 25;
const SECONDS = 2;
const GOP = 10;
const PICTURES = RATE * SECONDS;
const OPEN_GOP = `keyint=${GOP}:min-keyint=${GOP}:scenecut=0:bframes=3:b-adapt=0:open-gop=1`;

let folder: string;
let server: SharedServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-open-gop-"));
  server = await SharedServer.start();
});
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  await rm(folder, { recursive: true });
});

/** H.264's decoder where it starts at a recovery point: it has not the old pictures that are to be given up there. */
const NO_OLD_PICTURE = /^\[h264 @ \w+\] mmco: unref short failure\n/gm;

async function ffmpeg(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args]);
  expect([code, stderr.replace(NO_OLD_PICTURE, "")], args.join(" ")).toEqual([0, ""]);
  return stdout;
}

/** MD5 of each picture that is shown. */
async function pictures(...args: readonly string[]): Promise<string[]> {
  const text = await ffmpeg(...args, "-fps_mode", "passthrough", "-f", "framemd5", "-");
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(",").at(-1)?.trim() ?? "");
}

it.each([
  ["H.265", "libx265", "-x265-params", `log-level=none:${OPEN_GOP}`],
  ["H.264", "libx264", "-x264-params", OPEN_GOP],
] as const)("%s", async (_name, encoder, option, params) => {
  const clip = join(folder, `${encoder}.ts`);
  await ffmpeg(
    ...["-f", "lavfi", "-i", `testsrc=size=320x180:rate=${RATE}:duration=${SECONDS}`, "-c:v", encoder],
    ...["-preset", "veryfast", option, params, "-pix_fmt", "yuv420p", clip],
  );
  const path = server.file(await server.recordTs(clip, ["mp4"]), "mp4");
  const { video } = await ffprobe(path);
  const packets = video?.packets ?? [];
  // ffprobe calls H.264's recovery points key frames, whatever the file says.
  const samples =
    encoder === "libx264" ? readMp4(path).video?.samples.map(({ isSync }) => ({ isKey: isSync })) : packets;
  const keys = (samples ?? []).flatMap(({ isKey }, i) => (isKey ? [i] : []));
  expect(keys).toHaveLength(PICTURES / GOP);
  // Open: what is decoded behind a random access point is shown in front of it.
  for (const key of keys.slice(1)) expect(packets[key + 1]?.pts90k).toBeLessThan(packets[key]?.pts90k ?? 0);
  const all = await pictures("-i", path);
  expect(all).toHaveLength(PICTURES);
  const isFound = (at90k: number): boolean =>
    !keys.some((key) => {
      const { dts90k = 0, pts90k = 0 } = packets[key] ?? {};
      return key > 0 && dts90k <= at90k && at90k < pts90k;
    });
  let found = 0;
  for (let i = 0; i < PICTURES; i += 3) {
    if (!isFound((i * TICKS_PER_SECOND) / RATE)) continue;
    const [picture] = await pictures("-ss", `${i / RATE}`, "-i", path, "-frames:v", "1");
    expect(picture, `picture ${i}`).toBe(all[i]);
    found++;
  }
  expect(found).toBeGreaterThan(PICTURES / 5);
});
