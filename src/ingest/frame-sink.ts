// Puts frames into an in-stream: what every ingest does behind its parser. Access units go from the assembler's scratch
// into the ring by memory.copy, lengths in place of start codes; `frame` takes one that is in one piece; a parser that
// writes into the ring by itself (RTMP) reserves there and comes to `commit`.
//
//   a source that can wait:   full ring ─▶ backlog, `pause` ─▶ room ─▶ backlog into the ring ─▶ `resume`
//   a source that cannot:     full ring ─▶ the in-stream drops up to the next random access point
//
// In front of both the clocks of the tracks are judged (clock-gate.ts): nearly every frame passes with one comparison.
// The backlog holds no more than what was demuxed from the bytes read before the pause.

import type { ArenaMemory } from "../arena/arena-memory.js";
import { ReelError } from "../base/reel-error.js";
import type { CodecName } from "../media/codec/codec-entry.js";
import { isNameless } from "../media/codec/foreign-codecs.js";
import type { PacketReception } from "../stream/packet-reception.js";
import { RandomAccessRule } from "../stream/random-access-rule.js";
import type { SourceStream } from "../stream/source-stream.js";
import type { NewTrack } from "../stream/track.js";
import type { UnrecordedTrack } from "../stream/unrecorded-track.js";
import type { Ticks90k } from "../time/units.js";
import { AccessUnitBytes } from "./access-unit-bytes.js";
import { ClockGate } from "./clock-gate.js";
import { LossRuns } from "./loss-runs.js";
import type { AccessUnit, AccessUnitSink, Loss } from "./mpegts/access-unit.js";
import type { Held, Waiting } from "./waiting.js";

/** How a source is made to wait. */
export interface Flow {
  pause(): void;
  resume(): void;
}

export interface FrameSinkOptions<S extends SourceStream> {
  arena: ArenaMemory;
  /**
   * Opens the in-stream when the first decoder configuration arrives. May throw; the error reaches the caller of the
   * demuxer.
   */
  open(): S;
  /** Asked for every frame: undefined where the source cannot wait, then frames are dropped where the ring is full. */
  flow(): Flow | undefined;
}

