// FFmpeg 8, from the npm package node-av in a package of its own (test/peers): publisher of enhanced RTMP, which
// Debian's ffmpeg cannot write, and validator of enhanced FLV, which it cannot read.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "./run-program.js";

const FOLDER = join(import.meta.dirname, "../peers");

/** Of a source whose first packets have no times yet: it reads them without a sender report. */
const UNTIMED_WARNINGS = [
  /^\[\w+ @ \w+\] Timestamps are unset in a packet for stream \d+\..*\n/gm,
  /^\[\w+ @ \w+\] Encoder did not produce proper pts, making some up\.\n/gm,
];

/** It warns whoever writes multitrack FLV of other programs. */
const MANY_TRACKS_WARNING = /^\[flv @ \w+\] more than one \w+ stream is not supported by most flv demuxers\.\n/gm;

/** Sends or rewrites a file without encoding; what FFmpeg complains about is thrown. */
export async function remuxWithFfmpeg8(
  input: string,
  output: string,
  format: "flv" | "mpegts" | "matroska" | "rtsp",
  /** Of RTSP; UDP is sent at live pace. */
  transport: "tcp" | "udp" = "tcp",
): Promise<void> {
  if (!existsSync(join(FOLDER, "node_modules/node-av")))
    throw new Error("the tests need FFmpeg 8: npm ci --prefix test/peers");
  const { code, stderr } = await runProgram(process.execPath, [
    join(FOLDER, "remux.mjs"),
    input,
    output,
    format,
    transport,
  ]);
  const known = input.startsWith("rtsp:") ? [MANY_TRACKS_WARNING, ...UNTIMED_WARNINGS] : [MANY_TRACKS_WARNING];
  const complaints = known.reduce((text, complaint) => text.replaceAll(complaint, ""), stderr).trim();
  if (code !== 0 || complaints !== "") throw new Error(`FFmpeg 8 on ${input} (exit ${code}): ${complaints}`);
}

/** FF_PROFILE_AAC_*. */
export const AAC_PROFILES = { "AAC-LD": 22, "AAC-ELD": 38 } as const;

/** Encodes the sound of a file, and takes its video as it is, into Matroska. */
export async function encodeAacWithFfmpeg8(
  input: string,
  output: string,
  profile: keyof typeof AAC_PROFILES,
): Promise<void> {
  const args = [join(FOLDER, "encode-aac.mjs"), input, output, `${AAC_PROFILES[profile]}`];
  const { code, stderr } = await runProgram(process.execPath, args);
  if (code !== 0 || stderr.trim() !== "") throw new Error(`FFmpeg 8 on ${input} (exit ${code}): ${stderr.trim()}`);
}

export interface PeerPacket {
  pts90k: number;
  dts90k: number;
  duration90k: number;
  isKey: boolean;
  sizeBytes: number;
  /** MD5 of the payload. */
  hash: string;
}

export interface PeerTrack {
  index: number;
  kind: "video" | "audio" | "data";
  codec: string;
  sampleRate: number;
  channels: number;
  width: number;
  height: number;
  /** Hexadecimal. */
  extradata: string;
  packets: PeerPacket[];
  decodedFrames: number;
  /** Of sound. */
  decodedSamples: number;
  /** MD5 of all pictures of a video. */
  decodedHash: string;
  /** MD5 of all samples of sound, which is one only where its decoder gives whole numbers, and skips nothing. */
  soundHash: string;
}

/**
 * Its demuxer decodes a little to find the rate, which its LATM decoder does not say of AAC-LD and AAC-ELD; with a rate
 * from outside (probe.mjs) it decodes them.
 */
const RATELESS_LATM = [
  /^\[aac_latm @ \w+\] An invalid frame was output by a decoder.*\n?/gm,
  /^\[mpegts @ \w+\] Could not find codec parameters .* aac_latm \(E?LD\) .*unspecified sample rate\n/gm,
  /^Consider increasing the value for the 'analyzeduration'.*\n?/gm,
];

/** What FFmpeg 8 finds in files, and decodes; what it complains about is thrown. */
export async function probeWithFfmpeg8(...paths: readonly string[]): Promise<PeerTrack[][]> {
  const probed = await runProgram(process.execPath, [join(FOLDER, "probe.mjs"), ...paths]);
  const { code, stdout } = probed;
  const stderr = RATELESS_LATM.reduce((text, complaint) => text.replaceAll(complaint, ""), probed.stderr);
  if (code !== 0 || stderr.trim() !== "") throw new Error(`FFmpeg 8 on ${paths} (exit ${code}): ${stderr.trim()}`);
  return JSON.parse(stdout) as PeerTrack[][];
}
