// The media of one RTP session on their way into a frame sink, whatever carries the packets and whoever described them.
// It has no socket and no timer: packets come with their time of arrival, and what is to be sent is asked for.
//
//   rtp, rtcp ─▶ RtpTrack ─▶ depacketizer ─▶ FrameSink        one per medium that is recorded
//                   └── TrackAlignment: one axis for the clocks of all
//
// No packet throws by what is in it; what is wrong is counted (rtp-statistics.ts). The in-stream opens with the first
// frame that can be decoded, so a medium that was announced and never sent holds nothing up.

import { MAX_TRACKS, TRACK_AUDIO, TRACK_VIDEO } from "../../abi/frame.js";
import type { Arena } from "../../arena/arena.js";
import { CODECS } from "../../media/codec/table.js";
import { trackName } from "../../stream/gap.js";
import type { PacketReception } from "../../stream/packet-reception.js";
import type { UnrecordedTrack } from "../../stream/unrecorded-track.js";
import type { Millis } from "../../time/units.js";
import type { AccessUnitSink } from "../mpegts/access-unit.js";
import { StagingBudget } from "../mpegts/staging.js";
import { TrackSink } from "../mpegts/track-sink.js";
import { noteOnce } from "../note-once.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { completeMedia, formatOf, TRANSPORT_STREAM, whyNotRecorded } from "./depacketizer-table.js";
import { Mp2tDepacketizer } from "./mp2t-depacketizer.js";
import type { RtpMedia } from "./rtp-media.js";
import { newRtpStatistics, type RtpStatistics } from "./rtp-statistics.js";
import { RtpTime } from "./rtp-time.js";
import { RtpTrack } from "./rtp-track.js";
import { TrackAlignment } from "./track-alignment.js";

export interface RtpSessionOptions {
  arena: Arena;
  /** Packets may overtake each other (UDP): they wait for each other, bounded in number and time. */
  isReordering: boolean;
  /** What is odd about the source, each text once. */
  note(text: string): void;
  /** Shared by the sessions of a listener or a kind of source; default: one of its own. */
  budget?: StagingBudget;
  /** Bytes of one access unit; a longer one is given up. */
  maxAccessUnitBytes?: number;
  /** Of receiver reports. */
  ownSsrc?: number;
  cname?: string;
  /** Why the packets come over UDP, or over TCP. */
  whyTransport?: string | undefined;
}

/** A FrameSink, as far as a session needs it. */
export interface RtpSink extends AccessUnitSink {
  isClockShared: boolean;
  /** Every track that comes was described before. */
  areTracksNamed: boolean;
  reception?: (() => PacketReception) | undefined;
  /** The in-stream, where it is open. */
  readonly stream: object | undefined;
}

const USUAL_COUNTS = new Set(["packets", "senderReports"]);
const DEFAULT_MAX_ACCESS_UNIT_BYTES = 16 * 1024 * 1024;
const FIRST_FURTHER_TRACK = 2;

export class RtpSession {
  readonly #options: RtpSessionOptions;
  readonly #sink: RtpSink;
  /** By number of the medium; undefined where it is not recorded. */
  readonly #tracks: (RtpTrack | undefined)[];
  /** Their numbers in the in-stream; a transport stream has its own. */
  readonly #numbers: (number | undefined)[] = [];
  readonly #media: readonly RtpMedia[];
  readonly #unrecorded: UnrecordedTrack[] = [];
  readonly #alignment: TrackAlignment;
  readonly #budget: StagingBudget;
  #isOver = false;
  #isParsing = false;

