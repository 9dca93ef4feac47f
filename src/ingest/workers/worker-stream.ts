// The half of an in-stream that lives in the thread that reads its source: frames go into the ring here; what needs the
// allocator or a recording is asked of the main thread, and its frames wait for the answer as for room.

import type { ArenaMemory } from "../../arena/arena-memory.js";
import { RingProducer } from "../../arena/ring-producer.js";
import { ReelError } from "../../base/reel-error.js";
import type { CodecName, TrackKind } from "../../media/codec/codec-entry.js";
import { CODECS } from "../../media/codec/table.js";
import type { ColourInfo } from "../../media/codec/video-config.js";
import { sameBytes, sameColourInfo } from "../../stream/decoder-config.js";
import type { Gap } from "../../stream/gap.js";
import type { PacketReception } from "../../stream/packet-reception.js";
import { COUNTERS_SIZE, SharedCounters } from "../../stream/shared-counters.js";
import type { SourceStream } from "../../stream/source-stream.js";
import { StreamCounters } from "../../stream/stream-counters.js";
import { type FrameConfig, type ProducerHost, StreamProducer } from "../../stream/stream-producer.js";
import type { NewTrack } from "../../stream/track.js";
import { Tracks } from "../../stream/tracks.js";
import type { UnrecordedTrack } from "../../stream/unrecorded-track.js";
import type { Clock, Millis, Ticks90k } from "../../time/units.js";
import type { OpenStream, StreamNews } from "./messages.js";

interface WorkerConfig extends FrameConfig {
  readonly codec: CodecName;
  readonly bytes: Uint8Array;
  readonly language: string | undefined;
  readonly colourInfo: ColourInfo | undefined;
  /** 0 until the main thread has stored it. */
  pointer: number;
}

export class WorkerStream implements SourceStream, ProducerHost {
  readonly id: number;
  readonly name: string;
  ended = false;
  reception: (() => PacketReception) | undefined;
  readonly #memory: ArenaMemory;
  readonly #clock: Clock;
  readonly #tell: (news: StreamNews) => void;
  readonly #ring: RingProducer;
  readonly #counters: StreamCounters;
  readonly #shared: SharedCounters;
  readonly #producer: StreamProducer;
  readonly #tracks: Tracks;
  /** In force, by track. */
  readonly #configs: (WorkerConfig | undefined)[] = [];
  /** In the order in which they were told; the answers come in the same. */
  readonly #unanswered: WorkerConfig[] = [];
  #isRoomAsked = false;
  /** The frame that was asked room for never finds any: its size, and why. */
  #refused: { sizeBytes: number; why: string } | undefined;
  #askedBytes = 0;
  #isSettled = false;
  #onRoom: () => void = () => {};

  constructor(open: OpenStream, memory: ArenaMemory, clock: Clock, tell: (news: StreamNews) => void) {
    this.id = open.id;
    this.name = open.name;
    this.#memory = memory;
    this.#clock = clock;
    this.#tell = tell;
    this.#ring = new RingProducer(memory, open.ring);
    this.#ring.open();
    this.#counters = new StreamCounters(clock.monotonicMs());
    memory.cover(open.counters + COUNTERS_SIZE);
    this.#shared = new SharedCounters(memory, open.counters);
    this.#producer = new StreamProducer(this, this.#ring, this.#counters, clock);
    this.#tracks = new Tracks(open.name);
  }

  get nowMs(): Millis {
    return this.#clock.monotonicMs();
  }

  get lastFrameMs(): Millis {
    return this.#counters.lastFrameMs;
  }

  get mainVideo(): number | undefined {
    return this.#tracks.mainVideo;
  }

  kindOf(track: number): TrackKind | undefined {
    return this.#tracks.kindOf(track);
  }

  config(track: number): WorkerConfig | undefined {
    return this.#configs[track];
  }

  /** Repeats are ignored, as the main thread does. Throws ReelError `badConfig`, `badInput`. */
  setDecoderConfig(track: number, codec: CodecName, bytes: Uint8Array): void {
    const entry = this.#tracks.forConfig(track, codec);
    const { language, colourInfo } = entry;
    const current = this.#configs[track];
    if (
      current?.codec === codec &&
      current.language === language &&
      sameColourInfo(current.colourInfo, colourInfo) &&
      sameBytes(current.bytes, bytes)
    )
      return;
    const { kind, randomAccess, parse } = CODECS[codec];
    parse(bytes);
    // No spread: it gives every object a shape of its own, and this one is looked at with every frame.
    const waiting: WorkerConfig = {
      codec,
      kind,
      language,
      colourInfo,
      isEveryFrameRandomAccess: randomAccess === "everyFrame",
      bytes: bytes.slice(),
      pointer: 0,
      isReferredTo: false,
    };
    this.#configs[track] = waiting;
    this.#unanswered.push(waiting);
    this.#tracks.configured(entry, codec);
    this.#tell({ kind: "config", track, codec, bytes: waiting.bytes });
  }

