// Divides a recorded transport stream into parts that can be decoded by themselves, for HLS (RFC 8216 §3.2): each
// begins with a PAT and a PMT, and behind them a random access point of the first video; of sound alone any frame of
// it.
//
//   | PAT | PMT | picture (random access) … | PAT | PMT | picture …
//   ^ a part                                ^ the next one
//
// The recorder writes tables in front of every random access point, so nothing has to be added. A file is walked once,
// as far as it goes; packets in the middle of a PES packet cost a look at four bytes.

import { codecOfStream } from "../../media/codec/table.js";
import { parsePesHeader } from "../../media/mpegts/pes.js";
import { type PmtStream, parseProgramAssociation, parseProgramMap, SectionAssembler } from "../../media/mpegts/psi.js";
import {
  emptyPacket,
  nearestTime,
  parseTsPacket,
  SYNC_BYTE,
  TS_PACKET_BYTES,
  type TsPacket,
} from "../../media/mpegts/ts-packet.js";
import { isPartLongEnough, JUMP_SECONDS } from "../movie/parts.js";
import type { TurnFile } from "../turn-file.js";

const BLOCK_BYTES = 4096 * TS_PACKET_BYTES;
const TICKS_PER_SECOND = 90_000;
const PID_PAT = 0;
const START_BIT = 0x40;
const NOWHERE = -1;

export interface TsPart {
  readonly position: number;
  readonly bytes: number;
  /** From the first time in the file. */
  readonly startSeconds: number;
  /** When its first picture is shown: in the first part sound may come before. */
  readonly firstSeconds: number;
  readonly endSeconds: number;
  /** Where the next one begins: behind `endSeconds` where time jumps. */
  readonly nextSeconds: number;
  /** Time has jumped in front of it, or other tracks have come. */
  readonly isDiscontinuous: boolean;
}

interface OpenPart {
  position: number;
  startSeconds: number;
  firstPts90k: number;
  isDiscontinuous: boolean;
  /** What the PMT said then. */
  tracks: string;
}

export class TsParts {
  readonly list: TsPart[] = [];
  isClosed = false;
  readonly #packet: TsPacket = emptyPacket();
  readonly #pat = new SectionAssembler((bytes, size) => this.#takePrograms(bytes, size), ignore);
  readonly #pmt = new SectionAssembler((bytes, size) => this.#takeStreams(bytes, size), ignore);
  #pmtPid = NOWHERE;
  #mainPid = NOWHERE;
  /** The parts begin at pictures. */
  isVideo = false;
  readonly #pids = new Set<number>();
  #tracks = "";
  /** Where the tables begin that nothing but tables follows. */
  #tablesAt = NOWHERE;
  #open: OpenPart | undefined;
  /** The first time of any track in the first part. */
  #zero90k = Number.POSITIVE_INFINITY;
  #isZeroKnown = false;
  #reference90k = Number.NaN;
  #lastDts90k = Number.NaN;
  #step90k = 0;
  #shownSeconds = 0;

  /** How far the file has been walked. */
  walkedBytes = 0;

  constructor(
    /** Whether another part may begin behind `startSeconds` and so many more. */
    private readonly isLongEnough: (startSeconds: number, seconds: number) => boolean = isPartLongEnough,
  ) {}

  /** All points of a part at which decoding can begin, with the times that the file gives them. */
  pointsOf(part: TsPart): TsParts {
    const points = new TsParts(() => true);
    points.walkedBytes = part.position;
    points.#isZeroKnown = true;
    points.#zero90k = this.#zero90k;
    points.#reference90k = this.#zero90k + part.startSeconds * TICKS_PER_SECOND;
    return points;
  }

