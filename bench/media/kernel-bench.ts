// The muxer kernels alone: a period of a workload goes into a ring, and a kernel takes it out. Nothing is written.

import { FLAG_RANDOM_ACCESS, TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { REC_TAIL_OFFSET } from "../../src/abi/recording.js";
import {
  SEG_CREATED_MS_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_SIZE,
} from "../../src/abi/segment.js";
import { STATUS_OUTPUT_FULL, STATUS_READY, STATUS_RING_EMPTY } from "../../src/abi/status.js";
import { ARENA_BASE, Arena } from "../../src/arena/arena.js";
import { FrameRing } from "../../src/arena/frame-ring.js";
import { compileKernel, instantiateKernel } from "../../src/arena/kernel.js";
import type { ContainerName } from "../../src/container/table.js";
import { RecordingState } from "../../src/recording/lifecycle/recording-state.js";
import type { RecordConfig } from "../../src/recording/record-config.js";
import { storeDecoderConfig } from "../../src/stream/decoder-config.js";
import { type FrameBody, PERIOD_MS } from "../load/workload.js";

const RING_BYTES = 4 << 20;
const OUTPUT_BYTES = 1 << 20;
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;
/** The first rounds compile the code. */
const WARM_UP_ROUNDS = 50;

export interface Timed {
  bytes: number;
  frames: number;
  seconds: number;
}

export interface Payload {
  track: number;
  isRandomAccess: boolean;
  dts90k: number;
  bytes: Buffer;
}

/** Of a message body: what stands behind the header of its tag. */
export function payloadOf({ isVideo, body }: Pick<FrameBody, "isVideo" | "body">): Buffer {
  return body.subarray(isVideo ? AVC_HEADER_BYTES : AAC_HEADER_BYTES);
}

export class KernelBench {
  readonly payloads: readonly Payload[];
  readonly periodBytes: number;
  readonly arena = new Arena();
  readonly ring = new FrameRing(this.arena, RING_BYTES);
  readonly #configs: readonly number[];
  #lap = 0;

  constructor(headers: readonly Pick<FrameBody, "isVideo" | "body">[], frames: readonly FrameBody[]) {
    this.payloads = frames.map((frame) => ({
      track: frame.isVideo ? TRACK_VIDEO : TRACK_AUDIO,
      isRandomAccess: !frame.isVideo || (frame.body[0] as number) >> 4 === 1,
      dts90k: frame.atMs * 90,
      bytes: payloadOf(frame),
    }));
    this.periodBytes = this.payloads.reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.#configs = [TRACK_VIDEO, TRACK_AUDIO].map((track) => {
      const header = headers.find(({ isVideo }) => isVideo === (track === TRACK_VIDEO));
      const codec = track === TRACK_VIDEO ? "h264" : "aac";
      return header ? storeDecoderConfig(this.arena, codec, payloadOf(header)).pointer : 0;
    });
  }

  /** One period of the workload into the ring. */
  fill(hasPayload: boolean): void {
    const { ring, arena } = this;
    for (const { track, isRandomAccess, dts90k, bytes } of this.payloads) {
      const pointer = ring.reserve(bytes.length);
      if (pointer === 0) throw new Error("a period does not fit into the ring");
      if (hasPayload) arena.u8.set(bytes, pointer);
      ring.commit(
        {
          track,
          flags: isRandomAccess ? FLAG_RANDOM_ACCESS : 0,
          dts90k: this.#lap * PERIOD_MS * 90 + dts90k,
          ctsOffset90k: 0,
          config: this.#configs[track] as number,
        },
        bytes.length,
      );
    }
    this.#lap++;
  }

  /** Runs `work`, one period of the workload, for the given time; what `prepare` does is not counted. */
  time(seconds: number, work: () => void, prepare: () => void = () => {}): Timed {
    let spentMs = 0;
    let times = 0;
    for (let round = 0; spentMs < seconds * 1000; round++) {
      prepare();
      const startMs = performance.now();
      work();
      if (round < WARM_UP_ROUNDS) continue;
      spentMs += performance.now() - startMs;
      times++;
    }
    return { bytes: times * this.periodBytes, frames: times * this.payloads.length, seconds: spentMs / 1000 };
  }

  /** A period goes into the ring, untimed; the kernel takes it out, timed. */
  measure(container: ContainerName, seconds: number): Timed {
    const { arena, ring } = this;
    const kernel = instantiateKernel(
      compileKernel(new URL("../../dist/wasm/reel.wasm", import.meta.url)),
      arena.memory,
      ARENA_BASE,
    );
    const state = new RecordingState(arena, ring.pointer, ring.head, {
      type: container,
      waitForIDR: true,
      hasAudio: true,
      chunkLength: 0,
    } as RecordConfig);
    state.setTracks((track) => this.#configs[track], TRACK_VIDEO);
    const segment = arena.allocate(SEG_SIZE);
    arena.view.setFloat64(segment + SEG_CREATED_MS_OFFSET, 0, true);
    const out = arena.allocate(OUTPUT_BYTES);
    const drain = (): void => {
      let status: number;
      do {
        status = kernel.drain(state.pointer, segment, out, OUTPUT_BYTES);
        for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
          arena.u32[(segment + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE + SEG_OUTPUT_BYTES_OFFSET) >>> 2] = 0;
      } while (status === STATUS_OUTPUT_FULL);
      if (status !== STATUS_RING_EMPTY) throw new Error(`the ${container} kernel answered status ${status}`);
      ring.setTail(arena.u32[(state.pointer + REC_TAIL_OFFSET) >>> 2] as number);
    };
    this.fill(true);
    const opened = kernel.openSegment(state.pointer, segment);
    if (opened !== STATUS_READY) throw new Error(`openSegment answered ${opened}`);
    drain();
    return this.time(seconds, drain, () => this.fill(true));
  }
}
