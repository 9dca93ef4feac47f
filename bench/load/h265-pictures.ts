// H.265 pictures as bodies of enhanced RTMP messages: Debian's ffmpeg encodes them, but its FLV muxer does not take
// them.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** nal_unit_type (ISO/IEC 23008-2 table 7-1). */
const FIRST_NON_VCL = 32;
const PARAMETER_SETS = new Set([32, 33, 34]);
const FIRST_IRAP = 16;
const LAST_IRAP = 23;
const FIRST_SLICE = 0x80;
/** ExVideoTagHeader: key or inter frame, packet type, FourCC. */
const SEQUENCE_START = 0x90;
const KEY_FRAME = 0x93;
const INTER_FRAME = 0xa3;
const FOURCC = Buffer.from("hvc1");

/** `input` are ffmpeg's arguments for the source. */
export function encodeH265(input: readonly string[], keyInterval: number): { header: Buffer; pictures: Buffer[] } {
  const folder = mkdtempSync(join(tmpdir(), "reel-h265-"));
  try {
    const movie = join(folder, "pictures.mp4");
    const parameters = `log-level=none:qp=50:bframes=0:scenecut=0:keyint=${keyInterval}:min-keyint=${keyInterval}:open-gop=0`;
    const codec = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", parameters];
    const quiet = ["-v", "error", "-nostdin"];
    const stdio: ["ignore", "pipe", "inherit"] = ["ignore", "pipe", "inherit"];
    execFileSync("ffmpeg", [...quiet, ...input, ...codec, movie], { stdio });
    const stream = execFileSync("ffmpeg", [...quiet, "-i", movie, "-c", "copy", "-f", "hevc", "-"], {
      maxBuffer: 64 << 20,
      stdio,
    });
    const header = Buffer.concat([Buffer.of(SEQUENCE_START), FOURCC, decoderConfig(readFileSync(movie))]);
    return { header, pictures: picturesOf(stream) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The payload of the only hvcC box. */
function decoderConfig(movie: Buffer): Buffer {
  const at = movie.indexOf("hvcC");
  return movie.subarray(at + 4, at - 4 + movie.readUInt32BE(at - 4));
}

function picturesOf(stream: Buffer): Buffer[] {
  const pictures: { isKey: boolean; units: Buffer[] }[] = [];
  let before: Buffer[] = [];
  for (const unit of unitsOf(stream)) {
    const type = ((unit[0] ?? 0) >> 1) & 63;
    if (PARAMETER_SETS.has(type)) continue;
    if (type >= FIRST_NON_VCL) before.push(unit);
    else if (((unit[2] ?? 0) & FIRST_SLICE) !== 0) {
      pictures.push({ isKey: type >= FIRST_IRAP && type <= LAST_IRAP, units: [...before, unit] });
      before = [];
    } else pictures.at(-1)?.units.push(unit);
  }
  return pictures.map(({ isKey, units }) =>
    Buffer.concat([Buffer.of(isKey ? KEY_FRAME : INTER_FRAME), FOURCC, ...units.flatMap(withLength)]),
  );
}

/** NAL units of a byte stream (annex B). */
function* unitsOf(stream: Buffer): Generator<Buffer> {
  const startCode = Buffer.of(0, 0, 1);
  for (let at = stream.indexOf(startCode); at >= 0; ) {
    const next = stream.indexOf(startCode, at + 3);
    let end = next < 0 ? stream.length : next;
    while (stream[end - 1] === 0) end--;
    yield stream.subarray(at + 3, end);
    at = next;
  }
}

function withLength(unit: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return [length, unit];
}
