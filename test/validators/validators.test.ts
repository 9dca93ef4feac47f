// The validators judge: the demo clip and a made one are read as what they are, and a damaged file is not let through.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { mediainfo } from "../support/mediainfo.js";
import { missingElements, missingError, VALIDATOR_PACKAGES } from "../support/validators.js";

const demoClip = new URL("../../assets/clip.flv", import.meta.url).pathname;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "reel-validators-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The packages of the `apt-get install` line of a file, in the order they stand there. */
function installedBy(path: string): string[] {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8").replaceAll("\\\n", " ");
  const line = /apt-get install -y(?: --no-install-recommends)? ([^&\n]*)/.exec(text)?.[1] ?? "";
  return line.split(/\s+/).filter((word) => word !== "");
}

describe("the packages that the tests need", () => {
  it.each(["README.md", "CONTRIBUTING.md", ".ci/run"])("are all in the install line of %s, and no others", (path) => {
    expect(installedBy(path).toSorted()).toEqual([...VALIDATOR_PACKAGES].toSorted());
  });

  it("are named at once where one is missing", () => {
    expect(missingElements()).toEqual([]);
    const missing = missingElements({ qtdemux: "gstreamer1.0-plugins-good", nosuchenc: "gstreamer1.0-none" });
    expect(missingError(missing)?.message).toBe(
      "the tests need GStreamer's nosuchenc: apt-get update && apt-get install -y gstreamer1.0-none",
    );
  });
});

describe("the demo clip", () => {
  it("holds 128 pictures with B-frames and 200 audio frames, as assets/README.md says", async () => {
    const probe = await ffprobe(demoClip);
    expect(probe.video).toMatchObject({ codec: "h264", width: 640, height: 360, bFrames: 2 });
    expect(probe.audio).toMatchObject({ codec: "aac", sampleRate: 48000, channels: 2 });
    expect(probe.video?.packets.length).toBe(128);
    expect(probe.audio?.packets.length).toBe(200);
    expect(probe.video?.packets.flatMap((packet, i) => (packet.isKey ? [i] : []))).toEqual([0, 32, 64, 96]);
    await decodeWithFfmpeg(demoClip);
  });

  it("is known to mediainfo", async () => {
    const info = await mediainfo(demoClip);
    expect(info.format).toBe("Flash Video");
    expect(info.video).toMatchObject({ format: "AVC", width: 640, height: 360 });
    expect(info.audio).toMatchObject({ format: "AAC", sampleRate: 48000 });
  });
});

describe("made clips", () => {
  it("are what was asked for, and made once", async () => {
    const spec = { seconds: 1, video: { bFrames: 2 }, audio: { sampleRate: 44100, channels: 1 } } as const;
    const path = await makeClip(spec);
    expect(await makeClip(spec)).toBe(path);
    const probe = await ffprobe(path, { hash: true });
    expect(probe.video?.packets.length).toBe(25);
    expect(probe.audio).toMatchObject({ sampleRate: 44100, channels: 1 });
    expect(probe.video?.packets.some((packet) => packet.pts90k - packet.dts90k > 7200)).toBe(true);
    expect(probe.video?.packets[0]?.hash).toMatch(/^MD5:[0-9a-f]{32}$/);
    expect((await ffprobe(await makeClip({ seconds: 1, video: false }))).video).toBeUndefined();
    expect((await ffprobe(await makeClip({ seconds: 1, audio: false, format: "mp4" }))).audio).toBeUndefined();
  });
});

describe("a damaged file", () => {
  it("is refused by ffprobe when cut inside its index, by mediainfo when it is none", async () => {
    const whole = await makeClip({ seconds: 1, format: "mp4" });
    const cut = join(folder, "cut.mp4");
    writeFileSync(cut, readFileSync(whole).subarray(0, -200));
    await expect(ffprobe(cut)).rejects.toThrow(/ffprobe on .*cut\.mp4/);
    const noise = join(folder, "noise.mp4");
    writeFileSync(noise, Buffer.alloc(5000, 0x5a));
    await expect(mediainfo(noise)).rejects.toThrow("does not know what");
    const copy = join(folder, "copy.mp4");
    copyFileSync(whole, copy);
    expect((await ffprobe(copy)).formatName).toContain("mp4");
  });
});
