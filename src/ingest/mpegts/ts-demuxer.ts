// MPEG transport stream (ISO/IEC 13818-1 §2.4) to access units: any alignment and split of the input, garbage, lost and doubled packets.
//
//   push ─▶ input buffer ─▶ packets ─┬▶ PAT, PMT ─▶ which PIDs are the tracks
//                                     └▶ PES header ─▶ H264Assembler / AacAssembler ─▶ sink
//
// Packets are parsed only where they lie whole in the input buffer, on a 4-byte boundary, so the result depends on the bytes and not on how they
// came. Nothing is allocated per packet. No input throws; what is wrong is counted (demux-statistics.ts).

import { TRACK_AUDIO, TRACK_VIDEO } from "../../abi/frame.js";
import type { Logger } from "../../arena/logger.js";
import type { AccessUnitSink } from "./access-unit.js";
import { type DemuxStatistics, newDemuxStatistics } from "./demux-statistics.js";
import { ElementaryStream } from "./elementary-stream.js";
import { PACKET_SIZE, PacketSync } from "./packet-sync.js";
import { PcrWatch } from "./pcr-watch.js";
import { ProgramClock } from "./program-clock.js";
import { ProgramSelector } from "./program-selector.js";
import type { ProgramMap } from "./psi.js";
import { STREAM_TYPE_AAC_ADTS, STREAM_TYPE_H264, streamTypeName } from "./stream-types.js";

export interface DemuxerOptions {
  /** Bytes of one access unit; a longer one is given up. */
  maxAccessUnitBytes?: number;
  /** Default: the first program with video. */
  programNumber?: number;
}

const DEFAULT_MAX_ACCESS_UNIT_BYTES = 16 * 1024 * 1024;
const PID_COUNT = 8192;
/** Below are tables, at the top null packets (Table 2-3). */
const FIRST_PID = 0x10;
const NULL_PID = 0x1fff;
// What a PID is for, in the table of all PIDs.
const IGNORED = 0;
const SECTION = 1;
const VIDEO = 2;
const AUDIO = 3;
const MAX_NAMED_TYPES = 64;

export class TsDemuxer {
  readonly statistics: DemuxStatistics = newDemuxStatistics();
  #sink: AccessUnitSink;
  #logger: Logger;
  #maxAccessUnitBytes: number;
  #input = new PacketSync(this.statistics);
  #kinds = new Uint8Array(PID_COUNT);
  #selector: ProgramSelector;
  #clock = new ProgramClock();
  #video: ElementaryStream | undefined;
  #audio: ElementaryStream | undefined;
  #pcr = new PcrWatch(this.statistics);
  /** Types that were already named in the log. */
  #named = new Set<string>();

