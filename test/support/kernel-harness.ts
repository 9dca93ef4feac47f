// Drives the muxer kernels without a server: an arena, a ring, a recording's and its segments' state blocks, and a loop
// that does what the drain worker does. Frames in, files out. Knows the ABI (src/abi/) and nothing of any container.
//
//   const run = new KernelRun({ container: "ts", build });
//   const video = run.addConfig("h264", avcC);
//   run.push({ track: TRACK_VIDEO, config: video, … });      once per frame; drains by itself where the ring is full
//   run.drainAll();                                           as often and whenever the test wants
//   const segments = run.finish();                            stop here; every segment's files and counters
//
// The output buffer is followed by guard bytes that are checked after every call: a kernel that writes past its
// capacity fails the test at once.

import { CONFIG_KIND_OFFSET, KIND_AUDIO } from "../../src/abi/decoder-config.js";
import {
  FLAG_DISCONTINUITY,
  FLAG_RANDOM_ACCESS,
  FLAG_TRACK_START,
  TRACK_AUDIO,
  TRACK_VIDEO,
} from "../../src/abi/frame.js";
import {
  REC_CHUNK_LENGTH_OFFSET,
  REC_CONFIG_OFFSET,
  REC_CONTAINER_OFFSET,
  REC_FLAG_HAS_AUDIO,
  REC_FLAG_HAS_VIDEO_TRACK,
  REC_FLAG_SKIP_TO_RANDOM_ACCESS,
  REC_FLAG_WAIT_FOR_IDR,
  REC_FLAGS_OFFSET,
  REC_MAIN_VIDEO_OFFSET,
  REC_RING_OFFSET,
  REC_SIZE,
  REC_SKIPPED_BYTES_OFFSET,
  REC_SKIPPED_FRAMES_OFFSET,
  REC_SKIPPED_FROM_OFFSET,
  REC_SKIPPED_TO_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_TAIL_OFFSET,
  STOP_AT_INDEX,
  STOP_NONE,
} from "../../src/abi/recording.js";
import {
  SEG_CLAMPED_OFFSET,
  SEG_CONFIG_OFFSET,
  SEG_CREATED_MS_OFFSET,
  SEG_LEFT_OUT_BYTES_OFFSET,
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_NEEDED_OUTPUT_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_POINTER_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_SIZE,
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_RANDOM_ACCESS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
  SEG_ZERO_OFFSET,
} from "../../src/abi/segment.js";
import {
  STATUS_BAD_FRAME,
  STATUS_NEED_OUTPUT,
  STATUS_NOT_READY,
  STATUS_OUTPUT_FULL,
  STATUS_READY,
  STATUS_RING_EMPTY,
  STATUS_STOPPED,
} from "../../src/abi/status.js";
import { ARENA_BASE, Arena } from "../../src/arena/arena.js";
import { FrameRing } from "../../src/arena/frame-ring.js";
import { compileKernel, instantiateKernel, type Kernel } from "../../src/arena/kernel.js";
import { carries } from "../../src/container/carries.js";
import { CONTAINERS, type ContainerName } from "../../src/container/table.js";
import type { CodecName } from "../../src/media/codec/codec-entry.js";
import { CODECS } from "../../src/media/codec/table.js";
import { storeDecoderConfig } from "../../src/stream/decoder-config.js";

export const BUILDS = ["debug", "release"] as const;
export type Build = (typeof BUILDS)[number];

const MODULE_FILES = { debug: "test.debug.wasm", release: "test.wasm" } as const satisfies Record<Build, string>;
const modules = new Map<Build, WebAssembly.Module>();

/** The test module of a build, compiled once per test file. */
export function testModule(build: Build): WebAssembly.Module {
  let module = modules.get(build);
  if (!module) {
    module = compileKernel(new URL(`../../dist/wasm/${MODULE_FILES[build]}`, import.meta.url));
    modules.set(build, module);
  }
  return module;
}

