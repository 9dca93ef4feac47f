// A consumer of a FrameRing in a thread of its own, for test/concurrency/frame-ring.test.ts: opens, drains and cuts
// like the drain worker, into memory, and stalls at random between calls. Plain JavaScript: it runs as a worker,
// unbuilt. Numbers of the ABI come with the work.

import { parentPort, workerData } from "node:worker_threads";

const {
  module,
  memory,
  recording,
  segments,
  out,
  capacity,
  smallestCapacity,
  container,
  status: S,
  offsets: O,
  headAt,
} = workerData;
let random = workerData.seed >>> 0;
const next = (below) => {
  random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
  return (random >>> 8) % below;
};

const abort = (_message, _file, line, column) => {
  throw new Error(`the kernel gave up at ${line}:${column}`);
};
const kernel = new WebAssembly.Instance(module, { env: { memory, abort } }).exports;
const view = () => new DataView(memory.buffer);

/** Takes over what a call wants written. */
function write(segment, file) {
  const v = view();
  const bytes = v.getUint32(segment + O.bytes, true);
  if (bytes === 0) return;
  const position = Number(v.getBigInt64(segment + O.position, true));
  const pointer = v.getUint32(segment + O.pointer, true);
  file.parts.push({ position, bytes: Buffer.from(new Uint8Array(memory.buffer, pointer, bytes)) });
  file.size = Math.max(file.size, position + bytes);
  v.setBigInt64(segment + O.position, BigInt(position + bytes), true);
  v.setUint32(segment + O.bytes, 0, true);
}

function assemble(file) {
  const bytes = Buffer.alloc(file.size);
  for (const part of file.parts) part.bytes.copy(bytes, part.position);
  return new Uint8Array(bytes);
}

const stall = new Int32Array(new SharedArrayBuffer(4));
const files = [];
let calls = 0;
for (const segment of segments) {
  let status = kernel.openSegment(recording, segment);
  while (status === S.NOT_READY) {
    // Until the producer has published more; a missed wake-up only costs a millisecond.
    Atomics.wait(
      new Int32Array(memory.buffer),
      headAt >>> 2,
      Atomics.load(new Int32Array(memory.buffer), headAt >>> 2),
      1,
    );
    status = kernel.openSegment(recording, segment);
  }
  if (status === S.STOPPED) break;
  const file = { size: 0, parts: [], zero90k: Number(view().getBigInt64(segment + O.zero, true)) };
  do {
    status = kernel.drain(recording, segment, out, smallestCapacity + next(capacity - smallestCapacity + 1));
    calls++;
    write(segment, file);
    // Every other segment is drained without a pause, close behind the producer; in the others the ring runs full.
    if (files.length % 2 === 1 && next(8) === 0) Atomics.wait(stall, 0, 0, next(3));
  } while (status === S.RING_EMPTY || status === S.OUTPUT_FULL || status === S.NEED_OUTPUT);
  kernel.closeSegment(container, segment, out, capacity);
  write(segment, file);
  files.push({ zero90k: file.zero90k, bytes: assemble(file), endedBy: status });
  if (status !== S.CUT) break;
}
parentPort.postMessage({ files, calls });
