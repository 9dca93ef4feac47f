// One `ffmpeg -c copy` per camera, as Frigate and Shinobi do, into a fragmented MP4, which a crash leaves playable.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { ServerProcess } from "../servers/recording-server.js";
import type { CameraRecorder, Cameras } from "./camera-recorder.js";

export const ffmpegRecorder: CameraRecorder = {
  name: "ffmpeg",
  maxCameras: 100,
  missing: () => (version() === undefined ? "ffmpeg: apt-get install ffmpeg" : undefined),
  async start(folder) {
    const processes: ServerProcess[] = [];
    const fileOf = (camera: string): string => join(folder, `${camera}.mp4`);
    return {
      title: `ffmpeg ${version()}, a process each`,
      pids: () => processes.map(({ pid }) => pid),
      async record(cameras: Cameras) {
        for (const [camera, url] of cameras) {
          const input = ["-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", url];
          const output = ["-c", "copy", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov", fileOf(camera)];
          processes.push(new ServerProcess("ffmpeg", [...input, ...output], { cwd: folder }));
        }
      },
      filesOf: (camera) => [fileOf(camera)],
      async settled() {
        await Promise.all(processes.map((process) => process.ended));
      },
      async stop() {
        await Promise.all(processes.map((process) => process.stop()));
      },
    };
  },
};

function version(): string | undefined {
  try {
    return /^ffmpeg version (\S+?)(-|\s)/.exec(execFileSync("ffmpeg", ["-version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}