/** One frame to record. `config` is what `addConfig` returned. */
export interface TestFrame {
  track: number;
  config: number;
  dts90k: number;
  ctsOffset90k?: number;
  isRandomAccess?: boolean;
  isDiscontinuity?: boolean;
  isTrackStart?: boolean;
  /** FLAG_LEADING, FLAG_SKIPPED_LEADING. */
  leading?: number;
  payload: Uint8Array;
}

export interface KernelRunOptions {
  container: ContainerName;
  build: Build;
  ringBytes?: number;
  /** Capacity of the output buffer of each kernel call; a frame that needs more gets more. */
  capacityBytes?: number | (() => number);
  chunkLength90k?: number;
  waitForIdr?: boolean;
  hasAudio?: boolean;
  /** Whether the in-stream has, or is expected to have, video. */
  hasVideo?: boolean;
  /** MP4: where the media begins in output 0, as the journal's opening sets it. */
  mediaPosition?: number;
  /** Written into every segment's state (creation_time). */
  createdMs?: number;
  /** Another run's arena, to interleave two instances on one memory. */
  arena?: Arena;
}

export interface TrackCounters {
  frames: number;
  randomAccess: number;
  bytes: number;
  firstDts90k: number;
  lastDts90k: number;
}

/** What one segment left behind. */
export interface RecordedSegment {
  /** Content of each output: [0] the media file, [1] and [2] MP4's sample records. */
  files: Buffer[];
  /** STATUS_* that ended it. */
  endedBy: number;
  zero90k: number;
  clamped: number;
  /** Frames that no file could hold, per track, and their payload. */
  leftOut: { frames: number[]; bytes: number };
  tracks: TrackCounters[];
  /** Decoder configuration pointers at the end, 0 = no such track. */
  configs: number[];
  /** State block; still allocated, so that a test (or MP4's finish) can look at it. */
  pointer: number;
}

const GUARD_BYTES = 256;
const GUARD = 0xa5;