  /** The main thread has stored the oldest configuration that waits. */
  configStored(pointer: number): void {
    const config = this.#unanswered.shift();
    if (config) config.pointer = pointer;
    if (this.#unanswered.length === 0 && !this.#isRoomAsked) this.#onRoom();
  }

  describeTrack(track: number, about: NewTrack): void {
    if (this.ended) return;
    this.#tracks.describe(track, about);
    this.#tell({ kind: "describe", track, about });
  }

  withdrawTrack(track: number): void {
    if (this.ended) return;
    this.#tracks.withdraw(track);
    this.#tell({ kind: "withdraw", track });
  }

  tracksAreNamed(): void {
    this.#tell({ kind: "named" });
  }

  setUnrecorded(tracks: readonly UnrecordedTrack[]): void {
    this.#tell({ kind: "unrecorded", tracks });
  }

  /** As `InStream`'s: 0 where the main thread was asked, for a configuration or for room. */
  reserve(sizeBytes: number, mayGrow = true): number {
    if (this.ended) throw new ReelError("closed", `in-stream ${this.name} has ended`);
    if (this.#unanswered.length > 0 || this.#isRoomAsked) return 0;
    let pointer = this.#ring.reserve(sizeBytes);
    if (pointer !== 0) return pointer;
    this.#ring.loadTail();
    pointer = this.#ring.reserve(sizeBytes);
    if (pointer !== 0 || !mayGrow) return pointer;
    const refused = this.#refused;
    this.#refused = undefined;
    if (refused?.sizeBytes === sizeBytes) throw new ReelError("arenaFull", refused.why, { stream: this.name });
    this.#isRoomAsked = true;
    this.#askedBytes = sizeBytes;
    this.#tell({ kind: "room", sizeBytes });
    return 0;
  }

  /** The answer; the ring may have moved. */
  roomMade(heldMs: Millis, refusal: string | undefined): void {
    this.#isRoomAsked = false;
    this.#refused = refusal === undefined ? undefined : { sizeBytes: this.#askedBytes, why: refusal };
    this.#ring.open();
    if (heldMs > 0) {
      this.#producer.goOn(heldMs);
      this.#shared.begin();
      this.#shared.end(this.#counters, this.#ring.head, 0);
    }
    if (this.#unanswered.length === 0) this.#onRoom();
  }

  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }

  abandon(): void {
    this.#ring.abandon();
  }

  commit(
    track: number,
    sizeBytes: number,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading = 0,
  ): void {
    this.#shared.begin();
    try {
      this.#producer.commit(track, sizeBytes, wireDts90k, ctsOffset90k, isRandomAccess, leading);
    } finally {
      this.#shared.end(this.#counters, this.#ring.head, track);
    }
    if (this.#isSettled || !this.#producer.isOld) return;
    this.#isSettled = true;
    this.#tell({ kind: "settle" });
  }

  writeFrameOrDrop(
    track: number,
    payload: Uint8Array,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading = 0,
  ): boolean {
    const pointer = this.#producer.mayTake(track, isRandomAccess) ? this.reserve(payload.byteLength) : 0;
    if (pointer === 0) {
      this.#producer.dropped(track, payload.byteLength);
      return false;
    }
    this.#memory.u8.set(payload, pointer);
    this.commit(track, payload.byteLength, wireDts90k, ctsOffset90k, isRandomAccess, leading);
    this.#producer.gaps.taken(track);
    return true;
  }

  reportSourceLoss(gap: { track: number | null; frames: number; bytes: number; durationMs: number }): void {
    this.#producer.sourceLoss(gap);
  }

  reportClock(cause: "clockOffset" | "stuckClock", track: number, duration90k: Ticks90k): void {
    this.#producer.gaps.clock(cause, track, duration90k);
  }

  gap(gap: Gap): void {
    this.#tell({ kind: "gap", gap });
  }

  /** Its end is the main thread's; why, it knows. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#ring.abandon();
    this.#producer.gaps.end();
  }
}
