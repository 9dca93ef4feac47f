// The outside judges that the tests need. One that is missing fails the run and names the command that installs it.

import { spawnSync } from "node:child_process";

/** Program → Debian package. */
const JUDGES = {
  ffmpeg: "ffmpeg",
  ffprobe: "ffmpeg",
  mediainfo: "mediainfo",
  setpriv: "util-linux",
  flock: "util-linux",
  fallocate: "util-linux",
  "mkfs.ext4": "e2fsprogs",
} as const;

/** What has no program to look for: the RTSP source of the pull tests is a Python script over GStreamer's server. */
const RTSP_CHECK = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";
const RTSP_PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad";

export function requireJudges(): void {
  const missing: [string, string][] = Object.entries(JUDGES).filter(
    ([program]) => spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status !== 0,
  );
  if (spawnSync("/usr/bin/python3", ["-c", RTSP_CHECK], { stdio: "ignore" }).status !== 0) missing.push(["GStreamer's RTSP server", RTSP_PACKAGES]);
  if (missing.length === 0) return;
  const names = missing.map(([program]) => program).join(", ");
  const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
  throw new Error(`the tests need ${names}: apt-get update && apt-get install -y ${packages}`);
}