  /** Throws ReelError where nothing can be recorded and the in-stream that says so cannot be opened. */
  constructor(media: readonly RtpMedia[], sink: RtpSink, options: RtpSessionOptions) {
    this.#options = { ...options, note: noteOnce(options.note) };
    this.#sink = sink;
    this.#budget = options.budget ?? new StagingBudget();
    // The tracks are put on one axis here.
    sink.isClockShared = true;
    sink.reception = () => this.reception;
    const complete = media.map(completeMedia);
    this.#media = complete;
    const times = complete.map(({ clockRate }) => new RtpTime(clockRate));
    this.#alignment = new TrackAlignment(times);
    const program = complete.findIndex(({ encodingName }) => encodingName === TRANSPORT_STREAM);
    // Those of a transport stream stand in its tables alone.
    sink.areTracksNamed = program < 0;
    const numbers = new TrackNumbers();
    this.#tracks = complete.map((medium, i) => {
      const time = times[i] as RtpTime;
      if (i === program) return this.#openProgram(i, medium, time);
      const track = program >= 0 ? undefined : this.#openTrack(i, medium, time, numbers);
      if (track) return track;
      const codec = whyNotRecorded(medium) ?? `${medium.encodingName} (a further stream)`;
      this.#unrecorded.push({ kind: trackName(medium.kind), codec });
      return undefined;
    });
    if (program < 0) sink.setUnrecorded(this.#unrecorded, !this.hasTracks);
  }

  /** The source does not send a medium, for this reason: it is listed as one that is not recorded. */
  withdraw(track: number, why: string): void {
    const medium = this.#media[track];
    if (this.#isOver || !medium || !this.#tracks[track]) return;
    this.#tracks[track]?.free();
    this.#tracks[track] = undefined;
    const number = this.#numbers[track];
    if (number !== undefined) this.#sink.withdrawTrack(number);
    const format = formatOf(medium);
    const codec = `${format ? CODECS[format.codec].title : medium.encodingName} (${why})`;
    this.#unrecorded.push({ kind: trackName(medium.kind), codec });
    // No in-stream for what was refused: where that is all, the attempt is over.
    this.#sink.setUnrecorded([...this.#unrecorded], false);
  }

  /** A medium is recorded: packets of the others need not be asked for. */
  isRecorded(track: number): boolean {
    return this.#tracks[track] !== undefined;
  }

  get hasTracks(): boolean {
    return this.#tracks.some((track) => track !== undefined);
  }

  /** By medium, in the order of the description. */
  get statistics(): readonly (RtpStatistics | undefined)[] {
    return this.#tracks.map((track) => track?.statistics);
  }

  /** How the packets arrive. */
  get reception(): PacketReception {
    const media = this.#tracks.flatMap((track, i) => {
      if (!track) return [];
      const { packets, lostPackets, reorderedPackets, duplicates, latePackets } = track.statistics;
      const { kind } = this.#media[i] as RtpMedia;
      const { jitterMs } = track;
      return [{ kind, packets, lostPackets, reorderedPackets, duplicates, latePackets, jitterMs }];
    });
    const { isReordering, whyTransport } = this.#options;
    return { transport: isReordering ? "UDP" : "TCP", why: whyTransport, media };
  }

  /**
   * An RTP packet of a medium, bytes[start…end]. They may be reused when this returns; where they lie in the arena they
   * are moved faster. Throws ReelError where the in-stream cannot be opened (`nameTaken`, `badName`, `arenaFull`).
   */
  rtp(track: number, bytes: Uint8Array, arrivalMs: Millis, start = 0, end = bytes.byteLength): void {
    if (this.#isOver) return;
    this.#isParsing = true;
    try {
      this.#tracks[track]?.rtp(bytes, arrivalMs, start, end);
    } finally {
      this.#endParsing();
    }
  }

  rtcp(track: number, packet: Uint8Array, arrivalMs: Millis): void {
    if (!this.#isOver) this.#tracks[track]?.rtcp(packet, arrivalMs);
  }

  /** RTP-Info of the reply to PLAY: the timestamp of a medium at which it begins. */
  rtpInfo(track: number, rtpTimestamp: number): void {
    this.#alignment.rtpInfo(track, rtpTimestamp);
  }

  /** Of UDP: gives up packets that have been waited for too long. To be called now and then, also without packets. */
  poll(nowMs: Millis): void {
    if (this.#isOver) return;
    this.#isParsing = true;
    try {
      for (const track of this.#tracks) track?.poll(nowMs);
    } finally {
      this.#endParsing();
    }
  }

  /** RTCP bytes to send for a medium; undefined before its first packet. */
  receiverReport(track: number, nowMs: Millis): Uint8Array | undefined {
    const { ownSsrc = 1, cname = "reel" } = this.#options;
    return this.#tracks[track]?.receiverReport(ownSsrc, cname, nowMs);
  }

  /** No more packets will come. What is complete is handed on; the sink is ended by whoever made it. */
  end(): void {
    if (this.#isOver) return;
    // A listener of a frame may end its source: the track at work below frees its memory when it returns.
    this.#isOver = true;
    if (this.#isParsing) return;
    try {
      // The last access units may be the first: then there is no in-stream yet, and none is worth opening.
      if (this.#sink.stream) for (const track of this.#tracks) track?.end();
      this.#tellCounts();
    } finally {
      this.#free();
    }
  }

  /** Something is recorded, or will be when its in-stream settles. */
  get hasStream(): boolean {
    return this.#sink.stream !== undefined;
  }

  /** What was odd so far, a text for each medium. */
  get oddities(): readonly string[] {
    return this.statistics.flatMap((statistics, medium) => {
      const odd = Object.entries(statistics ?? {}).filter(([name, count]) => count > 0 && !USUAL_COUNTS.has(name));
      const text = odd.map(([name, count]) => `${name} ${count}`).join(", ");
      return text === "" ? [] : [`RTP of medium ${medium}: ${text}`];
    });
  }

  #tellCounts(): void {
    for (const text of this.oddities) this.#options.note(text);
  }

  #endParsing(): void {
    this.#isParsing = false;
    if (this.#isOver) this.#free();
  }

  #free(): void {
    for (const track of this.#tracks) track?.free();
  }

  /** Undefined where it is not recorded. */
  #openTrack(index: number, media: RtpMedia, time: RtpTime, numbers: TrackNumbers): RtpTrack | undefined {
    const format = whyNotRecorded(media) === undefined ? formatOf(media) : undefined;
    if (!format) return undefined;
    const { kind } = CODECS[format.codec];
    const number = numbers.take(kind);
    if (number === undefined) return undefined;
    this.#numbers[index] = number;
    const sink = new TrackSink(this.#sink, number);
    sink.describeTrack(number, { kind, language: media.language, label: media.label });
    return this.#newTrack(index, media, time, sink, (context) => format.create(context));
  }

  /** A transport stream has all tracks of the session. */
  #openProgram(index: number, media: RtpMedia, time: RtpTime): RtpTrack {
    return this.#newTrack(index, media, time, this.#sink, (context) => new Mp2tDepacketizer(this.#sink, context));
  }

  #newTrack(
    index: number,
    media: RtpMedia,
    time: RtpTime,
    sink: AccessUnitSink,
    create: (context: DepacketizerContext) => Depacketizer,
  ): RtpTrack {
    const { arena, isReordering, note } = this.#options;
    const statistics = newRtpStatistics();
    const maxAccessUnitBytes = this.#options.maxAccessUnitBytes ?? DEFAULT_MAX_ACCESS_UNIT_BYTES;
    const budget = this.#budget;
    return new RtpTrack({
      payloadType: media.payloadType,
      time,
      depacketizer: create({ media, sink, time, statistics, arena, budget, maxAccessUnitBytes, note }),
      statistics,
      isReordering,
      budget,
      note,
      onFirst: (timestamp, arrivalMs) => this.#alignment.place(index, timestamp, arrivalMs),
      onSenderReport: (report) => this.#alignment.senderReport(index, report),
    });
  }
}

/** The first video is track 0 and the first sound 1; others take what is free. */
class TrackNumbers {
  readonly #taken = new Set<number>();

  take(kind: RtpMedia["kind"]): number | undefined {
    const first = kind === "video" ? TRACK_VIDEO : kind === "audio" ? TRACK_AUDIO : FIRST_FURTHER_TRACK;
    let number = first;
    if (this.#taken.has(first)) {
      number = FIRST_FURTHER_TRACK;
      while (this.#taken.has(number)) number++;
    }
    if (number >= MAX_TRACKS) return undefined;
    this.#taken.add(number);
    return number;
  }
}
