// Reads a transport stream back, ISO/IEC 13818-1: sync, continuity, tables, clock, and what its PES packets carry. One
// pass; the memory is a window and one small head a PID.

import {
  emptyPacket,
  PID_COUNT,
  PID_NULL,
  parseTsPacket,
  SYNC_BYTE,
  TS_PACKET_BYTES,
  type TsPacket,
} from "../../media/mpegts/ts-packet.js";
import type { Findings } from "../findings.js";
import type { ReadMedia } from "../read-media.js";
import type { WindowReader } from "../window-reader.js";
import { PcrCheck } from "./pcr-check.js";
import { type Section, SectionGatherer } from "./section.js";
import { type SharedTime, TsTrack } from "./ts-track.js";

const PID_PAT = 0;
const NONE = -1;
const PACKETS_PER_READ = 4096;
/** Sync bytes in a row that are no accident. */
const SYNC_RUN = 3;

export async function verifyTs(reader: WindowReader, findings: Findings): Promise<ReadMedia> {
  const reading = new TsReading(findings);
  let index = 0;
  for (let at = 0; at < reader.sizeBytes; ) {
    const block = await reader.load(at, Math.min(PACKETS_PER_READ * TS_PACKET_BYTES, reader.sizeBytes - at));
    let i = 0;
    for (; i + TS_PACKET_BYTES <= block.byteLength && block[i] === SYNC_BYTE; i += TS_PACKET_BYTES)
      reading.takePacket(block, i, index++);
    at += i;
    const left = reader.sizeBytes - at;
    if (i > 0 && left >= TS_PACKET_BYTES) continue;
    if (left === 0) break;
    if (left < TS_PACKET_BYTES) {
      findings.defect(`/packet[${index}]`, `${left} bytes of ${TS_PACKET_BYTES}: the file ends in it`);
      break;
    }
    const next = await findSync(reader, at + 1);
    findings.defect(
      `/packet[${index}]`,
      `has no sync byte; packets go on ${next === undefined ? "nowhere" : `${next - at} bytes`} behind it`,
    );
    if (next === undefined) break;
    index += Math.round((next - at) / TS_PACKET_BYTES);
    at = next;
  }
  return { tracks: reading.end(), isIndexInFront: null };
}

/** The next place where packets follow one another. */
async function findSync(reader: WindowReader, from: number): Promise<number | undefined> {
  const run = SYNC_RUN * TS_PACKET_BYTES;
  for (let at = from; at + TS_PACKET_BYTES <= reader.sizeBytes; ) {
    const block = await reader.load(at, Math.min(PACKETS_PER_READ * TS_PACKET_BYTES, reader.sizeBytes - at));
    for (let i = block.indexOf(SYNC_BYTE); i !== -1; i = block.indexOf(SYNC_BYTE, i + 1)) {
      // Near the end of a block the run is judged in the next one, near the end of the file by what there is.
      if (i + run > block.byteLength && at + block.byteLength < reader.sizeBytes && i > 0) break;
      let isRun = true;
      for (let k = i; k < Math.min(i + run, block.byteLength) && isRun; k += TS_PACKET_BYTES)
        isRun = block[k] === SYNC_BYTE;
      if (isRun && at + i + TS_PACKET_BYTES <= reader.sizeBytes) return at + i;
    }
    // A block that came out short: the file became shorter while it was read.
    if (at + block.byteLength >= reader.sizeBytes || block.byteLength <= run) return undefined;
    at += block.byteLength - run;
  }
  return undefined;
}

class TsReading {
  readonly #findings: Findings;
  readonly #clock: PcrCheck;
  readonly #time: SharedTime = { reference90k: Number.NaN };
  readonly #packet: TsPacket = emptyPacket();
  readonly #counters = new Int8Array(PID_COUNT).fill(NONE);
  readonly #hasDuplicate = new Uint8Array(PID_COUNT);
  readonly #streams = new Map<number, TsTrack>();
  readonly #sections = new Map<number, SectionGatherer>([[PID_PAT, new SectionGatherer()]]);
  /** PIDs of media that came before a PMT named them. */
  readonly #unannounced = new Set<number>();
  #pmtPid = NONE;
  #pcrPid = NONE;

  constructor(findings: Findings) {
    this.#findings = findings;
    this.#clock = new PcrCheck(findings);
  }

