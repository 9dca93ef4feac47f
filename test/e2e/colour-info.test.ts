// What an encoder says of HDR pictures beside their bitstream (colorInfo of Enhanced RTMP v2) is in the MP4:
// primaries, transfer and matrix in `colr`, the mastering display in `mdcv`, the content light level in `clli`. It
// comes behind the header, comes again, and comes for a track of another codec, as FFmpeg 8 sends it: none is a cut.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { readTrackMessages } from "../support/multitrack.js";
import { remuxWithFfmpeg8 } from "../support/peers.js";
import { exVideoTag, RawPublisher } from "../support/raw-publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { amf } from "../support/rtmp-bytes.js";
import { runProgram } from "../support/run-program.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-colour-"));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => stopServers());

/** Two GOPs of H.265 that say nothing of their colours. */
async function makeClip(): Promise<string> {
  const path = join(folder, "plain.mkv");
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=10:duration=2"],
    ...["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:keyint=10:scenecut=0"],
    ...["-pix_fmt", "yuv420p", path],
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

const COLOUR_INFO = amf("colorInfo", {
  colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
  hdrCll: { maxFall: 400, maxCLL: 1000 },
  hdrMdcv: {
    ...{ redX: 0.708, redY: 0.292, greenX: 0.17, greenY: 0.797, blueX: 0.131, blueY: 0.046 },
    ...{ whitePointX: 0.3127, whitePointY: 0.329, maxLuminance: 1000, minLuminance: 0.005 },
  },
});

/** A command of the server by its frame type, as FFmpeg writes it. */
function metadata(fourCc: string, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0xd4), Buffer.from(fourCc), data]);
}

interface Stream {
  side_data_list?: Record<string, string | number>[];
}

async function streamOf(path: string): Promise<Stream | undefined> {
  const args = ["-v", "error", "-show_streams", "-of", "json", path];
  const { stdout } = await runProgram("ffprobe", args);
  return (JSON.parse(stdout) as { streams: Stream[] }).streams[0];
}

it("is in colr, mdcv and clli of the recording", { timeout: 60_000 }, async () => {
  const clip = await makeClip();
  await remuxWithFfmpeg8(clip, `${clip}.flv`, "flv");
  const messages = readTrackMessages(`${clip}.flv`);
  const server = await ReelProcess.start();
  const control = await Control.connect(server);
  await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4 keepAlive=0");
  const publisher = new RawPublisher(server, "cam1");
  for (const [i, { timeMs, packetType, isKey, data }] of messages.entries()) {
    publisher.video(timeMs, exVideoTag("hvc1", packetType, isKey, data));
    // Behind the header, and again in the middle.
    if (i === 0 || i === 10) publisher.video(timeMs, metadata("hvc1", COLOUR_INFO));
    const other = amf("colorInfo", { colorConfig: { colorPrimaries: 1 } });
    if (i === 5) publisher.video(timeMs, metadata("av01", other));
  }
  await publisher.end();
  await control.wait("outStreamClosed");
  expect(control.of("recordChunkClosed")).toHaveLength(1);
  const path = server.file("cam1.mp4");
  const { defects, tracks } = await verifyFile(path);
  expect(defects).toEqual([]);
  expect(tracks).toEqual([expect.objectContaining({ codec: "h265", frames: 20 })]);
  const stream = await streamOf(path);
  // ffprobe shows the codes of the bitstream, which are unspecified, over those of the box.
  const file = await readFile(path);
  const colr = file.indexOf("colrnclx", 0, "latin1");
  expect(file.toString("hex", colr + 8, colr + 15)).toBe("00090010000900");
  expect(stream?.side_data_list).toContainEqual(
    expect.objectContaining({
      side_data_type: "Mastering display metadata",
      ...{ red_x: "35400/50000", red_y: "14600/50000", green_x: "8500/50000", green_y: "39850/50000" },
      ...{ blue_x: "6550/50000", blue_y: "2300/50000", white_point_x: "15635/50000", white_point_y: "16450/50000" },
      ...{ min_luminance: "50/10000", max_luminance: "10000000/10000" },
    }),
  );
  expect(stream?.side_data_list).toContainEqual(
    expect.objectContaining({ side_data_type: "Content light level metadata", max_content: 1000, max_average: 400 }),
  );
});
