// Walks the packets of a transport stream that a crash left: how much of it is whole, and what is in that. Half an
// access unit is one whose PES packet is shorter than it says. A long one says nothing (PES_packet_length 0): it is
// taken to be half where the file ends inside a packet right behind it, and its last packet is not stuffed. An access
// unit is a PES packet, and is written in one piece, as recorders do.

import { ReelError } from "../../base/reel-error.js";
import type { AudioCounter } from "../../media/codec/audio-counter.js";
import { newAudioCounter } from "../../media/codec/audio-counters.js";
import { codecOfStream, framingOfStream } from "../../media/codec/table.js";
import { isAudioStreamId, type PesHeader, parsePesHeader } from "../../media/mpegts/pes.js";
import { type PmtStream, parseProgramAssociation, parseProgramMap, SectionAssembler } from "../../media/mpegts/psi.js";
import {
  emptyPacket,
  nearestTime,
  parseTsPacket,
  SYNC_BYTE,
  SYNC_RUN,
  TS_PACKET_BYTES,
  type TsPacket,
} from "../../media/mpegts/ts-packet.js";
import type { FileWindow } from "../file-window.js";
import type { RepairReport } from "../repair-report.js";

const PACKETS_PER_READ = 1024;
/** Zeros in a row that no NAL unit holds (ITU-T H.264 §7.4.1). */
const ZERO_RUN = 3;
const SEARCH_BYTES = 64 * 1024;
const TICKS_PER_SECOND = 90_000;
const TICKS_PER_MS = 90;
const PID_PAT = 0;

interface OpenPes {
  start: number;
  header: PesHeader;
  bytes: number;
  isStuffed: boolean;
}

interface Track {
  isAudio: boolean;
  /** Of sound whose frames can be counted. */
  counter: AudioCounter | undefined;
  pes: OpenPes | undefined;
  /** Complete PES packets. */
  units: number;
  /** Frames and samples when the open PES packet began. */
  framesBefore: number;
  samplesBefore: number;
  firstPts: number;
  lastPts: number;
  lastDts: number;
  lastStep: number;
}

export class TsScan {
  keptBytes = 0;
  lostFrames = 0;
  readonly #path: string;
  readonly #window: FileWindow;
  readonly #tracks = new Map<number, Track>();
  /** Of the tracks that the tables name. */
  readonly #streams = new Map<number, PmtStream>();
  readonly #tables = new Map<number, SectionAssembler>();
  readonly #packet: TsPacket = emptyPacket();
  /** Where the PES packet that began last lies, of any track. */
  #lastStart = -1;
  #reference = Number.NaN;

  constructor(path: string, window: FileWindow) {
    this.#path = path;
    this.#window = window;
    this.#watchTable(PID_PAT);
  }

  /** `from`: a multiple of 188; what lies before it is taken to be sound. Throws ReelError `corrupt`. */
  run(from = 0): void {
    const whole = this.#window.sizeBytes - (this.#window.sizeBytes % TS_PACKET_BYTES);
    let at = from;
    while (at < whole) {
      const span = Math.min(PACKETS_PER_READ * TS_PACKET_BYTES, whole - at);
      const block = this.#window.read(at, span + 1);
      let i = 0;
      for (; i < span && isWholePacket(block, i); i += TS_PACKET_BYTES) this.#takePacket(block, i, at + i);
      at += i;
      if (i === span) continue;
      const next = this.#findPackets(at + 1);
      if (next === undefined) break;
      // A packet whose sync byte is wrong is damage that moves nothing; bytes that are missing or too many make the
      // rest unreadable from here.
      if ((next - at) % TS_PACKET_BYTES !== 0)
        throw this.#corrupt(`is damaged at byte ${at} and goes on at byte ${next}`);
      at = next;
    }
    if (this.#window.sizeBytes >= TS_PACKET_BYTES && at === 0) throw this.#corrupt("holds no transport packet");
    this.keptBytes = at;
    this.#dropHalf(at < this.#window.sizeBytes);
  }

  counts(): Pick<RepairReport, "videoFrames" | "audioFrames" | "durationMs"> {
    let videoFrames = 0;
    let audioFrames = 0;
    let first = Number.POSITIVE_INFINITY;
    let end = Number.NEGATIVE_INFINITY;
    for (const track of this.#tracks.values()) {
      if (track.units === 0) continue;
      if (track.isAudio) audioFrames += track.counter?.frames ?? track.units;
      else videoFrames += track.units;
      first = Math.min(first, track.firstPts);
      end = Math.max(end, track.lastPts + track.lastStep);
    }
    return { videoFrames, audioFrames, durationMs: end > first ? Math.round((end - first) / TICKS_PER_MS) : 0 };
  }

  #takePacket(block: Buffer, at: number, position: number): void {
    const packet = this.#packet;
    parseTsPacket(block, at, packet);
    if (!packet.hasPayload || packet.hasError) return;
    const payload = block.subarray(at + packet.payloadAt, at + TS_PACKET_BYTES);
    const table = this.#tables.get(packet.pid);
    if (table) {
      table.push(payload, 0, payload.byteLength, packet.isStart);
      return;
    }
    if (packet.isStart) {
      const header = parsePesHeader(payload);
      if (header) this.#beginPes(packet, header, payload, position);
      else this.#complete(this.#tracks.get(packet.pid));
      return;
    }
    const track = this.#tracks.get(packet.pid);
    if (!track?.pes) return;
    track.pes.bytes += payload.byteLength;
    track.pes.isStuffed = packet.isStuffed;
    track.counter?.push(payload);
    this.#completeIfFull(track);
  }

