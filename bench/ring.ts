// npm run bench:ring -- --seconds 1
//
// The parts between a socket and write(2), each alone on one thread: putting frames into a ring, and taking them out by
// each muxer kernel (nothing is written). Beside them the floor: the same bytes copied between two places of ordinary
// and of shared memory. V8 copies into shared memory byte by byte unless source and target lie alike modulo the word,
// which is what the two shared rows show.

import { parseArgs } from "node:util";
import { FLAG_RANDOM_ACCESS, TRACK_AUDIO, TRACK_VIDEO } from "../src/abi/frame.js";
import { REC_TAIL_OFFSET } from "../src/abi/recording.js";
import {
  SEG_CREATED_MS_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_SIZE,
} from "../src/abi/segment.js";
import { STATUS_OUTPUT_FULL, STATUS_READY, STATUS_RING_EMPTY } from "../src/abi/status.js";
import { ARENA_BASE, Arena } from "../src/arena/arena.js";
import { FrameRing } from "../src/arena/frame-ring.js";
import { compileKernel, instantiateKernel } from "../src/arena/kernel.js";
import type { ContainerName } from "../src/container/table.js";
import { RecordingState } from "../src/recording/lifecycle/recording-state.js";
import type { RecordConfig } from "../src/recording/record-config.js";
import { storeDecoderConfig } from "../src/stream/decoder-config.js";
import { loadFrames, PERIOD_MS, WORKLOADS } from "./load/workload.js";
import { environment, formatTable, type Row, significant, writeResult } from "./measure/report.js";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "1" }, workload: { type: "string", default: "720p30" } },
});
const workload = WORKLOADS[values.workload];
if (!workload) throw new Error(`no workload ${values.workload}; there are ${Object.keys(WORKLOADS).join(", ")}`);

const RING_BYTES = 4 << 20;
const OUTPUT_BYTES = 1 << 20;
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;

const { headers, frames } = loadFrames(workload, 1, 1);
const payloads = frames.map(({ isVideo, body, atMs }) => ({
  track: isVideo ? TRACK_VIDEO : TRACK_AUDIO,
  isRandomAccess: !isVideo || (body[0] as number) >> 4 === 1,
  dts90k: atMs * 90,
  bytes: body.subarray(isVideo ? AVC_HEADER_BYTES : AAC_HEADER_BYTES),
}));
const periodBytes = payloads.reduce((sum, { bytes }) => sum + bytes.length, 0);

const rows: Row[] = [];
/** Where each frame of a period lies in memory of its own, on cache lines. */
const places: number[] = [];
for (let i = 0, at = 0; i < payloads.length; i++) {
  places.push(at);
  at += ((payloads[i]?.bytes.length ?? 0) + 63) & ~63;
}
for (const { isShared, offset, title } of [
  { isShared: false, offset: 0, title: "ordinary memory" },
  { isShared: true, offset: 0, title: "shared memory, aligned alike" },
  { isShared: true, offset: 1, title: "shared memory, not aligned alike" },
]) {
  const target = new Uint8Array(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: isShared }).buffer);
  const source = Buffer.alloc(target.length, 1);
  measure(`floor: copy into ${title}`, () => {
    for (const [i, { bytes }] of payloads.entries()) {
      const at = places[i] as number;
      target.set(source.subarray(at + offset, at + offset + bytes.length), at);
    }
  });
}
const arena = new Arena();
const ring = new FrameRing(arena, RING_BYTES);
const configs = [TRACK_VIDEO, TRACK_AUDIO].map((track) => {
  const body = headers.find(({ isVideo }) => isVideo === (track === TRACK_VIDEO))?.body;
  return body
    ? storeDecoderConfig(
        arena,
        track === TRACK_VIDEO ? "h264" : "aac",
        body.subarray(track === TRACK_VIDEO ? AVC_HEADER_BYTES : AAC_HEADER_BYTES),
      ).pointer
    : 0;
});
let lap = 0;
measure("ring: reserve and commit, no payload", () => {
  fill(false);
  ring.setTail(ring.head);
});
measure("ring: reserve, copy, commit", () => {
  fill(true);
  ring.setTail(ring.head);
});
for (const container of ["flv", "ts", "mp4"] as const) measureKernel(container);

const env = environment();
console.log(
  `\nframes of ${values.workload}; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
console.log(formatTable(rows));
console.log(`\n${writeResult("ring", `npm run bench:ring -- ${process.argv.slice(2).join(" ")}`, rows)}`);

/** One period of the workload into the ring. */
function fill(hasPayload: boolean): void {
  for (const { track, isRandomAccess, dts90k, bytes } of payloads) {
    const pointer = ring.reserve(bytes.length);
    if (pointer === 0) throw new Error("a period does not fit into the ring");
    if (hasPayload) arena.u8.set(bytes, pointer);
    const config = configs[track] as number;
    ring.commit(
      {
        track,
        flags: isRandomAccess ? FLAG_RANDOM_ACCESS : 0,
        dts90k: lap * PERIOD_MS * 90 + dts90k,
        ctsOffset90k: 0,
        config,
      },
      bytes.length,
    );
  }
  lap++;
}

/** A period goes into the ring, untimed; the kernel takes it out, timed. */
function measureKernel(container: ContainerName): void {
  const kernel = instantiateKernel(
    compileKernel(new URL("../dist/wasm/reel.wasm", import.meta.url)),
    arena.memory,
    ARENA_BASE,
  );
  const state = new RecordingState(arena, ring.pointer, ring.head, {
    type: container,
    waitForIDR: true,
    hasAudio: true,
    chunkLength: 0,
  } as RecordConfig);
  state.setTracks((track) => configs[track], TRACK_VIDEO);
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
  fill(true);
  const opened = kernel.openSegment(state.pointer, segment);
  if (opened !== STATUS_READY) throw new Error(`openSegment answered ${opened}`);
  drain();
  measure(`kernel: ${container}`, drain, () => fill(true));
}

/** Runs `work`, one period of the workload, for the given time; what `prepare` does is not counted. */
function measure(title: string, work: () => void, prepare: () => void = () => {}): void {
  let spentMs = 0;
  let times = 0;
  for (let round = 0; spentMs < Number(values.seconds) * 1000; round++) {
    prepare();
    const startMs = performance.now();
    work();
    // The first rounds compile the code.
    if (round < 50) continue;
    spentMs += performance.now() - startMs;
    times++;
  }
  const seconds = spentMs / 1000;
  rows.push({
    part: title,
    "GB / s": significant((times * periodBytes) / 1e9 / seconds),
    "ns / frame": significant((seconds * 1e9) / (times * payloads.length)),
  });
}
