// The MP4 container matrix as GStreamer reads it: qtdemux must see every sample, of the same size, at the same time of
// the presentation (edit lists applied), and call the same ones key frames. On both builds of the kernel.

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BUILDS } from "../support/kernel-harness.js";
import { scratchFolder } from "../support/mp4-journal.js";
import { CLIPS, recordClip } from "../support/mp4-matrix.js";
import { presentationSeconds, type ReadTrack, readMp4 } from "../support/mp4-reader.js";
import { qtdemux } from "../support/qtdemux.js";

const scratch = scratchFolder();
afterAll(scratch.remove);

let recorded = 0;

describe.each(BUILDS)("qtdemux (%s)", (build) => {
  it.each(Object.keys(CLIPS))("agrees on counts, sizes, times and key frames: %s", async (name) => {
    const path = join(scratch.path, `clip${++recorded}.mp4`);
    const frames = await recordClip(name, build, path);
    const file = readMp4(path);
    const found = await qtdemux(path);
    for (const [mine, theirs] of [
      [file.video, found.video],
      [file.audio, found.audio],
    ] as const) {
      expect(theirs === undefined).toBe(mine === undefined);
      if (!mine || !theirs) continue;
      expect(theirs.buffers.length).toBe(mine.samples.length);
      // One tick of the media's clock or of the movie's, in which edits are written: what rounding may take.
      const toleranceNs = 1e9 / Math.min(mine.timescale, file.movieTimescale);
      for (const [i, buffer] of theirs.buffers.entries()) {
        const sample = mine.samples[i] as ReadTrack["samples"][number];
        const presentedNs = presentationSeconds(file, mine, sample) * 1e9;
        expect(buffer.sizeBytes, `size of sample ${i} (${theirs.caps})`).toBe(sample.sizeBytes);
        expect(Math.abs(buffer.ptsNs - presentedNs), `time of sample ${i} (${theirs.caps})`).toBeLessThanOrEqual(
          toleranceNs,
        );
        const decodedNs = presentedNs - (sample.cts / mine.timescale) * 1e9;
        expect(Math.abs(buffer.dtsNs - decodedNs), `decoding time of sample ${i} (${theirs.caps})`).toBeLessThanOrEqual(
          toleranceNs,
        );
        expect(buffer.isKey, `key flag of sample ${i} (${theirs.caps})`).toBe(sample.isSync);
      }
    }
    expect((found.video?.buffers.length ?? 0) + (found.audio?.buffers.length ?? 0)).toBe(frames.length);
  });
});
