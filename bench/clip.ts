// npm run bench:clip -- --hours 24 --megabits 8
//
// What a clip of a long recording takes: hourly MP4 files with true indexes (25 pictures and 46.9 sounds a second) and
// media that is a hole, so that a day of 8 Mb/s costs no 86 GB of disk. The server runs here, curl asks in a process of
// its own: told are the time to the first byte, the length, and the most memory of the server while it was sent.

import { execFile } from "node:child_process";
import { ftruncateSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import {
  SAMPLE_BYTES_OFFSET,
  SAMPLE_DTS_OFFSET,
  SAMPLE_FLAG_CHUNK_START,
  SAMPLE_FLAG_SYNC,
  SAMPLE_FLAGS_OFFSET,
  SAMPLE_POSITION_OFFSET,
  SAMPLE_RECORD_SIZE,
} from "../src/abi/mp4.js";
import { silentLogger } from "../src/base/logger.js";
import { IndexBuilder } from "../src/container/mp4/index-builder.js";
import { ownKernel } from "../src/container/mp4/own-kernel.js";
import { restoreConfig } from "../src/container/mp4/track-config.js";
import { LISTENER_NAMES } from "../src/server/listeners/listener-table.js";
import { ReelServer } from "../src/server/server.js";
import { ASC, AVCC } from "../test/support/test-media.js";
import { environment, formatTable, significant, writeResult } from "./measure/report.js";

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "24" },
    megabits: { type: "string", default: "8" },
    "sent-seconds": { type: "string", default: "20" },
  },
});
const hours = Number(values.hours);
const HOUR_MS = 3_600_000;
const BATCH_SECONDS = 1;
const PICTURES = 25;
const SOUND_TICKS = 1920; // 1024 samples at 48 kHz
const SOUND_BYTES = 340;
const IDR_FACTOR = 5;
const FTYP = Buffer.from("00000020667479706d7034320000020069736f6d69736f3269736f366d703431", "hex");
const MDAT_HEADER_BYTES = 16;
const MIB = 2 ** 20;

interface HourFile {
  head: Buffer;
  sizeBytes: number;
  pictures: number;
  sounds: number;
}

class Records {
  readonly #bytes: Buffer;
  count = 0;

  constructor(
    most: number,
    private readonly index: IndexBuilder,
  ) {
    this.#bytes = Buffer.alloc(most * SAMPLE_RECORD_SIZE);
  }

  add(dts90k: number, position: number, bytes: number, flags: number): void {
    const record = this.#bytes.subarray(this.count * SAMPLE_RECORD_SIZE, ++this.count * SAMPLE_RECORD_SIZE);
    record.writeBigInt64LE(BigInt(dts90k), SAMPLE_DTS_OFFSET);
    record.writeBigInt64LE(BigInt(position), SAMPLE_POSITION_OFFSET);
    record.writeUInt32LE(bytes, SAMPLE_BYTES_OFFSET);
    record.writeUInt32LE(flags, SAMPLE_FLAGS_OFFSET);
    this.index.seal(record);
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.count * SAMPLE_RECORD_SIZE);
  }
}