  constructor(sink: AccessUnitSink, logger: Logger, options: DemuxerOptions = {}) {
    this.#sink = sink;
    this.#logger = logger;
    this.#maxAccessUnitBytes = options.maxAccessUnitBytes ?? DEFAULT_MAX_ACCESS_UNIT_BYTES;
    this.#selector = new ProgramSelector(this.statistics, options.programNumber, {
      watchPid: (pid, isWatched) => {
        if (this.#kinds[pid] === IGNORED || this.#kinds[pid] === SECTION) this.#kinds[pid] = isWatched ? SECTION : IGNORED;
      },
      onProgram: (program) => this.#useProgram(program),
    });
    this.#kinds[0] = SECTION;
  }

  push(chunk: Uint8Array): void {
    const input = this.#input;
    for (let taken = 0; taken < chunk.byteLength; ) {
      taken = input.fill(chunk, taken);
      this.#parsePackets();
    }
  }

  /** The stream ends: what is complete is handed on. */
  end(): void {
    this.#input.endOfInput();
    this.#parsePackets();
    this.#video?.end();
    this.#audio?.end();
  }

  #parsePackets(): void {
    const input = this.#input;
    for (let at = input.next(); at >= 0; at = input.next()) this.#parsePacket(input.bytes, at);
  }

  /** One transport packet, §2.4.3.2. */
  #parsePacket(bytes: Uint8Array, at: number): void {
    this.statistics.packets++;
    const b1 = bytes[at + 1] as number;
    const b3 = bytes[at + 3] as number;
    if ((b1 & 0x80) !== 0) {
      // Even the PID of such a packet may be wrong. The hole that it leaves shows in the continuity counter.
      this.statistics.transportErrors++;
      return;
    }
    const pid = ((b1 & 0x1f) << 8) | (bytes[at + 2] as number);
    const kind = this.#kinds[pid] as number;
    const hasAdaptation = (b3 & 0x20) !== 0;
    const end = at + PACKET_SIZE;
    let payload = at + 4;
    let isAnnounced = false;
    if (hasAdaptation) {
      const size = bytes[at + 4] as number;
      payload += 1 + size;
      if (size > 0) {
        const flags = bytes[at + 5] as number;
        isAnnounced = (flags & 0x80) !== 0;
        if ((flags & 0x10) !== 0 && size >= 7) this.#pcr.take(pid, bytes, at + 6, isAnnounced);
      }
    }
    if (kind === IGNORED) return;
    const hasPayload = (b3 & 0x10) !== 0;
    if (payload > end) payload = end;
    const isUnitStart = (b1 & 0x40) !== 0;
    if (kind === SECTION) {
      if (hasPayload) this.#selector.push(pid, bytes, payload, end, isUnitStart);
      return;
    }
    const stream = kind === VIDEO ? this.#video : this.#audio;
    if (!stream?.continues(b3 & 15, hasPayload, isAnnounced, isUnitStart)) return;
    if ((b3 & 0xc0) !== 0) {
      this.statistics.scrambledPackets++;
      this.#nameOnce("scrambled packets");
      return;
    }
    if (hasPayload) stream.push(bytes, this.#input.words, payload, end, isUnitStart);
  }

  /** Takes the tracks of a program map: streams that stay where they were go on. */
  #useProgram(program: ProgramMap): void {
    const isOrdinary = (pid: number): boolean => pid >= FIRST_PID && pid < NULL_PID;
    const find = (streamType: number): number => program.streams.find((stream) => stream.streamType === streamType && isOrdinary(stream.pid))?.pid ?? -1;
    const videoPid = find(STREAM_TYPE_H264);
    const audioPid = find(STREAM_TYPE_AAC_ADTS);
    this.#pcr.watch(program.pcrPid);
    this.#video = this.#retune(this.#video, videoPid, VIDEO);
    this.#audio = this.#retune(this.#audio, audioPid === videoPid ? -1 : audioPid, AUDIO);
    for (const stream of program.streams) {
      if (stream.pid === videoPid || stream.pid === audioPid) continue;
      const isRecordable = stream.streamType === STREAM_TYPE_H264 || stream.streamType === STREAM_TYPE_AAC_ADTS;
      this.#nameOnce(isRecordable ? `a further stream of ${streamTypeName(stream.streamType, [])}` : streamTypeName(stream.streamType, stream.descriptorTags));
    }
  }

  #retune(stream: ElementaryStream | undefined, pid: number, kind: number): ElementaryStream | undefined {
    if (stream?.pid === pid) return stream;
    if (stream) {
      stream.end();
      if (this.#kinds[stream.pid] === kind) this.#kinds[stream.pid] = IGNORED;
    }
    if (pid < 0) return undefined;
    this.#kinds[pid] = kind;
    const track = kind === VIDEO ? TRACK_VIDEO : TRACK_AUDIO;
    return new ElementaryStream(track, pid, this.#sink, this.statistics, this.#clock, this.#maxAccessUnitBytes, (what) => this.#nameOnce(what));
  }

  #nameOnce(what: string): void {
    if (this.#named.has(what) || this.#named.size >= MAX_NAMED_TYPES) return;
    this.#named.add(what);
    this.#logger.warn({ what }, `not recorded: ${what}`);
  }
}
