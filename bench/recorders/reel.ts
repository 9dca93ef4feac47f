// Reel, as a user runs it: one server, one `record` and one `pullStream` for each camera.

import { reel as server, startReel } from "../servers/reel.js";
import type { CameraRecorder, Cameras } from "./camera-recorder.js";

export interface ReelCameraOptions {
  /** Cameras are called again when they have gone. */
  keepAlive?: boolean;
  nodeArgs?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export function reelRecorder({ keepAlive = false, ...options }: ReelCameraOptions = {}): CameraRecorder {
  return {
    name: "reel",
    maxCameras: Number.POSITIVE_INFINITY,
    missing: server.missing,
    async start(folder) {
      const running = await startReel({ folder, streams: [], type: "mp4", ...options });
      const { title, pid, commands } = running;
      const own = Number(keepAlive);
      return {
        title,
        pids: () => [pid],
        async record(cameras: Cameras) {
          await running.record([...cameras.keys()], `keepAlive=${own}`);
          for (const [camera, url] of cameras)
            await commands.send(`pullStream uri=${url} localStreamName=${camera} forceTcp=1 keepAlive=${own}`);
        },
        filesOf: running.filesOf,
        settled: running.settled,
        stop: running.stop,
      };
    },
  };
}
