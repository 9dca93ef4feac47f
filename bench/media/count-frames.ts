// Reading back what a server wrote: the frames of each track, counted by ffprobe, which is nobody's own reader.

import { spawn } from "node:child_process";

export interface FrameCount {
  videoFrames: number;
  audioFrames: number;
  /** What ffprobe had to complain about. */
  complaint: string;
}

export function countFrames(path: string): Promise<FrameCount> {
  const args = [
    "-v",
    "error",
    "-count_packets",
    "-show_entries",
    "stream=codec_type,nb_read_packets",
    "-of",
    "json",
    path,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn("ffprobe", args, { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (bytes: Buffer) => {
      stdout += bytes.toString();
    });
    child.stderr.on("data", (bytes: Buffer) => {
      stderr += bytes.toString();
    });
    child.on("error", reject);
    child.on("close", () => {
      const { streams = [] } = JSON.parse(stdout || "{}") as {
        streams?: { codec_type: string; nb_read_packets?: string }[];
      };
      const count = (kind: string) =>
        streams
          .filter((stream) => stream.codec_type === kind)
          .reduce((sum, stream) => sum + Number(stream.nb_read_packets ?? 0), 0);
      resolve({ videoFrames: count("video"), audioFrames: count("audio"), complaint: stderr.trim() });
    });
  });
}

/** Some at a time: each is a process. */
export async function countFramesOf(paths: readonly string[], atOnce = 2): Promise<FrameCount[]> {
  const counts: FrameCount[] = new Array(paths.length);
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < paths.length; i = next++) counts[i] = await countFrames(paths[i] as string);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return counts;
}
