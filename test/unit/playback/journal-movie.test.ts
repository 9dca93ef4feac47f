// The samples of a journal are those of the file that a finish makes of it: the same pictures at the same times, the
// same sound, whatever window is read; and a reader hears of it when the finish moves the media.

import fs, { readFileSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VolumeTurns } from "../../../src/base/volume-turns.js";
import { finishMp4 } from "../../../src/container/mp4/finish.js";
import { infoPathOf, mdatPathOf } from "../../../src/container/mp4/journal-files.js";
import { appendLineTo } from "../../../src/container/mp4/journal-info.js";
import { readIndex, tracksOf } from "../../../src/playback/movie/finished-movie.js";
import { type JournalMovie, openJournalMovie } from "../../../src/playback/movie/journal-movie.js";
import type { PlayedSample, PlayedTrack } from "../../../src/playback/movie/played-track.js";
import { makeClip } from "../../support/clip.js";
import { readClip } from "../../support/clip-frames.js";
import { testModule } from "../../support/kernel-harness.js";
import { recordJournal } from "../../support/mp4-journal.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const file = path("cam.mp4");
const FOLDERS = mediaOf(realpathSync(path("")));
let movie: JournalMovie;
let media: Buffer;

beforeAll(async () => {
  const clip = readClip(await makeClip({ seconds: 4, video: { bFrames: 2 } }));
  recordJournal({ build: "release", finalPath: file }, (run) => {
    const video = run.addConfig("h264", clip.avcC as Buffer);
    const audio = run.addConfig("aac", clip.asc as Buffer);
    return clip.frames.map((frame) => ({ ...frame, config: frame.track === 0 ? video : audio }));
  });
  movie = await openJournalMovie(file, FOLDERS, testModule("release"), {});
  media = readFileSync(mdatPathOf(file));
});
afterAll(() => movie.close());

function mediaOf(folder: string) {
  return { mediaFolders: [folder], volumes: new VolumeTurns([folder]) };
}

async function samplesOf(track: PlayedTrack, from = 0, to = track.count): Promise<PlayedSample[]> {
  const samples: PlayedSample[] = [];
  for await (const block of track.blocks(from, to)) samples.push(...block);
  return samples;
}

async function recordVideo(name: string): Promise<string> {
  for (const kind of ["info", "mdat", "track0", "track1"]) rmSync(path(`${name}.${kind}`), { force: true });
  const clip = readClip(await makeClip());
  recordJournal({ build: "release", finalPath: path(name) }, (run) => {
    const video = run.addConfig("h264", clip.avcC as Buffer);
    return clip.frames.filter(({ track }) => track === 0).map((frame) => ({ ...frame, config: video }));
  });
  return path(name);
}

describe("a journal", () => {
  it("has the samples of the file that is made of it", async () => {
    const growing = await Promise.all(movie.tracks.map((track) => samplesOf(track)));
    const shown = movie.tracks.map(({ head, shift }) => ({ ...head, shift }));
    const { path: finished } = finishMp4(file, { module: testModule("release"), dryRun: false });
    const handle = await open(finished ?? "", "r");
    const bytes = readFileSync(finished ?? "");
    const tracks = await tracksOf(await readIndex(handle, bytes.byteLength));
    await handle.close();
    expect(tracks.map(({ head }) => head.kind)).toEqual(["video", "audio"]);
    for (const [i, track] of tracks.entries()) {
      const { stsd, shift, ...head } = shown[i] as (typeof shown)[0];
      expect(head).toEqual({
        kind: track.head.kind,
        timescale: track.head.timescale,
        width: track.head.width,
        height: track.head.height,
        language: track.head.language,
      });
      // But for the bit rate, which is that of what was there.
      expect(stsd.byteLength).toBe(track.head.stsd.byteLength);
      const wanted = await samplesOf(track);
      const own = growing[i] ?? [];
      expect(own.length).toBe(wanted.length);
      for (const [n, sample] of own.entries()) {
        const other = wanted[n] as PlayedSample;
        const payload = media.subarray(sample.position, sample.position + sample.sizeBytes);
        expect(payload.equals(bytes.subarray(other.position, other.position + other.sizeBytes)), `${i}/${n}`).toBe(
          true,
        );
        expect([sample.cts, sample.isSync]).toEqual([other.cts, other.isSync]);
        const off = Math.abs(sample.dts + shift - (other.dts + track.shift)) / track.head.timescale;
        expect(off, `${i}/${n}`).toBeLessThan(track.head.kind === "video" ? 1e-9 : 0.03);
      }
      for (const time of [-1, 0, 1, wanted[50]?.dts ?? 0, (wanted[50]?.dts ?? 0) + 1, 1e9])
        expect(await track.find(time)).toBe(wanted.filter(({ dts }) => dts < time).length);
      expect((await samplesOf(track, 7, 12)).map(({ position }) => position)).toEqual(
        wanted.slice(7, 12).map(({ position }) => position),
      );
    }
  });

  it("that is gone is not found", async () => {
    await expect(openJournalMovie(file, FOLDERS, testModule("release"), {})).rejects.toMatchObject({
      code: "notFound",
    });
    await expect(movie.verify()).rejects.toMatchObject({ code: "notFound" });
  });

  it("whose media is about to be moved is not read any more", async () => {
    const other = await recordVideo("other.mp4");
    const growing = await openJournalMovie(other, FOLDERS, testModule("release"), {});
    await growing.verify();
    appendLineTo(infoPathOf(other), { type: "gap", gap: { cause: "lag" } });
    await growing.verify();
    appendLineTo(infoPathOf(other), { type: "shift", bytes: 4096, sizeBefore: 1 });
    await expect(growing.verify()).rejects.toMatchObject({ code: "notFound" });
    await growing.close();
  });

  it("is not touched by the thread that asks", async () => {
    const third = await recordVideo("third.mp4");
    const touched: string[] = [];
    const names = ["openSync", "readFileSync", "readSync", "statSync"] as const;
    const own = names.map((name) => fs[name]);
    testModule("release"); // compiled from its file before
    for (const name of names)
      Object.assign(fs, {
        [name]: () => {
          touched.push(name);
          throw new Error(`${name} on the main thread`);
        },
      });
    syncBuiltinESMExports();
    try {
      const growing = await openJournalMovie(third, FOLDERS, testModule("release"), {});
      expect(growing.tracks.map(({ head, count }) => [head.kind, count > 0])).toEqual([["video", true]]);
      await growing.verify();
      await growing.close();
    } finally {
      for (const [i, name] of names.entries()) Object.assign(fs, { [name]: own[i] });
      syncBuiltinESMExports();
    }
    expect(touched).toEqual([]);
  });

  it.each(["info", "mdat", "track1"])("is not followed where .%s leads elsewhere", async (kind) => {
    const target = path(`linked.mp4.${kind}`);
    await recordVideo("linked.mp4");
    const open = () => openJournalMovie(path("linked.mp4"), FOLDERS, testModule("release"), {});
    await (await open()).close();
    renameSync(target, path(`away-${kind}`));
    symlinkSync(path(`away-${kind}`), target);
    await expect(open()).rejects.toMatchObject({ code: "notFound" });
    await expect(
      openJournalMovie(path("linked.mp4"), mediaOf("/elsewhere"), testModule("release"), {}),
    ).rejects.toMatchObject({
      code: "notFound",
    });
  });
});