  takePacket(block: Buffer, at: number, index: number): void {
    const packet = this.#packet;
    if (!parseTsPacket(block, at, packet))
      this.#findings.defect(`/packet[${index}]`, "its adaptation field does not fit");
    if (packet.pid === PID_NULL) return;
    if (packet.hasError) this.#findings.defect(`/packet[${index}]`, "transport_error_indicator is set");
    if (packet.isScrambled) this.#findings.defect(`/packet[${index}]`, "is scrambled");
    if (packet.pcr90k >= 0 && packet.pid === this.#pcrPid)
      this.#clock.takePcr(packet.pcr90k, packet.isDiscontinuity, `/packet[${index}]`);
    const isRepeat = this.#checkCounter(packet, index);
    if (!packet.hasPayload || isRepeat) return;
    const payload = block.subarray(at + packet.payloadAt, at + TS_PACKET_BYTES);
    const sections = this.#sections.get(packet.pid);
    if (sections) this.#takeSection(sections.push(payload, packet.isStart), index);
    else this.#takeMedia(packet, payload, index);
  }

  end(): TsTrack["audit"][] {
    for (const stream of this.#streams.values()) stream.end(true);
    if (this.#pmtPid === NONE) this.#findings.defect("/", "has no PAT");
    else if (this.#pcrPid === NONE) this.#findings.defect("/", "has no PMT");
    else if (Number.isNaN(this.#clock.last90k)) this.#findings.defect("/", "has no PCR");
    const streams = [...this.#streams.values()];
    const tracks = streams.map((stream) => stream.audit);
    this.#tellEmptyTracks(tracks);
    return tracks;
  }

  /**
   * The tables stand in front of the frames that they announce, and the file may end in between: that is worth a note.
   * Without any frame it is no recording.
   */
  #tellEmptyTracks(tracks: readonly TsTrack["audit"][]): void {
    const hasFrames = tracks.some(({ frames }) => frames > 0);
    for (const { frames, traits } of tracks) {
      const message = `the PMT lists a track (${traits.codec}) that has no frames`;
      if (frames === 0 && hasFrames) this.#findings.note("/", message);
      else if (frames === 0) this.#findings.defect("/", message);
    }
  }

  /** True for a repeated packet: §2.4.3.3 allows each one once more. */
  #checkCounter(packet: TsPacket, index: number): boolean {
    const { pid, continuityCounter } = packet;
    const last = this.#counters[pid] ?? NONE;
    this.#counters[pid] = continuityCounter;
    if (last === NONE || packet.isDiscontinuity) return false;
    const expected = packet.hasPayload ? (last + 1) & 15 : last;
    if (continuityCounter === expected) {
      this.#hasDuplicate[pid] = 0;
      return false;
    }
    if (packet.hasPayload && continuityCounter === last && this.#hasDuplicate[pid] === 0) {
      this.#hasDuplicate[pid] = 1;
      return true;
    }
    this.#findings.defect(
      `/packet[${index}]`,
      `continuity_counter ${continuityCounter} of PID ${pid}, expected ${expected}`,
    );
    return false;
  }

  #takeSection(section: Section | undefined, index: number): void {
    const place = `/packet[${index}]`;
    if (section?.kind === "bad") this.#findings.defect(place, `a table: ${section.reason}`);
    else if (section?.kind === "pat") {
      this.#clock.takeTables(place);
      if (section.pmtPid === undefined) this.#findings.defect(place, "the PAT lists no program");
      else {
        this.#pmtPid = section.pmtPid;
        if (!this.#sections.has(section.pmtPid)) this.#sections.set(section.pmtPid, new SectionGatherer());
      }
    } else if (section?.kind === "pmt") {
      this.#pcrPid = section.pcrPid;
      for (const stream of section.streams) {
        const { pid } = stream;
        if (!this.#streams.has(pid))
          this.#streams.set(pid, new TsTrack(stream, this.#streams.size, this.#findings, this.#time));
      }
    }
  }

  #takeMedia(packet: TsPacket, payload: Buffer, index: number): void {
    const stream = this.#streams.get(packet.pid);
    if (stream && packet.isStart) stream.begin(index, payload, this.#clock.last90k, packet.isRandomAccess);
    else if (stream) stream.push(payload);
    else if (
      packet.isStart &&
      payload.byteLength >= 3 &&
      payload.readUIntBE(0, 3) === 1 &&
      !this.#unannounced.has(packet.pid)
    ) {
      this.#unannounced.add(packet.pid);
      this.#findings.defect(`/packet[${index}]`, `media on PID ${packet.pid} before a PMT lists it`);
    }
  }
}
