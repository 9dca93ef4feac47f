// A day of recording at 60 frames a second with audio (two hours in the short run): the finish takes no memory for its
// length. Bare records, sparse media.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { SAMPLE_FLAG_CHUNK_START, SAMPLE_FLAG_SYNC } from "../../src/abi/mp4.js";
import type { Mp4FinishResult } from "../../src/container/mp4/finish-result.js";
import { effort } from "../support/effort.js";
import { AUDIO, scratchFolder, VIDEO, writeBareJournal } from "../support/mp4-journal.js";
import { ASC, AVCC } from "../support/test-media.js";

const scratch = scratchFolder();
afterAll(scratch.remove);

const HOURS = effort(2, 24);
const FINISH = fileURLToPath(new URL("../support/mp4-finish-child.mjs", import.meta.url));
const VIDEO_BYTES = 4000;
const AUDIO_BYTES = 250;
/**
 * Half a second a batch: 30 pictures, then 24 audio frames (0.512 s; the audio gets ahead, as if its batches were
 * larger).
 */
const PICTURES = 30;
const FRAMES = 24;
const BATCH_BYTES = PICTURES * VIDEO_BYTES + FRAMES * AUDIO_BYTES;

describe(`an MP4 of ${HOURS} hours`, () => {
  it("is finished within 64 MiB of extra memory", () => {
    const finalPath = join(scratch.path, "long.mp4");
    const seconds = HOURS * 3600;
    // Worst runs: every picture at another distance and another composition offset than the one before.
    const reserveBytes = seconds * 1.125 * (60 * 20 + 50 * 4 + 100);
    writeBareJournal({ finalPath, reserveBytes }, [
      {
        track: VIDEO,
        codec: "h264",
        config: AVCC,
        count: seconds * 60,
        sample: (i, mediaPosition, into) => {
          const inBatch = i % PICTURES;
          into.position = mediaPosition + Math.floor(i / PICTURES) * BATCH_BYTES + inBatch * VIDEO_BYTES;
          into.bytes = VIDEO_BYTES;
          into.dts90k = i * 1500 + (i % 2) * 45;
          into.ctsOffset90k = [1500, 4500, 0][i % 3] ?? 0;
          into.flags = (i % 120 === 0 ? SAMPLE_FLAG_SYNC : 0) | (inBatch === 0 ? SAMPLE_FLAG_CHUNK_START : 0);
        },
      },
      {
        track: AUDIO,
        codec: "aac",
        config: ASC,
        count: Math.floor((seconds * 48000) / 1024),
        sample: (i, mediaPosition, into) => {
          const inBatch = i % FRAMES;
          into.position =
            mediaPosition + Math.floor(i / FRAMES) * BATCH_BYTES + PICTURES * VIDEO_BYTES + inBatch * AUDIO_BYTES;
          into.bytes = AUDIO_BYTES;
          into.dts90k = Math.floor((i * 1024) / 48) * 90;
          into.ctsOffset90k = 0;
          into.flags = SAMPLE_FLAG_SYNC | (inBatch === 0 ? SAMPLE_FLAG_CHUNK_START : 0);
        },
      },
    ]);
    const { stdout, stderr, status } = spawnSync(process.execPath, [FINISH, finalPath, "reserved"], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    const { result, beforeBytes, peakBytes } = JSON.parse(stdout) as {
      result: Mp4FinishResult;
      beforeBytes: number;
      peakBytes: number;
    };
    expect(result).toMatchObject({
      method: "reserved",
      videoFrames: seconds * 60,
      audioFrames: Math.floor((seconds * 48000) / 1024),
    });
    expect(Math.abs(result.durationMs - seconds * 1000)).toBeLessThan(100);
    expect((peakBytes - beforeBytes) / 2 ** 20).toBeLessThan(64);
    // Whoever reads it agrees on the counts; ffprobe is not asked for packets here, there are millions.
    const probed = spawnSync(
      "ffprobe",
      ["-v", "error", "-show_entries", "stream=nb_frames", "-of", "csv=p=0", finalPath],
      { encoding: "utf8" },
    );
    expect(probed.stdout.split(/\s+/).filter(Boolean).map(Number)).toEqual([result.videoFrames, result.audioFrames]);
  });
});
