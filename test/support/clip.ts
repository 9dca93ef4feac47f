// Clips from ffmpeg's test sources, made once per test run and shared by its test files. A clip appears under its name
// when it is complete, so files that ask for the same one at the same time do not meet.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./run-program.js";

export interface VideoSpec {
  width?: number;
  height?: number;
  framesPerSecond?: number;
  bFrames?: number;
  gopFrames?: number;
  kilobitsPerSecond?: number;
}

export interface AudioSpec {
  sampleRate?: number;
  channels?: 1 | 2;
}

export interface ClipSpec {
  seconds?: number;
  /** false: no such track. */
  video?: VideoSpec | false;
  audio?: AudioSpec | false;
  format?: "flv" | "mp4" | "ts";
}

const clips = new Map<string, Promise<string>>();

/**
 * The path of a clip: by default 2 s of 320×240 at 25 frames a second with a GOP of 1 s and no B-frames, 48 kHz stereo,
 * FLV.
 */
export function makeClip(spec: ClipSpec = {}): Promise<string> {
  const { seconds = 2, format = "flv" } = spec;
  const inputs: string[] = [];
  const codecs: string[] = [];
  if (spec.video !== false) {
    const {
      width = 320,
      height = 240,
      framesPerSecond = 25,
      bFrames = 0,
      gopFrames = framesPerSecond,
      kilobitsPerSecond = 300,
    } = spec.video ?? {};
    inputs.push("-f", "lavfi", "-i", `testsrc2=size=${width}x${height}:rate=${framesPerSecond}:duration=${seconds}`);
    codecs.push(
      "-c:v",
      "libx264",
      "-preset",
      "ultrafast",
      "-profile:v",
      "main",
      "-pix_fmt",
      "yuv420p",
      "-threads",
      "1",
      "-bf",
      `${bFrames}`,
    );
    codecs.push(
      "-g",
      `${gopFrames}`,
      "-keyint_min",
      `${gopFrames}`,
      "-sc_threshold",
      "0",
      "-b:v",
      `${kilobitsPerSecond}k`,
    );
  }
  if (spec.audio !== false) {
    const { sampleRate = 48000, channels = 2 } = spec.audio ?? {};
    const tone = (hertz: number) => `0.2*sin(2*PI*${hertz}*t)`;
    inputs.push(
      "-f",
      "lavfi",
      "-i",
      `aevalsrc=exprs=${channels === 2 ? `${tone(440)}|${tone(660)}` : tone(440)}:sample_rate=${sampleRate}:duration=${seconds}`,
    );
    codecs.push("-c:a", "aac", "-b:a", "96k");
  }
  const args = [
    "-v",
    "error",
    "-nostdin",
    "-y",
    "-bitexact",
    ...inputs,
    ...codecs,
    "-flags",
    "+bitexact",
    "-fflags",
    "+bitexact",
  ];
  const name = `${createHash("sha256").update(JSON.stringify(args)).digest("hex").slice(0, 16)}.${format}`;
  let clip = clips.get(name);
  if (!clip) {
    clip = encode(args, name);
    clips.set(name, clip);
  }
  return clip;
}

async function encode(args: readonly string[], name: string): Promise<string> {
  const folder = process.env.REEL_CLIP_FOLDER;
  if (!folder) throw new Error("test/support/global-setup.ts has not run");
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const scratch = join(folder, `${process.pid}-${name}`);
  const { code, stderr } = await runProgram("ffmpeg", [...args, scratch]);
  if (code !== 0) throw new Error(`ffmpeg could not make ${name}: ${stderr}`);
  await rename(scratch, path);
  return path;
}
