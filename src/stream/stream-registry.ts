// All in-streams by name. A name belongs to one live stream; ids are shared with out-streams (ems-record-spec §2.0) and
// come from outside.

import { EventEmitter } from "node:events";
import type { Arena } from "../arena/arena.js";
import { ReelError } from "../base/reel-error.js";
import { type Collector, counter, gauge, type Sample } from "../base/samples.js";
import { type Clock, TICKS_PER_SECOND } from "../time/units.js";
import { InStream, type InStreamOptions } from "./in-stream.js";
import type { PacketReception } from "./packet-reception.js";
import type { PastBudget } from "./past-budget.js";
import type { SourceInfo } from "./source-info.js";
import type { TrackStatistics } from "./stream-counters.js";

interface RegistryEvents {
  opened: [stream: InStream];
  ended: [stream: InStream, reason: string];
}

const MAX_NAME_BYTES = 255;
/** A stream that the embedding program writes itself; EMS knows no such kind. */
const EMBEDDED: SourceInfo = { type: "INE", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };

/**
 * The name under which a published or pulled stream is known: without its `?query`. Throws ReelError `badName` on what
 * could not be written in a command line: control characters, spaces, `=`, `\`, `..` (design.md §5).
 */
export function parseStreamName(raw: string): string {
  const query = raw.indexOf("?");
  const name = query < 0 ? raw : raw.slice(0, query);
  if (name === "") throw new ReelError("badName", "the stream name is empty: it has 1 to 255 bytes", { name });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
  if (Buffer.byteLength(name) > MAX_NAME_BYTES || /[\u0000-\u0020\u007f-\u009f=\\]|\.\./u.test(name)) {
    throw new ReelError(
      "badName",
      "a stream name has 1 to 255 bytes and no spaces, control characters, '=', '\\' or '..'",
      { name },
    );
  }
  return name;
}

/** The same for a name that must be meant as it is. Throws ReelError `badName`. */
export function checkStreamName(name: string): void {
  if (parseStreamName(name) !== name)
    throw new ReelError("badName", "a stream name has no '?': what follows it is never part of one", { name });
}

export class StreamRegistry extends EventEmitter<RegistryEvents> implements Collector {
  #streams = new Map<string, InStream>();
  #byId = new Map<number, InStream>();
  /** What streams brought that have ended. */
  readonly #ended = { frames: 0, bytes: 0 };

  constructor(
    private readonly arena: Arena,
    private readonly clock: Clock,
    private readonly options: InStreamOptions,
    private readonly nextStreamId: () => number,
  ) {
    super();
    this.setMaxListeners(0);
  }

