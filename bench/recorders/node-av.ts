// FFmpeg 8 as a library in one Node process (node-av, of test/peers): a demuxer and a muxer for each camera.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { CameraRecorder } from "./camera-recorder.js";
import { startOneProcess } from "./one-process.js";

const script = fileURLToPath(new URL("../../test/peers/record-cameras.mjs", import.meta.url));
const library = fileURLToPath(new URL("../../test/peers/node_modules/node-av/package.json", import.meta.url));
/** Each of its demuxers holds a thread of libuv's pool while it waits for packets. */
const THREADS = 512;

export const nodeAvRecorder: CameraRecorder = {
  name: "node-av",
  maxCameras: 100,
  missing: () => (existsSync(library) ? undefined : "node-av: npm ci --prefix test/peers"),
  async start(folder) {
    const { version } = JSON.parse(readFileSync(library, "utf8")) as { version: string };
    return startOneProcess(folder, {
      title: `node-av ${version} (FFmpeg 8), one process`,
      program: process.execPath,
      args: [script],
      env: { UV_THREADPOOL_SIZE: `${THREADS}` },
    });
  },
};