  /** What has come since the last part ended; its end is not known. */
  get rest(): TsPart | undefined {
    const open = this.#open;
    if (!open) return undefined;
    return {
      ...open,
      firstSeconds: (open.firstPts90k - this.#zero90k) / TICKS_PER_SECOND,
      bytes: this.walkedBytes - open.position,
      endSeconds: this.#shownSeconds,
      nextSeconds: Number.POSITIVE_INFINITY,
    };
  }

  /**
   * Goes on up to `sizeBytes`, or as far as `mayGoOn` lets it. `isFinal`: nothing more comes. Half a packet at the end
   * is left for the next time.
   */
  async extend(
    file: Pick<TurnFile, "read">,
    sizeBytes: number,
    isFinal: boolean,
    mayGoOn: () => boolean,
  ): Promise<void> {
    if (this.isClosed) return;
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(0, sizeBytes - this.walkedBytes)));
    while (sizeBytes - this.walkedBytes >= TS_PACKET_BYTES) {
      if (!mayGoOn()) return;
      const wanted = Math.min(block.byteLength, sizeBytes - this.walkedBytes);
      const { bytesRead } = await file.read(block, 0, wanted, this.walkedBytes);
      const walked = this.#walk(block.subarray(0, bytesRead));
      if (walked === 0) break; // it became shorter
      this.walkedBytes += walked;
    }
    if (!isFinal) return;
    this.isClosed = true;
    this.#close(this.walkedBytes, this.#shownSeconds, Number.POSITIVE_INFINITY);
  }

  /** Returns how many bytes were whole packets, or none. */
  #walk(block: Buffer): number {
    let at = 0;
    while (at + TS_PACKET_BYTES <= block.byteLength) {
      if (block[at] !== SYNC_BYTE) {
        // Of a damaged file what follows is found again.
        at++;
        continue;
      }
      this.#take(block, at);
      at += TS_PACKET_BYTES;
    }
    return at;
  }

  #take(block: Buffer, at: number): void {
    const b1 = block[at + 1] ?? 0;
    const pid = ((b1 & 0x1f) << 8) | (block[at + 2] ?? 0);
    const isTable = pid === PID_PAT || pid === this.#pmtPid;
    // Most packets are the middle of a picture.
    if ((b1 & START_BIT) === 0 && !isTable) {
      if (this.#pids.has(pid) && ((block[at + 3] ?? 0) & 0x10) !== 0) this.#tablesAt = NOWHERE;
      return;
    }
    const packet = this.#packet;
    if (!parseTsPacket(block, at, packet) || packet.hasError || !packet.hasPayload) return;
    if (pid === PID_PAT && packet.isStart) this.#tablesAt = this.walkedBytes + at;
    if (isTable) {
      const table = pid === PID_PAT ? this.#pat : this.#pmt;
      table.push(block, at + packet.payloadAt, at + TS_PACKET_BYTES, packet.isStart);
      return;
    }
    if (this.#pids.has(pid)) this.#takeStart(block.subarray(at + packet.payloadAt, at + TS_PACKET_BYTES));
    this.#tablesAt = NOWHERE;
  }

  #takePrograms(bytes: Uint8Array, size: number): void {
    const [program] = parseProgramAssociation(bytes, size)?.programs ?? [];
    if (program) this.#pmtPid = program.pmtPid;
  }

  #takeStreams(bytes: Uint8Array, size: number): void {
    const map = parseProgramMap(bytes, size);
    if (!map) return;
    const streams = map.streams.filter((stream) => codecOfStream(stream) !== undefined);
    this.#tracks = streams.map(describe).join(" ");
    this.#pids.clear();
    for (const { pid } of streams) this.#pids.add(pid);
    const isVideo = (stream: PmtStream): boolean => codecOfStream(stream)?.kind === "video";
    const main = streams.find(isVideo) ?? streams[0];
    this.isVideo = main !== undefined && isVideo(main);
    this.#mainPid = main?.pid ?? NOWHERE;
  }

  /** The beginning of a PES packet, which is one access unit or several of sound. */
  #takeStart(payload: Buffer): void {
    const header = parsePesHeader(payload);
    if (!header || header.pts90k < 0) return;
    const dts = nearestTime(header.dts90k, this.#reference90k);
    const pts = nearestTime(header.pts90k, dts);
    if (!this.#isZeroKnown) this.#zero90k = Math.min(this.#zero90k, pts);
    this.#reference90k = dts;
    if (this.#packet.pid !== this.#mainPid) return;
    const distance = Number.isNaN(this.#lastDts90k) ? 0 : dts - this.#lastDts90k;
    const isJump = Math.abs(distance) > JUMP_SECONDS * TICKS_PER_SECOND;
    if (!isJump && distance > 0) this.#step90k = distance;
    this.#lastDts90k = dts;
    const seconds = (pts - this.#zero90k) / TICKS_PER_SECOND;
    if (this.#tablesAt !== NOWHERE && (!this.isVideo || this.#packet.isRandomAccess)) this.#begin(pts, isJump);
    this.#shownSeconds = Math.max(this.#shownSeconds, seconds + this.#step90k / TICKS_PER_SECOND);
  }

  /** A part may begin at the last tables, whose first picture is shown then. */
  #begin(pts: number, isJump: boolean): void {
    const seconds = (pts - this.#zero90k) / TICKS_PER_SECOND;
    const open = this.#open;
    let startSeconds = this.#isZeroKnown ? seconds : 0;
    let isDiscontinuous = false;
    if (open) {
      isDiscontinuous = isJump || this.#tracks !== open.tracks;
      if (!isDiscontinuous && !this.isLongEnough(open.startSeconds, seconds - open.startSeconds)) return;
      this.#close(this.#tablesAt, isJump ? this.#shownSeconds : seconds, seconds);
      this.#isZeroKnown = true;
      this.#shownSeconds = startSeconds = seconds;
    }
    this.#open = { position: this.#tablesAt, startSeconds, firstPts90k: pts, isDiscontinuous, tracks: this.#tracks };
  }

  #close(endPosition: number, endSeconds: number, nextSeconds: number): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open || endPosition <= open.position) return;
    this.list.push({
      position: open.position,
      bytes: endPosition - open.position,
      startSeconds: open.startSeconds,
      firstSeconds: (open.firstPts90k - this.#zero90k) / TICKS_PER_SECOND,
      endSeconds: Math.max(endSeconds, open.startSeconds),
      nextSeconds,
      isDiscontinuous: open.isDiscontinuous,
    });
  }
}

/** What makes a stream another one: a changed configuration of its codec begins another file. */
function describe({ streamType, pid, descriptors }: PmtStream): string {
  return `${pid}:${streamType}:${Buffer.from(descriptors).toString("hex")}`;
}

function ignore(): void {}