/** A file that is written at positions, in memory. */
class MemoryFile {
  #bytes = Buffer.alloc(0);
  #size = 0;

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.byteLength;
    if (end > this.#bytes.byteLength) {
      const grown = Buffer.alloc(Math.max(end, this.#bytes.byteLength * 2));
      this.#bytes.copy(grown);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, position);
    this.#size = Math.max(this.#size, end);
  }

  get content(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }
}

interface OpenSegment {
  pointer: number;
  files: MemoryFile[];
}

/** One recording of one stream. */
export class KernelRun<K extends Kernel = Kernel> {
  readonly arena: Arena;
  readonly ring: FrameRing;
  readonly kernel: K;
  readonly recording: number;
  readonly segments: RecordedSegment[] = [];
  /** Kernel calls that wrote something, and the most bytes one wrote. */
  readonly calls = { drains: 0, largestBytes: 0 };
  stopped = false;
  /** Tracks that the run's segments are told of: video and audio, and those behind them. */
  #trackCount = 2;
  #options: KernelRunOptions;
  #segment: OpenSegment | undefined;
  #candidate = 0;

  constructor(options: KernelRunOptions) {
    this.#options = options;
    this.arena = options.arena ?? new Arena();
    this.kernel = instantiateKernel<K>(testModule(options.build), this.arena.memory, ARENA_BASE);
    this.ring = new FrameRing(this.arena, options.ringBytes ?? 1 << 20);
    this.recording = this.arena.allocate(REC_SIZE);
    this.#setU32(REC_RING_OFFSET, this.ring.pointer);
    this.#setU32(REC_CONTAINER_OFFSET, CONTAINERS[options.container].number);
    this.arena.setI64(this.recording + REC_CHUNK_LENGTH_OFFSET, options.chunkLength90k ?? 0);
    this.arena.setI64(this.recording + REC_SKIPPED_FROM_OFFSET, -1);
    let flags = 0;
    if (options.waitForIdr ?? true) flags |= REC_FLAG_WAIT_FOR_IDR;
    if (options.hasAudio ?? true) flags |= REC_FLAG_HAS_AUDIO;
    if (options.hasVideo ?? true) flags |= REC_FLAG_HAS_VIDEO_TRACK;
    this.#setU32(REC_FLAGS_OFFSET, flags);
  }

  /**
   * Stores a decoder configuration. With `settled` the recording knows the track before its first frame, as of a
   * settled stream.
   */
  addConfig(
    codec: CodecName,
    bytes: Uint8Array,
    settled = true,
    {
      track = CODECS[codec].kind === "video" ? TRACK_VIDEO : TRACK_AUDIO,
      language = undefined as string | undefined,
    } = {},
  ): number {
    const { pointer } = storeDecoderConfig(this.arena, codec, bytes, { language });
    this.#trackCount = Math.max(this.#trackCount, track + 1);
    if (settled && CODECS[codec].kind === "video" && carries(this.#options.container, codec)) {
      const main = this.arena.view.getUint32(this.recording + REC_MAIN_VIDEO_OFFSET, true);
      if (main === 0 || track + 1 < main) this.#setU32(REC_MAIN_VIDEO_OFFSET, track + 1);
    }
    if (settled && this.arena.view.getUint32(this.recording + REC_CONFIG_OFFSET + 4 * track, true) === 0) {
      this.#setU32(REC_CONFIG_OFFSET + 4 * track, pointer);
    }
    return pointer;
  }

  /** Several recordings of one stream: this one reads another run's ring, of the same arena. */
  readRingOf(other: KernelRun): void {
    this.#setU32(REC_RING_OFFSET, other.ring.pointer);
  }

  /** Decoder configurations of the settled tracks that another run has stored. */
  setConfigs(video: number, audio: number): void {
    this.#setU32(REC_CONFIG_OFFSET + 4 * TRACK_VIDEO, video);
    this.#setU32(REC_CONFIG_OFFSET + 4 * TRACK_AUDIO, audio);
  }

  /** Puts a frame into the ring, draining first where there is no room. Returns its ring index. */
  push(frame: TestFrame): number {
    let pointer = this.ring.reserve(frame.payload.byteLength);
    if (pointer === 0) {
      this.drainAll();
      pointer = this.ring.reserve(frame.payload.byteLength);
      if (pointer === 0) throw new Error(`a frame of ${frame.payload.byteLength} bytes does not fit into the ring`);
    }
    this.arena.u8.set(frame.payload, pointer);
    const flags =
      (frame.isRandomAccess || this.#isAudio(frame.config) ? FLAG_RANDOM_ACCESS : 0) |
      (frame.isDiscontinuity ? FLAG_DISCONTINUITY : 0) |
      (frame.isTrackStart ? FLAG_TRACK_START : 0) |
      (frame.leading ?? 0);
    const { track, dts90k, config } = frame;
    return this.ring.commit(
      { track, flags, dts90k, ctsOffset90k: frame.ctsOffset90k ?? 0, config },
      frame.payload.byteLength,
    );
  }

  /** Opens, drains, cuts and closes until the ring has nothing more for this recording. */
  drainAll(): void {
    while (this.drainOnce());
  }

  /** One kernel call and what follows from it. False where there is nothing more to do now. */
  drainOnce(): boolean {
    if (this.stopped) return false;
    const isOpen = this.#segment !== undefined;
    this.#segment ??= this.#open();
    if (!this.#segment) return false;
    if (!isOpen) return true;
    const status = this.#drain(this.#segment, this.#capacity());
    this.ring.setTail(this.tail);
    if (status === STATUS_OUTPUT_FULL || status === STATUS_NEED_OUTPUT) return true;
    if (status === STATUS_RING_EMPTY) return false;
    this.#close(status);
    if (status === STATUS_BAD_FRAME || status === STATUS_STOPPED) this.stopped = true;
    return !this.stopped;
  }

  /** Sets a stop, as the main thread does. */
  stop(mode: number = STOP_AT_INDEX, index: number = this.ring.head): void {
    this.#setU32(REC_STOP_INDEX_OFFSET, index);
    this.#setU32(REC_STOP_MODE_OFFSET, mode);
  }

  /** Stops at the head, drains the rest and returns all segments. */
  finish(): RecordedSegment[] {
    if (this.arena.view.getUint32(this.recording + REC_STOP_MODE_OFFSET, true) === STOP_NONE) this.stop();
    this.drainAll();
    if (this.#segment) this.#close(STATUS_RING_EMPTY);
    return this.segments;
  }

  /** Moves the cursor as the main thread does with a slow consumer. */
  jump(index: number, skipToRandomAccess: boolean): void {
    this.#setU32(REC_TAIL_OFFSET, index);
    if (skipToRandomAccess) {
      this.#setU32(
        REC_FLAGS_OFFSET,
        this.arena.view.getUint32(this.recording + REC_FLAGS_OFFSET, true) | REC_FLAG_SKIP_TO_RANDOM_ACCESS,
      );
    }
  }

  get tail(): number {
    return this.arena.view.getUint32(this.recording + REC_TAIL_OFFSET, true);
  }

  get skipped(): { frames: number[]; bytes: number; from90k: number; to90k: number } {
    const { view } = this.arena;
    return {
      frames: Array.from({ length: this.#trackCount }, (_, track) =>
        view.getUint32(this.recording + REC_SKIPPED_FRAMES_OFFSET + 4 * track, true),
      ),
      bytes: this.arena.i64(this.recording + REC_SKIPPED_BYTES_OFFSET),
      from90k: this.arena.i64(this.recording + REC_SKIPPED_FROM_OFFSET),
      to90k: this.arena.i64(this.recording + REC_SKIPPED_TO_OFFSET),
    };
  }

  #isAudio(config: number): boolean {
    return config !== 0 && this.arena.view.getUint32(config + CONFIG_KIND_OFFSET, true) === KIND_AUDIO;
  }

  #setU32(offset: number, value: number): void {
    this.arena.view.setUint32(this.recording + offset, value, true);
  }

  #capacity(): number {
    const { capacityBytes } = this.#options;
    return typeof capacityBytes === "function" ? capacityBytes() : (capacityBytes ?? 256 * 1024);
  }

  #open(): OpenSegment | undefined {
    // A block that was not opened is used again: openSegment left nothing in it but what it will write again.
    const pointer = this.#candidate || this.arena.allocate(SEG_SIZE);
    this.#candidate = pointer;
    this.arena.view.setFloat64(pointer + SEG_CREATED_MS_OFFSET, this.#options.createdMs ?? 0, true);
    const status = this.kernel.openSegment(this.recording, pointer);
    this.ring.setTail(this.tail);
    if (status === STATUS_READY) {
      this.#candidate = 0;
      this.arena.setI64(pointer + SEG_OUTPUTS_OFFSET + SEG_OUTPUT_POSITION_OFFSET, this.#options.mediaPosition ?? 0);
      return { pointer, files: Array.from({ length: SEG_OUTPUT_COUNT }, () => new MemoryFile()) };
    }
    if (status === STATUS_STOPPED) this.stopped = true;
    else if (status !== STATUS_NOT_READY) throw new Error(`openSegment answered ${status}`);
    return undefined;
  }

  #drain(segment: OpenSegment, capacity: number): number {
    const status = this.#withOutput(segment, capacity, (out) =>
      this.kernel.drain(this.recording, segment.pointer, out, capacity),
    );
    this.calls.drains++;
    if (status !== STATUS_NEED_OUTPUT) return status;
    const needed = this.arena.view.getUint32(segment.pointer + SEG_NEEDED_OUTPUT_OFFSET, true);
    if (needed <= capacity) throw new Error(`a frame is said to need ${needed} bytes of output, which it had`);
    const again = this.#withOutput(segment, needed, (out) =>
      this.kernel.drain(this.recording, segment.pointer, out, needed),
    );
    if (again === STATUS_NEED_OUTPUT) throw new Error("a frame did not fit into the output it asked for");
    return again;
  }

  #close(status: number): void {
    const segment = this.#segment;
    if (!segment) return;
    this.#segment = undefined;
    const container = CONTAINERS[this.#options.container].number;
    const bound = this.kernel.closeBound(container);
    if (bound > 0)
      this.#withOutput(segment, bound, (out) => this.kernel.closeSegment(container, segment.pointer, out, bound));
    const { view } = this.arena;
    const { pointer } = segment;
    this.segments.push({
      files: segment.files.map((file) => file.content),
      endedBy: status,
      zero90k: this.arena.i64(pointer + SEG_ZERO_OFFSET),
      clamped: view.getUint32(pointer + SEG_CLAMPED_OFFSET, true),
      leftOut: {
        frames: Array.from({ length: this.#trackCount }, (_, track) =>
          view.getUint32(pointer + SEG_LEFT_OUT_FRAMES_OFFSET + 4 * track, true),
        ),
        bytes: this.arena.i64(pointer + SEG_LEFT_OUT_BYTES_OFFSET),
      },
      configs: Array.from({ length: this.#trackCount }, (_, track) =>
        view.getUint32(pointer + SEG_CONFIG_OFFSET + 4 * track, true),
      ),
      tracks: Array.from({ length: this.#trackCount }, (_, track) => {
        const at = pointer + SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE;
        return {
          frames: view.getUint32(at + SEG_TRACK_FRAMES_OFFSET, true),
          randomAccess: view.getUint32(at + SEG_TRACK_RANDOM_ACCESS_OFFSET, true),
          bytes: this.arena.i64(at + SEG_TRACK_BYTES_OFFSET),
          firstDts90k: this.arena.i64(at + SEG_TRACK_FIRST_DTS_OFFSET),
          lastDts90k: this.arena.i64(at + SEG_TRACK_LAST_DTS_OFFSET),
        };
      }),
      pointer,
    });
  }

  /** Gives a kernel call an output buffer between guards, then writes its outputs to the files. */
  #withOutput<T>(segment: OpenSegment, capacity: number, call: (out: number) => T): T {
    const block = this.arena.allocate(GUARD_BYTES + capacity + GUARD_BYTES);
    const out = block + GUARD_BYTES;
    this.arena.u8.fill(GUARD, block, out);
    this.arena.u8.fill(GUARD, out + capacity, out + capacity + GUARD_BYTES);
    const result = call(out);
    for (let i = 0; i < GUARD_BYTES; i++) {
      if (this.arena.u8[block + i] !== GUARD)
        throw new Error(`the kernel wrote ${GUARD_BYTES - i} bytes before its output buffer`);
      if (this.arena.u8[out + capacity + i] !== GUARD)
        throw new Error(`the kernel wrote past its output buffer of ${capacity} bytes (byte ${i})`);
    }
    this.#writeOutputs(segment, out, capacity);
    this.arena.free(block);
    return result;
  }

  #writeOutputs(segment: OpenSegment, out: number, capacity: number): void {
    const { view } = this.arena;
    for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
      const at = segment.pointer + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE;
      const bytes = view.getUint32(at + SEG_OUTPUT_BYTES_OFFSET, true);
      if (bytes === 0) continue;
      const pointer = view.getUint32(at + SEG_OUTPUT_POINTER_OFFSET, true);
      if (pointer < out || pointer + bytes > out + capacity)
        throw new Error(`output ${output} lies outside of the output buffer`);
      const position = this.arena.i64(at + SEG_OUTPUT_POSITION_OFFSET);
      segment.files[output]?.write(position, this.arena.u8.slice(pointer, pointer + bytes));
      this.arena.setI64(at + SEG_OUTPUT_POSITION_OFFSET, position + bytes);
      view.setUint32(at + SEG_OUTPUT_BYTES_OFFSET, 0, true);
      this.calls.largestBytes = Math.max(this.calls.largestBytes, bytes);
    }
  }
}
