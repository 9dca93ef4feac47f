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

export function requireJudges(): void {
  const missing = Object.entries(JUDGES).filter(([program]) => spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status !== 0);
  if (missing.length === 0) return;
  const names = missing.map(([program]) => program).join(", ");
  const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
  throw new Error(`the tests need ${names}: apt-get update && apt-get install -y ${packages}`);
}
