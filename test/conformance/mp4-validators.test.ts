// Real media recorded to MP4, then read by everybody: the strict reader against the frames that went in, ffprobe
// (packets, times, content; silent), mediainfo, mp4box and mediabunny. On both builds of the kernel.

import { openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { BufferSource, EncodedPacketSink, Input, MP4 } from "mediabunny";
import { createFile, type MP4BoxBuffer } from "mp4box";
import { afterAll, describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { ffprobe } from "../support/ffprobe.js";
import { BUILDS, type TestFrame } from "../support/kernel-harness.js";
import { mediainfo } from "../support/mediainfo.js";
import { scratchFolder } from "../support/mp4-journal.js";
import { CLIPS, recordClip } from "../support/mp4-matrix.js";
import { presentationSeconds, type ReadMp4, type ReadTrack, readMp4 } from "../support/mp4-reader.js";

const scratch = scratchFolder();
afterAll(scratch.remove);

let recorded = 0;

/** Every sample's bytes and times against the frames that were recorded. */
function compare(path: string, file: ReadMp4, frames: readonly TestFrame[]): void {
  const fd = openSync(path, "r");
  // The presentation begins with the first picture or sound; 90 kHz.
  const starts = [TRACK_VIDEO, TRACK_AUDIO].flatMap((track) => {
    const own = frames.filter((frame) => frame.track === track);
    return own.length > 0
      ? [Math.min(...own.slice(0, 17).map((frame) => frame.dts90k + (frame.ctsOffset90k ?? 0)))]
      : [];
  });
  const zero = Math.min(...starts);
  for (const [number, track] of [
    [TRACK_VIDEO, file.video],
    [TRACK_AUDIO, file.audio],
  ] as const) {
    const sent = frames.filter((frame) => frame.track === number);
    expect(track?.samples.length ?? 0).toBe(sent.length);
    for (const [i, sample] of (track?.samples ?? []).entries()) {
      const frame = sent[i] as TestFrame;
      const bytes = Buffer.alloc(sample.sizeBytes);
      readSync(fd, bytes, 0, bytes.byteLength, sample.offset);
      expect(bytes.equals(frame.payload), `bytes of sample ${i} of track ${number}`).toBe(true);
      expect(sample.isSync).toBe(frame.isRandomAccess);
      const shown = presentationSeconds(file, track as ReadTrack, sample) * 90000;
      const sentAt = frame.dts90k + (frame.ctsOffset90k ?? 0) - zero;
      // Video is exact but for the tick by which the start of an audio track is rounded; audio keeps its ideal clock,
      // within what milliseconds round away (and what one tick of it is).
      expect(Math.abs(shown - sentAt), `time of sample ${i} of track ${number}`).toBeLessThanOrEqual(
        number === TRACK_VIDEO ? 1.001 : 180,
      );
    }
  }
}

async function record(name: string, build: (typeof BUILDS)[number]): Promise<{ path: string; frames: TestFrame[] }> {
  const path = join(scratch.path, `clip${++recorded}.mp4`);
  return { path, frames: await recordClip(name, build, path) };
}

describe.each(BUILDS)("a finished MP4 (%s)", (build) => {
  it.each(Object.keys(CLIPS))("holds every frame of %s at its time", async (name) => {
    const { path, frames } = await record(name, build);
    const file = readMp4(path);
    // The reserve of a small file is trimmed by a copy, which leaves no free box.
    expect(file.topLevel).toEqual(["ftyp", "moov", "mdat"]);
    expect([file.majorBrand, file.minorVersion, ...file.brands]).toEqual([
      "isom",
      0x200,
      "isom",
      "iso2",
      "avc1",
      "mp41",
    ]);
    compare(path, file, frames);
    if (file.audio) expect(file.audio.sttsEntries, "AAC frames all last 1024 samples").toBe(1);
  });

  it.each(Object.keys(CLIPS))("reads alike for ffprobe, mediainfo, mp4box and mediabunny: %s", async (name) => {
    const { path, frames } = await record(name, build);
    const file = readMp4(path);
    const probe = await ffprobe(path);
    for (const [mine, theirs] of [
      [file.video, probe.video],
      [file.audio, probe.audio],
    ] as const) {
      expect(theirs === undefined).toBe(mine === undefined);
      if (!mine || !theirs) continue;
      expect(theirs.packets.length).toBe(mine.samples.length);
      for (const [i, packet] of theirs.packets.entries()) {
        const sample = mine.samples[i];
        if (!sample) continue;
        expect(packet.position).toBe(sample.offset);
        expect(packet.sizeBytes).toBe(sample.sizeBytes);
        expect(packet.isKey).toBe(sample.isSync);
        const wanted = presentationSeconds(file, mine, sample) * 90000;
        expect(Math.abs(packet.pts90k - wanted)).toBeLessThanOrEqual(90000 / mine.timescale);
      }
    }
    const info = await mediainfo(path);
    for (const [mine, theirs] of [
      [file.video, info.video],
      [file.audio, info.audio],
    ] as const) {
      expect(theirs === undefined).toBe(mine === undefined);
      // With an empty edit in front mediainfo works the count out from the duration, which includes it (as it does with
      // ffmpeg's files).
      const slack = mine?.edits[0]?.mediaTime === -1 ? 1 : 0;
      expect(Math.abs((mine?.samples.length ?? 0) - (theirs?.frameCount ?? 0))).toBeLessThanOrEqual(slack);
    }
    expect(info.isStreamable).toBe("Yes");

    const bytes = readFileSync(path);
    const box = createFile();
    box.appendBuffer(
      Object.assign(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength), {
        fileStart: 0,
      }) as MP4BoxBuffer,
      true,
    );
    const counts = box.getInfo().tracks.map((track) => track.nb_samples);
    expect(counts).toEqual(file.tracks.map((track) => track.samples.length));

    const input = new Input({ formats: [MP4], source: new BufferSource(bytes) });
    for (const track of await input.getTracks()) {
      const mine = track.isVideoTrack() ? file.video : file.audio;
      let i = 0;
      for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly: true })) {
        const sample = mine?.samples[i++];
        if (!mine || !sample) throw new Error("mediabunny sees a sample more");
        expect(packet.byteLength).toBe(sample.sizeBytes);
        expect(packet.timestamp).toBeCloseTo(presentationSeconds(file, mine, sample), 4);
      }
      expect(i).toBe(mine?.samples.length);
    }
    input.dispose();
    expect(frames.length).toBe(counts.reduce((sum, n) => sum + n, 0));
  });
});