  /** Throws ReelError `badName`, `nameTaken`. */
  open(rawName: string, source: SourceInfo = EMBEDDED, closeSource?: (reason: string) => void): InStream {
    const name = parseStreamName(rawName);
    if (this.#streams.has(name)) throw new ReelError("nameTaken", `a stream named ${name} is already live`, { name });
    const stream: InStream = new InStream(
      this.nextStreamId(),
      name,
      source,
      this.arena,
      this.clock,
      this.options,
      closeSource ?? ((reason) => stream.end(reason)),
    );
    this.#streams.set(name, stream);
    this.#byId.set(stream.id, stream);
    stream.once("ended", (reason) => {
      this.#streams.delete(name);
      this.#byId.delete(stream.id);
      const { frames, bytes } = received(stream);
      this.#ended.frames += frames;
      this.#ended.bytes += bytes;
      this.emit("ended", stream, reason);
    });
    try {
      this.emit("opened", stream);
    } catch (error) {
      // A listener failed: the name must not stay taken by a stream that nobody feeds.
      stream.end("it could not be opened");
      throw error;
    }
    return stream;
  }

  get(name: string): InStream | undefined {
    return this.#streams.get(name);
  }

  getById(id: number): InStream | undefined {
    return this.#byId.get(id);
  }

  list(): InStream[] {
    return [...this.#streams.values()];
  }

  /** What is to be kept of the streams' pasts may have changed. */
  refreshPast(): void {
    for (const stream of this.#streams.values()) stream.refreshPast();
  }

  collect(): readonly Sample[] {
    let { frames, bytes } = this.#ended;
    for (const stream of this.#streams.values()) {
      const own = received(stream);
      frames += own.frames;
      bytes += own.bytes;
    }
    const { past } = this.options;
    return [
      ...(past ? pastSamples(past.budget) : []),
      gauge("reel_in_streams", "Live in-streams.", this.#streams.size),
      counter("reel_received_frames_total", "Frames that all sources delivered.", frames),
      counter("reel_received_bytes_total", "Bytes of frames that all sources delivered.", bytes),
    ];
  }

  *collectEach(): Generator<readonly Sample[]> {
    for (const stream of this.list())
      if (this.#streams.get(stream.name) === stream) yield samplesOf(stream, this.clock.monotonicMs());
  }
}

function received({ statistics }: InStream): { frames: number; bytes: number } {
  const sum = { frames: 0, bytes: 0 };
  for (const { frames, bytes } of statistics) {
    sum.frames += frames;
    sum.bytes += bytes;
  }
  return sum;
}

function pastSamples({ usedBytes, limitBytes, store }: PastBudget): Sample[] {
  const spilled = store && [
    gauge(
      "reel_past_spilled_bytes",
      "Bytes on the disk that all streams keep for recordings that begin in the past.",
      store.usedBytes,
    ),
    gauge("reel_past_spill_limit_bytes", "What they may keep there.", store.limitBytes),
  ];
  return [
    ...(spilled ?? []),
    gauge(
      "reel_past_kept_bytes",
      "Bytes of memory that all streams keep for recordings that begin in the past.",
      usedBytes,
    ),
    gauge("reel_past_limit_bytes", "What they may keep.", limitBytes),
  ];
}

function samplesOf(stream: InStream, nowMs: number): Sample[] {
  const { name, ring } = stream;
  const labels = { stream: name };
  const samples = [
    gauge(
      "reel_ring_held_bytes",
      "Bytes of the ring that a recording still wants, or that are kept for one that begins in the past.",
      ring.heldBytes,
      labels,
    ),
    gauge("reel_ring_capacity_bytes", "Size of the ring.", ring.capacity, labels),
    gauge(
      "reel_in_last_frame_age_seconds",
      "Since the source brought its last frame; since its opening where it has brought none.",
      Math.max(0, nowMs - stream.lastFrameMs) / 1000,
      labels,
    ),
  ];
  const { past } = stream;
  if (past)
    samples.push(
      gauge("reel_past_bytes", "Bytes of memory kept for a recording that begins in the past.", past.keptBytes, labels),
      gauge("reel_past_disk_bytes", "Bytes on the disk kept for it besides.", past.spilledBytes, labels),
      gauge("reel_past_seconds", "Media time that they reach back.", past.keptSeconds, labels),
      gauge("reel_past_wanted_seconds", "Media time that they should reach back.", past.seconds, labels),
    );
  if (!Number.isNaN(stream.randomAccessInterval90k))
    samples.push(
      gauge(
        "reel_in_keyframe_interval_seconds",
        "Media time between the last two random access points of the main video.",
        stream.randomAccessInterval90k / TICKS_PER_SECOND,
        labels,
      ),
    );
  for (const track of stream.tracks) {
    const { frames, bytes, droppedFrames } = stream.statistics[track.number] as TrackStatistics;
    const own = { stream: name, track: String(track.number), kind: track.kind, codec: track.codec ?? "" };
    samples.push(
      counter("reel_in_frames_total", "Frames that the source delivered.", frames, own),
      counter("reel_in_bytes_total", "Bytes of frames that the source delivered.", bytes, own),
      counter("reel_in_dropped_frames_total", "Frames that found no room.", droppedFrames, own),
    );
  }
  if (stream.reception) addReceptionSamples(samples, stream.reception(), name);
  return samples;
}

function addReceptionSamples(samples: Sample[], { transport, media }: PacketReception, stream: string): void {
  for (const [i, medium] of media.entries()) {
    const labels = { stream, medium: String(i), kind: medium.kind, transport };
    samples.push(
      counter("reel_in_rtp_packets_total", "RTP packets that came.", medium.packets, labels),
      counter("reel_in_rtp_lost_packets_total", "RTP packets that did not come.", medium.lostPackets, labels),
      counter(
        "reel_in_rtp_reordered_packets_total",
        "RTP packets that came behind a later one, and in time.",
        medium.reorderedPackets,
        labels,
      ),
      counter("reel_in_rtp_duplicate_packets_total", "RTP packets that came twice.", medium.duplicates, labels),
      counter("reel_in_rtp_late_packets_total", "RTP packets that came too late.", medium.latePackets, labels),
      gauge(
        "reel_in_rtp_jitter_seconds",
        "How unevenly RTP packets arrive, smoothed (RFC 3550 §6.4.1).",
        medium.jitterMs / 1000,
        labels,
      ),
    );
  }
}
