// Nowhere outside the codec table is a codec's name tested: in code it stands in the codecs' folders, in the tables by
// codec, and in files that are about one codec and say so in their name. Comments may name what they like.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { expect, it } from "vitest";
import { CODECS } from "../../src/media/codec/table.js";

const ROOT = resolve(import.meta.dirname, "../..");

/** What the standards call them besides. */
const OTHER_NAMES = ["hevc", "avc", "g711"];
const NAMES: ReadonlySet<string> = new Set([...Object.keys(CODECS), ...OTHER_NAMES]);
/** `parseH265Sps` has three, `CODEC_EAC3` two, `opus-head` two. */
const WORD = /[A-Z]+[0-9]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]+/g;

const FOLDERS = ["src/media/codec/", "assembly/codec/"];
/** Each is held complete by its type, or by its test; a line a codec. */
const TABLES = [
  "src/abi/decoder-config.ts",
  "src/ingest/mpegts/assembler-table.ts",
  "src/ingest/rtmp/message-reader-table.ts",
  "src/ingest/rtp/depacketizer-table.ts",
  "src/verify/frame-readings.ts",
  "src/verify/nal-readings.ts",
  "src/verify/mp4/sample-entry.ts",
  "dashboard/src/lib/codec-titles.ts",
];
/** `opus-assembler.ts`: its subject is one codec; or one of its framings, `latm-assembler.ts`. */
function isOfOneCodec(file: string): boolean {
  const [subject = ""] = basename(file).split("-");
  return NAMES.has(subject) || subject === "latm";
}
const EXCEPTIONS: Readonly<Record<string, RegExp>> = {
  // Names of FFmpeg's demuxers, and a prefix of RTMP play names.
  "src/ingest/ffmpeg/ffmpeg-arguments.ts": /FILE_FORMATS = /,
  "src/ingest/rtmp/play-target.ts": /FILE_NAME = /,
  // Fields that are pictures of their own are H.264's alone.
  "src/ingest/nal-pictures.ts": /FieldPicture/,
};

function withoutComments(text: string): string[] {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
    .split("\n")
    .map((line) => line.replace(/(^|\s)\/\/ .*$/, "$1"));
}

/** H.264 and AC-3 are words, too. */
function namesCodec(line: string): boolean {
  const words = line.replace(/(?<=\b[A-Z]{1,3})[.-](?=\d)/g, "").match(WORD) ?? [];
  return words.some((word) => NAMES.has(word.toLowerCase()));
}

function codecNamesIn(file: string, text: string): string[] {
  const isAllowed = FOLDERS.some((folder) => file.startsWith(folder)) || TABLES.includes(file);
  if (isAllowed || isOfOneCodec(file)) return [];
  return withoutComments(text).flatMap((line, at) =>
    namesCodec(line) && !EXCEPTIONS[file]?.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [],
  );
}

it("no code outside the tables and the codecs' folders names a codec", () => {
  const files = execFileSync("git", ["ls-files", "src", "assembly", "dashboard/src"], { cwd: ROOT, encoding: "utf8" })
    .split("\n")
    .filter((file) => /\.tsx?$/.test(file));
  expect(files.length).toBeGreaterThan(500);
  for (const file of [...TABLES, ...Object.keys(EXCEPTIONS)]) expect(files).toContain(file);
  expect(files.flatMap((file) => codecNamesIn(file, readFileSync(join(ROOT, file), "utf8")))).toEqual([]);
});

it.each([
  'if (codec.name === "opus") return;',
  "const isH264 = codec == CODEC_H264;",
  'import { parseSps } from "../media/codec/h264/sps.js";',
  "switch (codec) { case CODEC_EAC3: }",
  'note("H.264 in interleaved packets");',
  "/* a comment */ const mp3Header = 4;",
])("a name that stands elsewhere is seen: %s", (line) => {
  expect(codecNamesIn("src/recording/planted.ts", `// Of H.264.\n${line}\n`)).toEqual([
    expect.stringMatching(/^src\/recording\/planted\.ts:2: /),
  ]);
});
