// MPEG transport stream (ISO/IEC 13818-1 §2.4) to access units: any alignment and split of the input, garbage, lost and
// doubled packets.
//
//   push ─▶ input buffer ─▶ packets ─┬▶ PAT, PMT ─▶ which PIDs are the tracks
//                                     └▶ PES header ─▶ the codec's assembler ─▶ sink
//
// Packets are parsed only where they lie whole in the input buffer, so the result depends on the bytes and not on how
// they came. Nothing is allocated per packet. No input throws; what is wrong is counted (demux-statistics.ts). Its
// arena memory is given back by `free`.

import type { Arena } from "../../arena/arena.js";
import type { Logger } from "../../base/logger.js";
import { foreignStream } from "../../media/codec/foreign-codecs.js";
import { codecOfStream } from "../../media/codec/table.js";
import { type DemuxStatistics, newDemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import type { ProgramMap } from "../../media/mpegts/psi.js";
import { trackName } from "../../stream/gap.js";
import type { UnrecordedTrack } from "../../stream/unrecorded-track.js";
import { noteOnce } from "../note-once.js";
import type { AccessUnitSink } from "./access-unit.js";
import type { StreamContext } from "./elementary-stream.js";
import { PACKET_SIZE, PacketSync } from "./packet-sync.js";
import { PcrWatch } from "./pcr-watch.js";
import { ProgramClock } from "./program-clock.js";
import { ProgramSelector } from "./program-selector.js";
import { ProgramTracks, whyUnsupported } from "./program-tracks.js";
import { type StagingBlock, StagingBudget } from "./staging.js";

export interface DemuxerOptions {
  /** Bytes of one access unit; a longer one is given up. */
  maxAccessUnitBytes?: number;
  /** Default: the first program with video. */
  programNumber?: number;
  /** localStreamName, for the log. */
  name?: string;
  /** Shared by the demuxers of a listener; default: one of its own. */
  budget?: StagingBudget;
}

const DEFAULT_MAX_ACCESS_UNIT_BYTES = 16 * 1024 * 1024;
const PID_COUNT = 8192;
// What a PID is for, in the table of all PIDs.
const IGNORED = 0;
const SECTION = 1;
/** And from here on the number of a track. */
const FIRST_TRACK = 2;
const MAX_NAMED_TYPES = 64;

export class TsDemuxer {
  readonly statistics: DemuxStatistics = newDemuxStatistics();
  #packets: PacketSync;
  #context: StreamContext;
  #kinds = new Uint8Array(PID_COUNT);
  #selector: ProgramSelector;
  #tracks: ProgramTracks;
  /** Streams of the program map that are no tracks. */
  #unrecorded: UnrecordedTrack[] = [];
  #pcr = new PcrWatch(this.statistics);
  #nameOnce: (what: string) => void;

  constructor(sink: AccessUnitSink, arena: Arena, logger: Logger, options: DemuxerOptions = {}) {
    const { budget = new StagingBudget(), maxAccessUnitBytes = DEFAULT_MAX_ACCESS_UNIT_BYTES } = options;
    this.#nameOnce = noteOnce(
      (what) => logger.warn({ stream: options.name, what }, `not recorded: ${what}`),
      MAX_NAMED_TYPES,
    );
    this.#packets = new PacketSync(this.statistics, arena, budget);
    this.#context = {
      sink,
      statistics: this.statistics,
      clock: new ProgramClock(),
      arena,
      budget,
      maxAccessUnitBytes,
      onUnsupported: this.#nameOnce,
      onRefused: (pid) => {
        this.#tracks.awaitOf(pid);
        this.#tellUnrecorded();
      },
    };
    this.#tracks = new ProgramTracks(this.#context);
    this.#selector = new ProgramSelector(this.statistics, options.programNumber, {
      watchPid: (pid, isWatched) => {
        if (this.#kinds[pid] === IGNORED || this.#kinds[pid] === SECTION)
          this.#kinds[pid] = isWatched ? SECTION : IGNORED;
      },
      onProgram: (program) => this.#useProgram(program),
    });
    this.#kinds[0] = SECTION;
  }

  push(chunk: Uint8Array): void {
    for (let taken = 0; taken < chunk.byteLength; ) {
      taken = this.#packets.fill(chunk, taken);
      this.#parsePackets();
    }
  }

  /**
   * The stream ends: what is complete without a successor is handed on, the access unit of an unbounded PES packet
   * among it.
   */
  end(): void {
    this.#packets.endOfInput();
    this.#parsePackets();
    this.#tracks.end();
  }

  /** Gives its memory back. Nothing may be pushed after. */
  free(): void {
    this.#packets.input.free();
    this.#tracks.free();
  }

  #parsePackets(): void {
    const packets = this.#packets;
    const { input } = packets;
    for (let at = packets.next(); at >= 0; at = packets.next()) this.#parsePacket(input, at);
  }

  /** One transport packet, §2.4.3.2. */
  #parsePacket(input: StagingBlock, at: number): void {
    const { bytes } = input;
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
    let isFlaggedKey = false;
    if (hasAdaptation) {
      const size = bytes[at + 4] as number;
      payload += 1 + size;
      if (size > 0) {
        const flags = bytes[at + 5] as number;
        isAnnounced = (flags & 0x80) !== 0;
        isFlaggedKey = (flags & 0x40) !== 0; // random_access_indicator
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
    const stream = this.#tracks.of(kind - FIRST_TRACK);
    if (!stream?.continues(bytes, end, b3 & 15, hasPayload, isAnnounced, isUnitStart)) return;
    if ((b3 & 0xc0) !== 0) {
      this.statistics.scrambledPackets++;
      this.#nameOnce("scrambled packets");
      return;
    }
    if (hasPayload) stream.push(input, payload, end, isUnitStart, isFlaggedKey);
  }

  /** Takes the tracks of a program map. */
  #useProgram(program: ProgramMap): void {
    const tracks = this.#tracks;
    this.#pcr.watch(program.pcrPid);
    for (const { number, stream } of tracks.all)
      if (this.#kinds[stream.pid] === FIRST_TRACK + number) this.#kinds[stream.pid] = IGNORED;
    this.#unrecorded = [];
    for (const stream of tracks.use(program)) {
      const codec = codecOfStream(stream);
      const { kind, name } = codec
        ? { kind: codec.kind, name: whyUnsupported(stream) ?? `${codec.title} (a further stream)` }
        : foreignStream(stream);
      this.#unrecorded.push({ kind: trackName(kind), codec: name });
      this.#nameOnce(name);
    }
    for (const { number, stream } of tracks.all) this.#kinds[stream.pid] = FIRST_TRACK + number;
    this.#tellUnrecorded();
  }

  #tellUnrecorded(): void {
    const { all } = this.#tracks;
    const refused = all.flatMap(({ stream }) =>
      stream.refused === undefined ? [] : [{ kind: trackName(stream.codec.kind), codec: stream.refused }],
    );
    for (const { codec } of refused) this.#nameOnce(codec);
    this.#context.sink.setUnrecorded([...this.#unrecorded, ...refused], refused.length === all.length);
  }
}
