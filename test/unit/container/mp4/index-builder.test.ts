// The index of an MP4 from bare sample records: times, tables, edits, and both sides of every edge where a field
// becomes 64 bits wide. The media are sparse files; the strict reader says what came of it.

import { closeSync, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import {
  CONFIG_COLOUR_OFFSET,
  CONFIG_PAR_HEIGHT_OFFSET,
  CONFIG_PAR_WIDTH_OFFSET,
} from "../../../../src/abi/decoder-config.js";
import { SAMPLE_FLAG_CHUNK_START, SAMPLE_FLAG_DISCONTINUITY, SAMPLE_FLAG_SYNC } from "../../../../src/abi/mp4.js";
import { finishMp4 } from "../../../../src/container/mp4/finish.js";
import { IndexBuilder } from "../../../../src/container/mp4/index-builder.js";
import { infoPathOf, trackPathOf } from "../../../../src/container/mp4/journal-files.js";
import { readJournalInfo } from "../../../../src/container/mp4/journal-info.js";
import { restoreConfig, type StoredConfig } from "../../../../src/container/mp4/track-config.js";
import { ffprobe } from "../../../support/ffprobe.js";
import { BUILDS, testModule } from "../../../support/kernel-harness.js";
import {
  AUDIO,
  type BareSample,
  type BareTrack,
  recordJournal,
  SILENCE,
  scratchFolder,
  VIDEO,
  writeBareJournal,
} from "../../../support/mp4-journal.js";
import { presentationSeconds, type ReadMp4, readMp4 } from "../../../support/mp4-reader.js";
import { ASC, ASC_HE, AVCC, makeMedia } from "../../../support/test-media.js";

const scratch = scratchFolder();
afterAll(scratch.remove);
let files = 0;
const newPath = (): string => join(scratch.path, `file${++files}.mp4`);

const SYNC_CHUNK = SAMPLE_FLAG_SYNC | SAMPLE_FLAG_CHUNK_START;

/** A track of samples of 100 bytes, interleaved with up to one other track; `each` changes what it wants. */
function bareTrack(
  track: number,
  count: number,
  each: (index: number, sample: BareSample) => void,
  config?: Uint8Array,
): BareTrack {
  const codec = track === VIDEO ? "h264" : "aac";
  return {
    track,
    codec,
    config: config ?? (track === VIDEO ? AVCC : ASC),
    count,
    sample: (index, mediaPosition, into) => {
      into.position = mediaPosition + (2 * index + track) * 100;
      into.bytes = 100;
      into.ctsOffset90k = 0;
      into.flags = SAMPLE_FLAG_SYNC | (index % 10 === 0 ? SAMPLE_FLAG_CHUNK_START : 0);
      into.dts90k = index * (track === VIDEO ? 3600 : 1920);
      each(index, into);
    },
  };
}

describe.each(BUILDS)("the index of an MP4 (%s)", (build) => {
  function finish(
    tracks: readonly BareTrack[],
    options: { winQtCompat?: boolean; reserveBytes?: number } = {},
  ): ReadMp4 {
    const finalPath = newPath();
    writeBareJournal({ finalPath, ...options }, tracks);
    finishMp4(finalPath, { module: testModule(build), durability: "none" });
    return readMp4(finalPath);
  }
  const deltas = (file: ReadMp4, kind: "video" | "audio"): number[] =>
    (file[kind]?.samples ?? []).map((sample) => sample.duration);

  it("keeps AAC at 1024 samples a frame though the source rounds to milliseconds and jitters by one", () => {
    const file = finish([
      bareTrack(
        AUDIO,
        3000,
        (i, sample) => (sample.dts90k = Math.max(0, Math.floor((i * 1024) / 44.1) + ((i * 7) % 3) - 1) * 90),
        Uint8Array.of(0x12, 0x10),
      ),
    ]);
    expect(file.audio?.timescale).toBe(44100);
    expect(new Set(deltas(file, "audio"))).toEqual(new Set([1024]));
  });

  it("follows a source whose clock really drifts, never by more than 30 ms off", () => {
    // A sound card that is 0.1 % fast: 48 048 samples in a second.
    const at = (i: number): number => Math.round((i * 1920) / 1.001);
    const file = finish([bareTrack(AUDIO, 20_000, (i, sample) => (sample.dts90k = at(i)))]);
    for (const [i, sample] of (file.audio?.samples ?? []).entries())
      expect(Math.abs(sample.dts / 48000 - at(i) / 90000)).toBeLessThanOrEqual(0.0301);
    expect(deltas(file, "audio").filter((delta) => delta !== 1024).length).toBeLessThan(20);
  });

  it("sets the audio clock again at once where the source says that time was spliced", () => {
    const spliced = finish([
      bareTrack(AUDIO, 20, (i, sample) => {
        sample.dts90k = i * 1920 + (i >= 10 ? 900 : 0);
        if (i === 10) sample.flags |= SAMPLE_FLAG_DISCONTINUITY;
      }),
    ]);
    expect(deltas(spliced, "audio")[9]).toBe(1024 + 480);
    const unmarked = finish([bareTrack(AUDIO, 20, (i, sample) => (sample.dts90k = i * 1920 + (i >= 10 ? 900 : 0)))]);
    expect(new Set(deltas(unmarked, "audio"))).toEqual(new Set([1024]));
  });

  it("lets a gap in the audio be a gap", () => {
    const file = finish([bareTrack(AUDIO, 20, (i, sample) => (sample.dts90k = i * 1920 + (i >= 10 ? 450_000 : 0)))]);
    expect(deltas(file, "audio")[9]).toBe(1024 + 240_000);
    expect(deltas(file, "audio").at(-1)).toBe(1024);
  });

  it("puts samples that do not come after their predecessors just behind them", () => {
    const file = finish([bareTrack(VIDEO, 5, (i, sample) => (sample.dts90k = Math.max(0, i - 2) * 3600))]);
    expect(deltas(file, "video")).toEqual([1, 1, 3598, 3600, 3600]);
  });

  it("hides the reorder delay by an edit and starts the presentation at zero", () => {
    const file = finish([bareTrack(VIDEO, 9, (i, sample) => (sample.ctsOffset90k = ([1, 3, 0][i % 3] ?? 0) * 3600))]);
    expect(file.video?.edits).toEqual([{ duration: 9 * 3600 + 3600, mediaTime: 3600 }]);
    expect(file.video?.compositionVersion).toBe(0);
    expect(
      Math.min(...(file.video?.samples ?? []).map((sample) => presentationSeconds(file, file.video as never, sample))),
    ).toBe(0);
  });

  it("takes negative composition offsets", () => {
    const file = finish([
      bareTrack(VIDEO, 9, (i, sample) => (sample.ctsOffset90k = ([0, 2, -1][i % 3] ?? 0) * 3600 - 7200)),
    ]);
    expect(
      Math.min(...(file.video?.samples ?? []).map((sample) => presentationSeconds(file, file.video as never, sample))),
    ).toBe(0);
    const late = finish([bareTrack(VIDEO, 40, (i, sample) => (sample.ctsOffset90k = i < 20 ? 0 : -900))]);
    expect(late.video?.compositionVersion).toBe(1);
    expect(late.video?.samples[30]?.cts).toBe(-900);
  });

  it("does not let one broken composition offset stretch the presentation", () => {
    const file = finish([bareTrack(VIDEO, 30, (i, sample) => (sample.ctsOffset90k = i === 5 ? 2_000_000_000 : 3600))]);
    expect(file.movieDuration).toBe(30 * 3600);
  });

  it("aligns tracks that start apart by an empty edit", () => {
    const file = finish([
      bareTrack(VIDEO, 10, (_, sample) => (sample.dts90k += 9000)),
      bareTrack(AUDIO, 30, () => undefined),
    ]);
    expect(file.video?.edits).toEqual([
      { duration: 9000, mediaTime: -1 },
      { duration: 36_000, mediaTime: 0 },
    ]);
    expect(file.audio?.edits).toEqual([]);
    expect(file.movieDuration).toBe(30 * 1920);
  });

  it("has a sync table only where it says something", () => {
    expect(finish([bareTrack(VIDEO, 10, () => undefined)]).video?.hasSyncTable).toBe(false);
    const none = finish([bareTrack(VIDEO, 10, (_, sample) => (sample.flags &= ~SAMPLE_FLAG_SYNC))]).video;
    expect(none?.hasSyncTable).toBe(true);
    expect(none?.samples.some((sample) => sample.isSync)).toBe(false);
    const some = finish([bareTrack(VIDEO, 10, (i, sample) => (sample.flags = i % 5 === 0 ? SYNC_CHUNK : 0))]).video;
    expect(some?.samples.map((sample) => sample.isSync)).toEqual([
      true,
      false,
      false,
      false,
      false,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it("writes colour, shape of the pixels, language and creation time", () => {
    const file = finish([
      {
        ...bareTrack(VIDEO, 3, () => undefined),
        poke: (block) => {
          block.setUint32(CONFIG_COLOUR_OFFSET, 9 | (16 << 8) | (9 << 16) | (1 << 24) | (1 << 25), true);
          block.setUint32(CONFIG_PAR_WIDTH_OFFSET, 4, true);
          block.setUint32(CONFIG_PAR_HEIGHT_OFFSET, 3, true);
        },
      },
    ]);
    expect(file.video?.colour).toEqual({ primaries: 9, transfer: 16, matrix: 9, fullRange: true });
    expect(file.video?.pixelAspect).toEqual({ width: 4, height: 3 });
    expect(file.video?.displayWidth).toBeCloseTo((320 * 4) / 3, 3);
    expect(file.video?.language).toBe("und");
    expect(new Date((file.creationTime - 2082844800) * 1000).toISOString()).toBe("2026-11-22T12:00:00.000Z");
  });

  it("says the bit rate of each track, and what it holds", () => {
    const file = finish([bareTrack(VIDEO, 50, () => undefined), bareTrack(AUDIO, 50, () => undefined)]);
    for (const track of file.tracks) {
      const bits = track.samples.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) * 8;
      expect(track.bitRate).toBe(Math.floor((bits * track.timescale) / track.duration));
    }
    expect(file.tracks.map(({ handlerName }) => handlerName)).toEqual(["VideoHandler", "SoundHandler"]);
  });

  it("keeps the configuration of HE-AAC and counts in its core's rate", () => {
    const file = finish([bareTrack(AUDIO, 50, (i, sample) => (sample.dts90k = i * 3840), ASC_HE)]);
    expect(file.audio?.config).toEqual(Buffer.from(ASC_HE));
    expect(file.audio?.timescale).toBe(24000);
    expect(new Set(deltas(file, "audio"))).toEqual(new Set([1024]));
  });

  it("writes four-byte NAL unit lengths into avcC whatever the source had", () => {
    const avcC = AVCC.slice();
    avcC[4] = 0xfd;
    expect(finish([bareTrack(VIDEO, 3, () => undefined, avcC)]).video?.config[4]).toBe(0xff);
  });

  it.each([
    ["below", 0xffffffff, "stco"],
    ["at", 0x100000000, "co64"],
  ])("uses %s 2^32 the right chunk offsets", (_, position, box) => {
    const file = finish([
      bareTrack(VIDEO, 3, (i, sample) => {
        if (i === 2) Object.assign(sample, { position, flags: SYNC_CHUNK });
      }),
    ]);
    expect(file.video?.chunkBox).toBe(box);
    expect(file.video?.samples[2]?.offset).toBe(position);
  });

  it.each([
    ["below", 0xffffffff - 8, 8],
    ["at", 0xffffffff - 7, 16],
  ])("gives mdat %s 2^32 the right size field", async (_, mediaBytes, headerSize) => {
    const finalPath = newPath();
    const track = { ...bareTrack(AUDIO, 3, () => undefined), payload: SILENCE };
    const { mediaEnd } = writeBareJournal({ finalPath }, [
      {
        ...track,
        sample: (i, mediaPosition, into) => {
          track.sample(i, mediaPosition, into);
          if (i === 2) Object.assign(into, { position: mediaPosition + mediaBytes - 100, flags: SYNC_CHUNK });
        },
      },
    ]);
    finishMp4(finalPath, { module: testModule(build), durability: "none" });
    const file = readMp4(finalPath);
    expect([file.mediaEnd, file.mediaEnd - file.mediaStart, file.mediaHeaderSize]).toEqual([
      mediaEnd,
      mediaBytes,
      headerSize,
    ]);
    expect((await ffprobe(finalPath)).audio?.packets.length).toBe(3);
  });

  it.each([
    ["2^31", 2 ** 31 - 1, 0],
    ["2^31", 2 ** 31, 0],
    ["2^32", 2 ** 32 - 2, 0],
    ["2^32", 2 ** 32 - 1, 1],
    ["2^32", 2 ** 32, 1],
  ])("writes durations around %s (%i) with version %i headers where they fit", async (_, duration, version) => {
    // Steps of at most ten seconds, so that each is a duration and not a gap.
    const step = 900_000;
    const count = Math.ceil(duration / step);
    const file = finish([
      bareTrack(VIDEO, count, (i, sample) => (sample.dts90k = i < count - 1 ? i * step : duration - step)),
    ]);
    const last = file.video?.samples.at(-1)?.duration ?? 0;
    expect(file.video?.duration).toBe(duration - step + last);
    if (last === step)
      expect([file.movieDuration, file.movieHeaderVersion, file.video?.mediaHeaderVersion]).toEqual([
        duration,
        version,
        version,
      ]);
  });

  it("carries a distance above 2^31 over to the samples behind it", () => {
    const file = finish([bareTrack(VIDEO, 5, (i, sample) => (sample.dts90k = i * 3600 + (i >= 2 ? 3 * 2 ** 31 : 0)))]);
    expect(deltas(file, "video").slice(0, 3)).toEqual([3600, 2 ** 31 - 1, 2 ** 31 - 1]);
  });

  it("uses 64-bit forms everywhere without winQtCompat", async () => {
    const finalPath = newPath();
    writeBareJournal({ finalPath, winQtCompat: false }, [
      { ...bareTrack(AUDIO, 30, () => undefined), payload: SILENCE },
    ]);
    finishMp4(finalPath, { module: testModule(build), durability: "none" });
    const file = readMp4(finalPath);
    expect([
      file.audio?.chunkBox,
      file.movieHeaderVersion,
      file.audio?.mediaHeaderVersion,
      file.mediaHeaderSize,
    ]).toEqual(["co64", 1, 1, 16]);
    expect((await ffprobe(finalPath)).audio?.packets.length).toBe(30);
  });

  it("makes one chunk per track of each drain batch", () => {
    const finalPath = newPath();
    recordJournal({ build, finalPath, capacityBytes: 30_000 }, (run) =>
      makeMedia({
        durationMs: 3000,
        video: { config: run.addConfig("h264", AVCC) },
        audio: { config: run.addConfig("aac", ASC) },
      }),
    );
    finishMp4(finalPath, { module: testModule(build), durability: "none" });
    const file = readMp4(finalPath);
    const offsets = (track: ReadMp4["video"]): number[] => {
      let first = 0;
      return (track?.chunks ?? []).map((samples) => {
        const offset = track?.samples[first]?.offset ?? -1;
        first += samples;
        return offset;
      });
    };
    const video = offsets(file.video);
    const audio = offsets(file.audio);
    expect(video.length).toBeGreaterThan(3);
    expect(audio.length).toBe(video.length);
    // All video of a batch, then all its audio.
    expect([...video, ...audio].sort((a, b) => a - b)).toEqual(video.flatMap((offset, i) => [offset, audio[i]]));
  });

  it("takes a track that joined late", () => {
    const finalPath = newPath();
    const frames = recordJournal({ build, finalPath, late: true }, (run) => {
      const config = run.addConfig("aac", ASC);
      const audio = makeMedia({ durationMs: 2000, audio: { config } });
      const video = makeMedia({
        durationMs: 1000,
        start90k: 90_000,
        video: { config: run.addConfig("h264", AVCC, false) },
      });
      return [...audio, ...video].sort((a, b) => a.dts90k - b.dts90k);
    });
    finishMp4(finalPath, { module: testModule(build), durability: "none" });
    const file = readMp4(finalPath);
    expect(file.video?.samples.length).toBe(frames.filter((frame) => frame.track === VIDEO).length);
    expect(file.video?.edits[0]).toEqual({ duration: 93_600, mediaTime: -1 });
    expect(file.tracks.map((track) => track.kind)).toEqual(["video", "audio"]);
  });

  it.each([
    { shift: 0, begin: 0 },
    { shift: 8192, begin: 0 },
    { shift: -4096, begin: 0 },
    { shift: -(1 << 24), begin: 2 ** 32 }, // over 4 GiB until the reserve is cut out
    { shift: 1 << 24, begin: 2 ** 32 - (1 << 23) },
  ])(
    "gives the same bytes from the entries of the first pass as from a second one, media at $begin moved by $shift",
    ({ shift, begin }) => {
      const finalPath = newPath();
      const places = writeBareJournal({ finalPath }, [
        bareTrack(VIDEO, 20_000, (i, sample) => {
          sample.dts90k = Math.floor((i * 1000) / 30) * 90;
          sample.ctsOffset90k = (i % 3) * 3000;
          sample.flags = (i % 50 === 0 ? SAMPLE_FLAG_SYNC : 0) | (i % 7 === 0 ? SAMPLE_FLAG_CHUNK_START : 0);
          if (i >= 10_000) sample.position += begin;
        }),
        bareTrack(AUDIO, 20_000, (i, sample) => {
          sample.dts90k = Math.floor((i * 1024) / 48) * 90;
          if (i >= 10_000) sample.position += begin;
        }),
      ]);
      const index = (keptBytes: number): Buffer => {
        const fds: number[] = [];
        const builder = new IndexBuilder(testModule(build), {
          createdMs: 0,
          large: false,
          mediaStart: places.mediaPosition,
          mediaEnd: places.mediaEnd,
          keptBytes,
        });
        for (const { file, track, config } of readJournalInfo(infoPathOf(finalPath)).tracks) {
          const fd = openSync(trackPathOf(finalPath, file), "r");
          fds.push(fd);
          expect(builder.scan(track, restoreConfig(config), fd, fstatSync(fd).size).samples).toBe(20_000);
        }
        const bytes = Buffer.alloc(builder.layout(shift).moovBytes);
        let written = 0;
        builder.write(0, (piece, position) => {
          bytes.set(piece, position);
          written += piece.byteLength;
        });
        expect(written).toBe(bytes.byteLength);
        builder.close();
        for (const fd of fds) closeSync(fd);
        return bytes;
      };
      const kept = index(48 << 20);
      expect(kept.equals(index(0))).toBe(true);
      // Room for one track and not for the other.
      expect(kept.equals(index(20_001 * 40 + 1000))).toBe(true);
    },
  );

  it("is laid out again as before where writing it failed in the middle", () => {
    const finalPath = newPath();
    const places = writeBareJournal({ finalPath }, [
      bareTrack(VIDEO, 20_000, (i, sample) => (sample.ctsOffset90k = (i % 3) * 3000)),
    ]);
    const fd = openSync(trackPathOf(finalPath, 1), "r");
    const options = {
      createdMs: 0,
      large: false,
      mediaStart: places.mediaPosition,
      mediaEnd: places.mediaEnd,
      keptBytes: 0,
    };
    const builder = new IndexBuilder(testModule(build), options);
    builder.scan(
      VIDEO,
      restoreConfig(readJournalInfo(infoPathOf(finalPath)).tracks[0]?.config as StoredConfig),
      fd,
      fstatSync(fd).size,
    );
    const index = (failAt: number): Buffer => {
      const bytes = Buffer.alloc(builder.layout(0).moovBytes);
      let writes = 0;
      builder.write(0, (piece, position) => {
        if (++writes === failAt) throw new Error("no space left");
        bytes.set(piece, position);
      });
      return bytes;
    };
    const whole = index(0);
    // The headers come first, a dozen writes; then the tables, block by block.
    for (const failAt of [1, 12, 16]) {
      expect(() => index(failAt)).toThrow("no space left");
      expect(index(0).equals(whole), `after write ${failAt} failed`).toBe(true);
    }
    builder.close();
    closeSync(fd);
  });

  it("is made in one memory, finish after finish, also where one fails", () => {
    const damaged = newPath();
    writeBareJournal({ finalPath: damaged }, [bareTrack(VIDEO, 10, (_, sample) => (sample.position = 0))]);
    let memories = 0;
    class CountedMemory extends WebAssembly.Memory {
      constructor(descriptor: ConstructorParameters<typeof WebAssembly.Memory>[0]) {
        super(descriptor);
        memories++;
      }
    }
    vi.stubGlobal("WebAssembly", Object.assign(Object.create(WebAssembly), { Memory: CountedMemory }));
    try {
      for (let i = 0; i < 3; i++) {
        const path = newPath();
        writeBareJournal({ finalPath: path }, [bareTrack(VIDEO, 10, () => undefined)]);
        const before = memories;
        finishMp4(path, { module: testModule(build), durability: "none" });
        expect(() => finishMp4(damaged, { module: testModule(build), durability: "none" })).toThrow(
          "10 sample records",
        );
        expect(memories - before).toBeLessThanOrEqual(i === 0 ? 1 : 0);
      }
      expect(memories).toBeGreaterThan(0); // they are counted: those of the journals are made too
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
