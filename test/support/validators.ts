// The outside validators that the tests need. One that is missing fails the run and names the command that installs it.

import { spawnSync } from "node:child_process";

/** Program → Debian package. */
const VALIDATORS = {
  ffmpeg: "ffmpeg",
  ffprobe: "ffmpeg",
  mediainfo: "mediainfo",
  setpriv: "util-linux",
  flock: "util-linux",
  fallocate: "util-linux",
  "mkfs.ext4": "e2fsprogs",
  chromium: "chromium",
} as const;

/**
 * What has no program to look for: Python scripts over GStreamer are the RTSP source of the pull tests and the qtdemux
 * judge.
 */
const SCRIPTED: readonly { name: string; check: string; packages: string }[] = [
  {
    name: "GStreamer's RTSP server",
    check: "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer",
    packages:
      "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
  },
  {
    name: "GStreamer's qtdemux",
    check:
      "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None); exit(0 if Gst.ElementFactory.find('qtdemux') else 1)",
    packages: "python3-gi gir1.2-gstreamer-1.0 gstreamer1.0-plugins-good",
  },
];

export function requireValidators(): void {
  const missing: [string, string][] = Object.entries(VALIDATORS).filter(
    ([program]) => spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status !== 0,
  );
  for (const { name, check, packages } of SCRIPTED) {
    if (spawnSync("/usr/bin/python3", ["-c", check], { stdio: "ignore" }).status !== 0) missing.push([name, packages]);
  }
  if (missing.length === 0) return;
  const names = missing.map(([program]) => program).join(", ");
  const packages = [...new Set(missing.flatMap(([, names]) => names.split(" ")))].join(" ");
  throw new Error(`the tests need ${names}: apt-get update && apt-get install -y ${packages}`);
}