export class FrameSink<S extends SourceStream = SourceStream> implements AccessUnitSink {
  #options: FrameSinkOptions<S>;
  #stream: S | undefined;
  #waiting: Waiting[] = [];
  readonly randomAccess = new RandomAccessRule();
  /** All that came. */
  accessUnits = 0;
  /** Frames that can never fit into the ring. */
  oversizeFrames = 0;
  /** Where what is odd about the source is said. */
  note: ((text: string) => void) | undefined;
  #unrecorded: readonly UnrecordedTrack[] = [];
  /** By number, of a stream that is still to be opened. */
  readonly #described = new Map<number, NewTrack>();
  readonly #bytes: AccessUnitBytes;
  /** By track: frames that were given up since the last good one. */
  readonly #losses = new LossRuns((loss) => {
    if (this.#stream && !this.#stream.ended) this.#stream.reportSourceLoss(loss);
  });
  /** Set where the in-stream ends once the backlog is empty, and where it was not yet there to be ended. */
  #endReason: string | undefined;
  /** The tracks have one clock, as in MPEG-TS: they are never moved against each other. */
  isClockShared = false;
  /** The source describes every track that it has. */
  areTracksNamed = false;
  /** Set before the in-stream opens. */
  reception: (() => PacketReception) | undefined;
  #gate: ClockGate | undefined;

  constructor(options: FrameSinkOptions<S>) {
    this.#options = options;
    this.#bytes = new AccessUnitBytes(options.arena);
  }

  get stream(): S | undefined {
    return this.#stream;
  }

  /**
   * The in-stream, opened where it is not yet. Undefined where the sink was ended before; throws what `open` throws.
   */
  openStream(): S | undefined {
    if (this.#stream || this.#endReason !== undefined) return this.#stream;
    const stream = this.#options.open();
    this.#stream = stream;
    stream.reception = this.reception;
    this.#gate = new ClockGate(
      {
        pass: (waiting) => this.#pass(stream, waiting),
        found: ({ cause, track, duration90k }) => stream.reportClock(cause, track, duration90k),
      },
      this.isClockShared,
    );
    for (const [track, about] of this.#described) stream.describeTrack(track, about);
    if (this.areTracksNamed) stream.tracksAreNamed();
    stream.setUnrecorded(this.#unrecorded);
    stream.onRoom(() => this.#onRoom());
    // A listener of the new in-stream may have ended its source.
    if (this.#endReason !== undefined) stream.end(this.#endReason);
    return stream;
  }

  decoderConfig(track: number, codec: CodecName, bytes: Uint8Array): boolean {
    const stream = this.openStream();
    if (!stream || stream.ended) return false;
    const waiting: Waiting = { kind: "config", track, codec, bytes };
    if (this.#gate?.holdBehind(track, waiting, stream.nowMs)) return true;
    if (this.#waiting.length > 0) {
      this.#waiting.push(waiting);
      return true;
    }
    return this.#setConfig(track, codec, bytes);
  }

  /** A track whose configuration is still to come; the stream waits for it before it settles. */
  describeTrack(track: number, about: NewTrack): void {
    if (this.#stream) this.#stream.describeTrack(track, about);
    else this.#described.set(track, about);
  }

  withdrawTrack(track: number): void {
    this.#described.delete(track);
    this.#stream?.withdrawTrack(track);
  }

  /**
   * A source of which nothing is recorded has its in-stream all the same: that it comes, and what it is, can be seen.
   * One of data alone has none, but where the data may be pictures.
   */
  setUnrecorded(tracks: readonly UnrecordedTrack[], isAll: boolean): void {
    this.#unrecorded = tracks;
    if (isAll && tracks.some(({ kind, codec }) => kind !== null || isNameless(codec))) this.openStream();
    this.#stream?.setUnrecorded(tracks);
  }

  /** Frames wait for room in the ring; what comes now must wait behind them. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  accessUnit(au: AccessUnit): void {
    this.accessUnits++;
    const stream = this.#stream;
    const gate = this.#gate;
    if (!stream || !gate || stream.ended) return;
    const { track, ctsOffset90k, isRandomAccess, leading } = au;
    const dts90k = gate.steady(track, au.dts90k, stream.lastFrameMs);
    if (Number.isNaN(dts90k)) {
      const payload = this.#bytes.ownCopy(au);
      gate.take({ track, payload, dts90k: au.dts90k, ctsOffset90k, isRandomAccess, leading }, stream.nowMs);
      return;
    }
    const flow = this.#options.flow();
    if (!flow) {
      this.#writeOrDrop(stream, au, dts90k);
      return;
    }
    if (this.#waiting.length === 0 && this.#write(stream, au, dts90k)) return;
    const payload = this.#bytes.ownCopy(au);
    this.#hold({ track, payload, dts90k, ctsOffset90k, isRandomAccess, leading }, flow);
  }

  /** A frame in one piece; the memory is the caller's again when this returns. */
  frame(frame: Held): void {
    this.accessUnits++;
    const stream = this.#stream;
    const gate = this.#gate;
    if (!stream || !gate || stream.ended) return;
    const dts90k = gate.steady(frame.track, frame.dts90k, stream.lastFrameMs);
    if (Number.isNaN(dts90k)) gate.take({ ...frame, payload: frame.payload.slice() }, stream.nowMs);
    else if (this.#waiting.length > 0 || !this.#writeHeld(stream, frame, dts90k))
      this.#hold({ ...frame, payload: frame.payload.slice(), dts90k }, this.#options.flow());
  }

  /** A frame that its parser has put into the room it had reserved in the in-stream, at `pointer`. */
  commit(
    track: number,
    pointer: number,
    sizeBytes: number,
    wire90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading: number,
  ): void {
    this.accessUnits++;
    const stream = this.#stream;
    const gate = this.#gate;
    if (!stream || !gate) return;
    const dts90k = gate.steady(track, wire90k, stream.lastFrameMs);
    if (!Number.isNaN(dts90k)) {
      // A configuration that was refused while frames were held: its own have none to be written with.
      if (!stream.config(track)) stream.abandon();
      else this.#commit(stream, track, sizeBytes, dts90k, ctsOffset90k, isRandomAccess, leading);
      return;
    }
    const payload = this.#options.arena.u8.slice(pointer, pointer + sizeBytes);
    stream.abandon();
    gate.take({ track, payload, dts90k: wire90k, ctsOffset90k, isRandomAccess, leading }, stream.nowMs);
  }

  /** A frame that cannot be used. A run of them is one loss, which is told with the next good frame of the track. */
  lose(track: number, bytes: number, dts90k: Ticks90k): void {
    this.#losses.lost(track, bytes, dts90k + (this.#gate?.shift90k(track) ?? 0));
  }

  /** The source is over: the runs of losses that no good frame has ended. */
  tellLosses(): void {
    this.#losses.endAll();
  }

  loss(loss: Loss): void {
    if (this.#waiting.length > 0) this.#waiting.push({ kind: "loss", loss });
    else if (this.#stream && !this.#stream.ended) this.#stream.reportSourceLoss(loss);
  }

  /** Ends the in-stream, when what waits for room is in the ring. */
  end(reason: string, atOnce: boolean): void {
    if (this.#stream && !this.#stream.ended) this.#gate?.end(this.#stream.nowMs);
    this.#endReason = reason;
    if (this.#waiting.length > 0 && !atOnce) return;
    const stream = this.#stream;
    if (!stream || stream.ended) return;
    const frames = this.#waiting.flatMap((entry) => (entry.kind === "frame" ? [entry.frame] : []));
    const bytes = frames.reduce((sum, frame) => sum + frame.payload.byteLength, 0);
    this.#waiting = [];
    this.tellLosses();
    if (frames.length > 0) stream.reportSourceLoss({ track: null, frames: frames.length, bytes, durationMs: 0 });
    stream.end(reason);
  }

  #setConfig(track: number, codec: CodecName, bytes: Uint8Array): boolean {
    try {
      this.#stream?.setDecoderConfig(track, codec, bytes);
      return true;
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      this.note?.(error.message);
      return false;
    }
  }

  /** What the gate lets through. */
  #pass(stream: SourceStream, waiting: Waiting): void {
    if (stream.ended) return;
    const flow = this.#options.flow();
    if (waiting.kind === "loss") this.loss(waiting.loss);
    else if (waiting.kind === "config") {
      if (this.#waiting.length > 0) this.#waiting.push(waiting);
      else this.#setConfig(waiting.track, waiting.codec, waiting.bytes);
    } else if (!flow && this.#waiting.length === 0) this.#writeHeldOrDrop(stream, waiting.frame);
    else if (this.#waiting.length > 0 || !this.#writeHeld(stream, waiting.frame, waiting.frame.dts90k))
      this.#hold(waiting.frame, flow);
  }

  #hold(frame: Held, flow: Flow | undefined): void {
    this.#waiting.push({ kind: "frame", frame });
    if (this.#waiting.length === 1) flow?.pause();
  }

  #commit(
    stream: SourceStream,
    track: number,
    sizeBytes: number,
    dts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading: number,
  ): void {
    if (this.#losses.isRunning) this.#losses.end(track, dts90k);
    stream.commit(track, sizeBytes, dts90k, ctsOffset90k, isRandomAccess, leading);
  }

  /** False where the source must wait. A frame larger than the ring can become is given up. */
  #write(stream: SourceStream, au: AccessUnit, dts90k: Ticks90k): boolean {
    const pointer = this.#reserve(stream, au.track, au.sizeBytes, dts90k);
    if (pointer === 0) return false;
    if (pointer < 0) return true;
    this.#bytes.copyTo(au, pointer);
    this.#commit(stream, au.track, au.sizeBytes, dts90k, au.ctsOffset90k, au.isRandomAccess, au.leading);
    return true;
  }

  #writeOrDrop(stream: SourceStream, au: AccessUnit, dts90k: Ticks90k): void {
    const { track, ctsOffset90k, isRandomAccess, leading } = au;
    const payload = this.#bytes.briefCopy(au);
    this.#writeHeldOrDrop(stream, { track, payload, dts90k, ctsOffset90k, isRandomAccess, leading });
  }

  #writeHeldOrDrop(stream: SourceStream, frame: Held): void {
    const { track, payload, dts90k, ctsOffset90k, isRandomAccess, leading } = frame;
    if (this.#losses.isRunning) this.#losses.end(track, dts90k);
    // A configuration that was refused while its frames were held: they have none to be written with.
    if (!stream.config(track)) return;
    try {
      stream.writeFrameOrDrop(track, payload, dts90k, ctsOffset90k, isRandomAccess, leading);
    } catch (error) {
      this.#giveUp(error, track, payload.byteLength, dts90k);
    }
  }

  /** 0 where the source must wait, -1 where the frame was given up. */
  #reserve(stream: SourceStream, track: number, sizeBytes: number, dts90k: Ticks90k): number {
    try {
      return stream.reserve(sizeBytes);
    } catch (error) {
      this.#giveUp(error, track, sizeBytes, dts90k);
      return -1;
    }
  }

  /** A frame that is larger than the ring may become is a loss; every other error is not ours. */
  #giveUp(error: unknown, track: number, sizeBytes: number, dts90k: Ticks90k): void {
    if (!(error instanceof ReelError) || error.code !== "arenaFull") throw error;
    this.oversizeFrames++;
    this.note?.(error.message);
    this.lose(track, sizeBytes, dts90k);
  }

  #onRoom(): void {
    const stream = this.#stream;
    if (!stream || stream.ended || this.#waiting.length === 0) return;
    let done = 0;
    for (const entry of this.#waiting) {
      if (entry.kind === "config") this.#setConfig(entry.track, entry.codec, entry.bytes);
      else if (entry.kind === "loss") stream.reportSourceLoss(entry.loss);
      else if (!this.#writeHeld(stream, entry.frame, entry.frame.dts90k)) break;
      done++;
    }
    this.#waiting.splice(0, done);
    if (this.#waiting.length > 0) return;
    if (this.#endReason !== undefined) stream.end(this.#endReason);
    else this.#options.flow()?.resume();
  }

  #writeHeld(stream: SourceStream, frame: Held, dts90k: Ticks90k): boolean {
    // A configuration that was refused while its frames waited: they have none to be written with.
    if (!stream.config(frame.track)) return true;
    const { track, payload, ctsOffset90k, isRandomAccess, leading } = frame;
    const pointer = this.#reserve(stream, track, payload.byteLength, dts90k);
    if (pointer === 0) return false;
    if (pointer < 0) return true;
    this.#options.arena.u8.set(payload, pointer);
    this.#commit(stream, track, payload.byteLength, dts90k, ctsOffset90k, isRandomAccess, leading);
    return true;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