  #watchTable(pid: number): void {
    const onSection = (section: Uint8Array, size: number): void => {
      for (const { pmtPid } of parseProgramAssociation(section, size)?.programs ?? [])
        if (!this.#tables.has(pmtPid)) this.#watchTable(pmtPid);
      for (const stream of parseProgramMap(section, size)?.streams ?? []) {
        if (codecOfStream(stream)) this.#streams.set(stream.pid, stream);
      }
    };
    // A table that is damaged says nothing; it comes again.
    this.#tables.set(pid, new SectionAssembler(onSection, () => {}));
  }

  #beginPes(packet: TsPacket, header: PesHeader, payload: Buffer, position: number): void {
    let track = this.#tracks.get(packet.pid);
    if (!track) {
      const stream = this.#streams.get(packet.pid);
      const codec = stream && codecOfStream(stream);
      track = {
        isAudio: codec ? codec.kind === "audio" : isAudioStreamId(header.streamId),
        counter: newAudioCounter(stream && framingOfStream(stream)),
        pes: undefined,
        units: 0,
        framesBefore: 0,
        samplesBefore: 0,
        firstPts: Number.POSITIVE_INFINITY,
        lastPts: Number.NEGATIVE_INFINITY,
        lastDts: Number.NaN,
        lastStep: 0,
      };
      this.#tracks.set(packet.pid, track);
    }
    this.#complete(track);
    this.#lastStart = position;
    track.framesBefore = track.counter?.frames ?? 0;
    track.samplesBefore = track.counter?.samples ?? 0;
    track.pes = { start: position, header, bytes: payload.byteLength, isStuffed: packet.isStuffed };
    track.counter?.push(payload.subarray(header.payloadAt));
    this.#completeIfFull(track);
  }

  #completeIfFull(track: Track): void {
    if (track.pes && track.pes.header.packetBytes > 0 && track.pes.bytes >= track.pes.header.packetBytes)
      this.#complete(track);
  }

  #complete(track: Track | undefined): void {
    const pes = track?.pes;
    if (!track || !pes) return;
    track.pes = undefined;
    track.units++;
    if (pes.header.pts90k < 0) return;
    const dts = nearestTime(pes.header.dts90k, this.#reference);
    const pts = nearestTime(pes.header.pts90k, dts);
    this.#reference = dts;
    track.firstPts = Math.min(track.firstPts, pts);
    track.lastPts = Math.max(track.lastPts, pts);
    const { counter } = track;
    if (counter && counter.sampleRate > 0)
      track.lastStep = ((counter.samples - track.samplesBefore) * TICKS_PER_SECOND) / counter.sampleRate;
    else if (dts > track.lastDts) track.lastStep = dts - track.lastDts;
    track.lastDts = dts;
  }

  /** The access unit that the file ends in goes, if it is half; the others that are still open are complete. */
  #dropHalf(isTorn: boolean): void {
    for (const track of this.#tracks.values()) {
      const { pes } = track;
      if (!pes) continue;
      const isShort = pes.header.packetBytes > 0 ? pes.bytes < pes.header.packetBytes : isTorn && !pes.isStuffed;
      if (isShort && pes.start === this.#lastStart) {
        this.keptBytes = pes.start;
        this.lostFrames++;
        track.pes = undefined;
        if (track.counter) track.counter.frames = track.framesBefore;
      } else this.#complete(track);
    }
  }

  /** The first place at or behind `from` where packets follow one another. */
  #findPackets(from: number): number | undefined {
    const runBytes = SYNC_RUN * TS_PACKET_BYTES;
    for (let at = from; at + runBytes <= this.#window.sizeBytes; ) {
      const block = this.#window.read(at, SEARCH_BYTES);
      const sync = block.indexOf(SYNC_BYTE);
      if (sync === -1) {
        at += block.byteLength;
        continue;
      }
      const run = this.#window.read(at + sync, runBytes);
      let length = 0;
      while (length < run.byteLength && run[length] === SYNC_BYTE) length += TS_PACKET_BYTES;
      if (length === runBytes) return at + sync;
      at += sync + 1;
    }
    return undefined;
  }

  #corrupt(what: string): ReelError {
    return new ReelError("corrupt", `${this.#path} ${what}: it is left as it is`, { path: this.#path });
  }
}

/**
 * Blocks that never reached the disk read as zeros and may begin inside a packet: one that ends in zeros, with zeros
 * behind it, is not whole.
 */
function isWholePacket(block: Buffer, at: number): boolean {
  if (block[at] !== SYNC_BYTE) return false;
  const end = at + TS_PACKET_BYTES;
  if (block[end] !== 0) return true;
  for (let i = end - ZERO_RUN; i < end; i++) if (block[i] !== 0) return true;
  return false;
}