/** Everything of an hour's file but its media: batches of a second, its pictures, then its sounds. */
function hourFile(): HourFile {
  const createdMs = Date.UTC(2026, 0, 1);
  const options = { createdMs, large: true, mediaStart: 0, mediaEnd: Number.MAX_SAFE_INTEGER };
  const index = new IndexBuilder(ownKernel(), options);
  const seconds = HOUR_MS / 1000;
  const video = new Records(seconds * PICTURES, index);
  const audio = new Records(seconds * 50, index);
  const pictureBytes = (Number(values.megabits) * 1e6) / 8 / (PICTURES - 1 + IDR_FACTOR);
  let position = 0;
  for (let second = 0; second < seconds; second += BATCH_SECONDS) {
    for (let i = 0; i < PICTURES; i++) {
      const bytes = Math.round(pictureBytes * (i === 0 ? IDR_FACTOR : 1)) + ((second + i) % 97);
      const flags = i === 0 ? SAMPLE_FLAG_SYNC | SAMPLE_FLAG_CHUNK_START : 0;
      video.add(second * 90_000 + i * 3600, position, bytes, flags);
      position += bytes;
    }
    for (let first = true; audio.count * SOUND_TICKS < (second + 1) * 90_000; first = false) {
      const bytes = SOUND_BYTES + (audio.count % 31);
      audio.add(audio.count * SOUND_TICKS, position, bytes, SAMPLE_FLAG_SYNC | (first ? SAMPLE_FLAG_CHUNK_START : 0));
      position += bytes;
    }
  }
  const h264 = { codec: "h264", bytes: Buffer.from(AVCC).toString("base64"), width: 1920, height: 1080 } as const;
  const aac = { codec: "aac", bytes: Buffer.from(ASC).toString("base64") } as const;
  const sound = { sampleRate: 48_000, channels: 2, samplesPerFrame: 1024, objectType: 2, rateIndex: 3 };
  index.scan(0, restoreConfig(h264), video.bytes, video.bytes.byteLength);
  index.scan(1, restoreConfig({ ...aac, ...sound }), audio.bytes, audio.bytes.byteLength);
  const { moovBytes } = index.layout(0);
  const shift = FTYP.byteLength + moovBytes + MDAT_HEADER_BYTES;
  if (index.layout(shift).moovBytes !== moovBytes) throw new Error("the index changed its size");
  const head = Buffer.alloc(shift);
  FTYP.copy(head);
  index.write(FTYP.byteLength, (bytes, at) => head.set(bytes, at));
  index.close();
  head.writeUInt32BE(1, shift - MDAT_HEADER_BYTES);
  head.write("mdat", shift - MDAT_HEADER_BYTES + 4, "latin1");
  head.writeBigUInt64BE(BigInt(MDAT_HEADER_BYTES + position), shift - MDAT_HEADER_BYTES + 8);
  return { head, sizeBytes: shift + position, pictures: video.count, sounds: audio.count };
}

function status(name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

const root = realpathSync(mkdtempSync(join(tmpdir(), "reel-clip-")));
const server = await ReelServer.start(
  {
    media: { folders: [join(root, "media")] },
    state: { folder: join(root, "state") },
    workers: 1,
    listeners: { ...Object.fromEntries(LISTENER_NAMES.map((name) => [name, "off"])), http: "127.0.0.1:0" },
  },
  silentLogger,
);
try {
  const { head, sizeBytes, pictures, sounds } = hourFile();
  const startMs = Date.now() - (hours + 1) * HOUR_MS;
  for (let hour = 0; hour < hours; hour++) {
    const path = join(root, "media", `cam_${hour}.mp4`);
    const fd = openSync(path, "w");
    writeSync(fd, head);
    ftruncateSync(fd, sizeBytes);
    await server.recorder.catalog.append({
      ...{ id: hour + 1, state: "finished", path, container: "mp4", tracks: [], localStreamName: "cam" },
      ...{ startedMs: startMs + hour * HOUR_MS, stoppedMs: startMs + (hour + 1) * HOUR_MS, durationMs: HOUR_MS },
      ...{ sizeBytes, videoFrames: pictures, audioFrames: sounds, finish: "reserved", gaps: 0, lost: null },
      ...{ configId: 1, outStreamId: 1, variables: {} },
    });
  }
  const indexBytes = head.byteLength * hours;
  (globalThis as { gc?: () => void }).gc?.();
  const baseBytes = status("VmRSS");
  const url = `http://${server.addresses.http}/api/clip?stream=cam&from=${startMs + 1500}&to=${startMs + hours * HOUR_MS}`;
  const format = "%{time_starttransfer} %{size_download} %{speed_download} %{http_code}";
  const args = ["-s", "-o", "/dev/null", "-m", values["sent-seconds"], "-w", format, "-D", join(root, "head"), url];
  const { stdout } = await promisify(execFile)("curl", args).catch((error: { stdout: string }) => error);
  const [firstByte = 0, sent = 0, speed = 0, code = 0] = stdout.split(" ").map(Number);
  const length = Number(/content-length: (\d+)/i.exec(readFileSync(join(root, "head"), "utf8"))?.[1]);
  const row = {
    hours,
    "Mb/s": Number(values.megabits),
    "clip GB": significant(length / 1e9),
    "pictures and sounds": (pictures + sounds) * hours,
    "index MiB": significant(indexBytes / MIB),
    status: code,
    "first byte s": significant(firstByte),
    "sent GB": significant(sent / 1e9),
    "MB / s": significant(speed / 1e6),
    "RSS before MiB": Math.round(baseBytes / MIB),
    "peak MiB": Math.round(status("VmHWM") / MIB),
  };
  const env = environment();
  console.log(`\n${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`);
  console.log(formatTable([row]));
  console.log(`\n${writeResult("clip", `npm run bench:clip -- ${process.argv.slice(2).join(" ")}`, row)}`);
} finally {
  await server.close();
  rmSync(root, { recursive: true, force: true });
}
