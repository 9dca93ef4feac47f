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
  "mkfs.xfs": "xfsprogs",
  chromium: "chromium",
  nginx: "nginx-light",
  "nats-server": "nats-server",
} as const;

/** Element of GStreamer → Debian package: what the Python scripts of test/support put into their pipelines. */
const ELEMENTS = {
  videotestsrc: "gstreamer1.0-plugins-base",
  audiotestsrc: "gstreamer1.0-plugins-base",
  aacparse: "gstreamer1.0-plugins-good",
  flvdemux: "gstreamer1.0-plugins-good",
  flvmux: "gstreamer1.0-plugins-good",
  qtdemux: "gstreamer1.0-plugins-good",
  matroskademux: "gstreamer1.0-plugins-good",
  rtph264pay: "gstreamer1.0-plugins-good",
  rtph265pay: "gstreamer1.0-plugins-good",
  rtpmp4gpay: "gstreamer1.0-plugins-good",
  rtpopuspay: "gstreamer1.0-plugins-good",
  rtppcmupay: "gstreamer1.0-plugins-good",
  opusparse: "gstreamer1.0-plugins-bad",
  h264parse: "gstreamer1.0-plugins-bad",
  h265parse: "gstreamer1.0-plugins-bad",
  rtmp2sink: "gstreamer1.0-plugins-bad",
  x264enc: "gstreamer1.0-plugins-ugly",
  avenc_aac: "gstreamer1.0-libav",
  rtspclientsink: "gstreamer1.0-rtsp",
} as const;

const BINDING_PACKAGES = ["python3-gi", "gir1.2-gst-rtsp-server-1.0"];
/** Loaded by a program of the list; who starts that names it where it is missing. */
const MODULE_PACKAGES = ["libnginx-mod-rtmp"];

/** Prints the missing elements, one a line. Without the binding or the RTSP server it ends with an error. */
const LIST_MISSING = `
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
print("\\n".join(name for name in sys.argv[1:] if not Gst.ElementFactory.find(name)))
`;

/** All packages of the validators. The install lines of README, CONTRIBUTING and .ci/run list the same. */
export const VALIDATOR_PACKAGES: readonly string[] = [
  ...new Set([...Object.values(VALIDATORS), ...BINDING_PACKAGES, ...MODULE_PACKAGES, ...Object.values(ELEMENTS)]),
];

interface Missing {
  name: string;
  packages: readonly string[];
}

function missingPrograms(): Missing[] {
  return Object.entries(VALIDATORS)
    .filter(([program]) => spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status !== 0)
    .map(([name, packages]) => ({ name, packages: [packages] }));
}

/** `wanted`: element → package. */
export function missingElements(wanted: Readonly<Record<string, string>> = ELEMENTS): Missing[] {
  const { status, stdout } = spawnSync("/usr/bin/python3", ["-c", LIST_MISSING, ...Object.keys(wanted)], {
    encoding: "utf8",
  });
  if (status !== 0) {
    return [{ name: "GStreamer's RTSP server and its Python binding", packages: BINDING_PACKAGES }];
  }
  return stdout
    .split("\n")
    .filter((name) => name !== "")
    .map((name) => ({ name: `GStreamer's ${name}`, packages: [wanted[name] ?? ""] }));
}

/** The error that names what is missing and how to install it; undefined where all is there. */
export function missingError(missing: readonly Missing[]): Error | undefined {
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(", ");
  const packages = [...new Set(missing.flatMap((entry) => entry.packages))].join(" ");
  return new Error(`the tests need ${names}: apt-get update && apt-get install -y ${packages}`);
}

export function requireValidators(): void {
  const error = missingError([...missingPrograms(), ...missingElements()]);
  if (error) throw error;
}
