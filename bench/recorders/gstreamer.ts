// GStreamer in one process: a pipeline for each camera.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CameraRecorder } from "./camera-recorder.js";
import { startOneProcess } from "./one-process.js";

const script = fileURLToPath(new URL("gstreamer.py", import.meta.url));
const PYTHON = "/usr/bin/python3";
const INSTALL =
  "apt-get install python3-gi gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad";

export const gstreamerRecorder: CameraRecorder = {
  name: "gstreamer",
  maxCameras: 100,
  missing: () => (version() === undefined ? `GStreamer: ${INSTALL}` : undefined),
  async start(folder) {
    return startOneProcess(folder, { title: `${version()}, one process`, program: PYTHON, args: [script] });
  },
};

/** With its name; undefined where it, or an element of the pipeline, is missing. */
function version(): string | undefined {
  const { status, stdout } = spawnSync(PYTHON, [script, "--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
