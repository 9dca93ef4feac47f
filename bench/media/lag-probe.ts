// How long a frame takes from the publisher's send to the recorder's file, seen from outside: a growing file is looked
// at every 20 ms, and each frame that has become complete in it since is compared with the moment at which the load was
// due to send it (wall clock of one machine). So a lag is exact to the interval of looking, always on the high side.
// "In the file" means handed to the kernel: synced or not is not asked.
//
// FLV: tags. MPEG-TS: packets that begin a PES packet; it counts as complete when the next one of its PID begins.
// Reel's MP4 journal: the records of `.trackN`, which are written after their bytes are in `.mdat`.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { SAMPLE_DTS_OFFSET, SAMPLE_RECORD_SIZE } from "../../src/abi/mp4.js";
import { FLV_HEADER_BYTES } from "./flv-reader.js";

const LOOK_MS = 20;

/** Finds frames in what a file has grown by, and tells their media time, in ms since the stream's first frame. */
export interface GrowthReader {
  path: string;
  look(onFrame: (mediaMs: number) => void): void;
  close(): void;
}

class GrowingFile {
  #fd: number | undefined;
  constructor(readonly path: string) {}

  /** Bytes now in the file; 0 where it is not there yet. */
  sizeBytes(): number {
    try {
      this.#fd ??= openSync(this.path, "r");
    } catch {
      return 0;
    }
    return fstatSync(this.#fd).size;
  }

  read(into: Buffer, position: number): number {
    return this.#fd === undefined ? 0 : readSync(this.#fd, into, 0, into.length, position);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

class FlvGrowth implements GrowthReader {
  #file: GrowingFile;
  #at = FLV_HEADER_BYTES;
  #firstMs: number | undefined;
  readonly #head = Buffer.alloc(13);

  constructor(readonly path: string) {
    this.#file = new GrowingFile(path);
  }

  look(onFrame: (mediaMs: number) => void): void {
    const sizeBytes = this.#file.sizeBytes();
    const head = this.#head;
    while (this.#at + head.length <= sizeBytes) {
      this.#file.read(head, this.#at);
      const endsAt = this.#at + 11 + head.readUIntBE(1, 3) + 4;
      if (endsAt > sizeBytes) return;
      const isMedia = head[0] === 8 || head[0] === 9;
      const isHeader = head[12] === 0;
      if (isMedia && !isHeader) {
        const timestampMs = (head.readUIntBE(4, 3) | ((head[7] as number) << 24)) >>> 0;
        this.#firstMs ??= timestampMs;
        onFrame(timestampMs - this.#firstMs);
      }
      this.#at = endsAt;
    }
  }

  close(): void {
    this.#file.close();
  }
}

const TS_PACKET_BYTES = 188;

class TsGrowth implements GrowthReader {
  #file: GrowingFile;
  #at = 0;
  #first90k: number | undefined;
  #open = new Map<number, number>();

  constructor(readonly path: string) {
    this.#file = new GrowingFile(path);
  }

  look(onFrame: (mediaMs: number) => void): void {
    const bytes = Buffer.allocUnsafe(Math.max(0, this.#file.sizeBytes() - this.#at));
    const got = this.#file.read(bytes, this.#at);
    let at = 0;
    for (; at + TS_PACKET_BYTES <= got; at += TS_PACKET_BYTES)
      this.#packet(bytes.subarray(at, at + TS_PACKET_BYTES), onFrame);
    this.#at += at;
  }

  #packet(packet: Buffer, onFrame: (mediaMs: number) => void): void {
    const isStart = ((packet[1] as number) & 0x40) !== 0;
    if (!isStart) return;
    const pid = packet.readUInt16BE(1) & 0x1fff;
    const payload = ((packet[3] as number) & 0x20) !== 0 ? 5 + (packet[4] as number) : 4;
    if (payload + 19 > TS_PACKET_BYTES || packet.readUIntBE(payload, 3) !== 1) return;
    const previous = this.#open.get(pid);
    if (previous !== undefined) onFrame((previous - (this.#first90k ?? previous)) / 90);
    const flags = (packet[payload + 7] as number) >> 6;
    const dts = readTimestamp(packet, payload + (flags === 3 ? 14 : 9));
    this.#first90k ??= dts;
    this.#open.set(pid, dts);
  }

  close(): void {
    this.#file.close();
  }
}

/** 33 bits in five bytes, ISO/IEC 13818-1 §2.4.3.7. */
function readTimestamp(bytes: Buffer, at: number): number {
  const high = ((bytes[at] as number) >> 1) & 7;
  const middle = bytes.readUInt16BE(at + 1) >> 1;
  const low = bytes.readUInt16BE(at + 3) >> 1;
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}

/** One `.trackN` of Reel's MP4 journal. */
class Mp4JournalGrowth implements GrowthReader {
  #file: GrowingFile;
  #at = 0;

  constructor(readonly path: string) {
    this.#file = new GrowingFile(path);
  }

  look(onFrame: (mediaMs: number) => void): void {
    const records = Buffer.allocUnsafe(Math.max(0, this.#file.sizeBytes() - this.#at));
    const got = this.#file.read(records, this.#at);
    let at = 0;
    for (; at + SAMPLE_RECORD_SIZE <= got; at += SAMPLE_RECORD_SIZE)
      onFrame(Number(records.readBigInt64LE(at + SAMPLE_DTS_OFFSET)) / 90);
    this.#at += at;
  }

  close(): void {
    this.#file.close();
  }
}

export function openGrowth(kind: "flv" | "ts" | "mp4-journal", path: string): GrowthReader {
  if (kind === "flv") return new FlvGrowth(path);
  return kind === "ts" ? new TsGrowth(path) : new Mp4JournalGrowth(path);
}

export interface LagReport {
  frames: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** Watches several growing files. `readers` are asked again until they know their file. */
export class LagProbe {
  #watched: { open: () => GrowthReader | undefined; reader: GrowthReader | undefined; startEpochMs: number }[] = [];
  #lagsMs: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #fromEpochMs = 0;

  watch(open: () => GrowthReader | undefined, startEpochMs: number): void {
    this.#watched.push({ open, reader: undefined, startEpochMs });
  }

  /** Frames due before `fromEpochMs` are not counted: the start-up. */
  start(fromEpochMs: number): void {
    this.#fromEpochMs = fromEpochMs;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): LagReport {
    clearInterval(this.#timer);
    for (const { reader } of this.#watched) reader?.close();
    const lags = Float64Array.from(this.#lagsMs).sort();
    const at = (fraction: number) => lags[Math.min(lags.length - 1, Math.floor(lags.length * fraction))] ?? Number.NaN;
    return { frames: lags.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: lags.at(-1) ?? Number.NaN };
  }

  #look(): void {
    for (const watched of this.#watched) {
      watched.reader ??= watched.open();
      watched.reader?.look((mediaMs) => {
        const dueEpochMs = watched.startEpochMs + mediaMs;
        if (dueEpochMs >= this.#fromEpochMs) this.#lagsMs.push(performance.timeOrigin + performance.now() - dueEpochMs);
      });
    }
  }
}
