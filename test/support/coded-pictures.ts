// Pictures of files as FFmpeg has them, coded and decoded.

import { remuxWithFfmpeg8 } from "./peers.js";
import { runProgram } from "./run-program.js";

/** A file that Debian's programs can read: enhanced FLV is rewritten by FFmpeg 8. */
export async function readable(path: string, type: "mp4" | "ts" | "flv"): Promise<string> {
  if (type !== "flv") return path;
  const rewritten = `${path}.ts`;
  await remuxWithFfmpeg8(path, rewritten, "mpegts");
  return rewritten;
}

/** MD5 of all decoded pictures; what the decoder complains about is thrown. */
export async function picturesOf(path: string): Promise<string> {
  const args = ["-v", "warning", "-xerror", "-nostdin", "-i", path, "-map", "0:v", "-fps_mode", "passthrough"];
  return run(path, [...args, "-f", "md5", "-"]);
}

/**
 * A hash of the slices of each H.265 picture, in decoding order: parameter sets, delimiters and SEI are left out, since
 * containers differ in them.
 */
export async function sliceHashesOf(path: string): Promise<string[]> {
  const filters = "hevc_mp4toannexb,filter_units=pass_types=0-31";
  const args = ["-v", "error", "-nostdin", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v", filters];
  const lines = (await run(path, [...args, "-f", "framemd5", "-"])).split("\n");
  // Stream, dts, pts, duration, size, hash; those of side data may follow.
  return lines.filter((line) => !line.startsWith("#")).map((line) => line.split(",")[5]?.trim() ?? "");
}

async function run(path: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram("ffmpeg", [...args]);
  if (code !== 0 || stderr.trim() !== "") throw new Error(`ffmpeg on ${path} (exit ${code}): ${stderr}`);
  return stdout.trim();
}
