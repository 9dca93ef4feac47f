// Mutants that were looked at and stay: those that change nothing anybody could see, which do not count, and those that
// no test is worth. By the key that the results show.

export interface KnownMutant {
  /** True: no behaviour is another one. */
  isEquivalent: boolean;
  reason: string;
}

export const KNOWN: Readonly<Record<string, KnownMutant>> = {
  "src/worker/segment-snapshot.ts: arena.setU32(at + SEG_OUTPUT_FD_OFFSET, fd); ⇒ arena.setU32(at - SEG_OUTPUT_FD_OFFSET, fd);":
    { isEquivalent: true, reason: "the offset is 0" },
  "src/worker/segment-snapshot.ts: arena.u32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET), ⇒ arena.u32(outputAt(segment, output) - SEG_OUTPUT_FD_OFFSET),":
    { isEquivalent: true, reason: "the offset is 0" },
  "src/arena/ring-producer.ts: Atomics.store(i32, (this.pointer + RING_HEAD_OFFSET) >>> 2, this.headIndex | 0); ⇒ Atomics.store(i32, (this.pointer - RING_HEAD_OFFSET) >>> 2, this.headIndex | 0);":
    { isEquivalent: true, reason: "the offset is 0" },
  "src/arena/frame-ring.ts: this.data = arena.allocate(capacityBytes, false); ⇒ this.data = arena.allocate(capacityBytes, true);":
    { isEquivalent: true, reason: "the ring is zeroed before it is written, which only takes time" },
  "src/recording/naming/naming.ts: access(folder, constants.W_OK | constants.X_OK).then( ⇒ access(folder, constants.W_OK & constants.X_OK).then(":
    {
      isEquivalent: false,
      reason: "seen by an unprivileged server alone, in test/fault/disks.test.ts, which is too slow to be related",
    },
  "src/recording/finishing/finisher.ts: this.#wakeAll.delete(wake); ⇒ ;": {
    isEquivalent: false,
    reason: "a function is kept for each pause of a finish that waited; waking it again does nothing",
  },
  "src/worker/sync-task.ts: folders.add(folder); ⇒ ;": {
    isEquivalent: false,
    reason: "a folder is synced once for each of its new files: only slower",
  },
  "src/worker/pools.ts: const IDLE_THREAD_MS = 10_000; ⇒ const IDLE_THREAD_MS = (10_000 * 2);": {
    isEquivalent: false,
    reason: "a measure: how long an idle thread is kept",
  },
  "assembly/drain.ts: setFlag(rec, REC_FLAG_START_ANYWHERE, false); ⇒ setFlag(rec, REC_FLAG_START_ANYWHERE, true);": {
    isEquivalent: false,
    reason: "a segment behind a cut begins with the frame that was cut at in any case; no way to another was found",
  },
  "src/arena/frame-ring.ts: this.tailIndex = index >>> 0; ⇒ this.tailIndex = index << 0;": {
    isEquivalent: true,
    reason: "its sign does not matter: it is masked, or made unsigned, wherever it is used",
  },
  "src/arena/arena.ts: this.#view.setUint32(pointer, value >>> 0, true); ⇒ this.#view.setUint32(pointer, value << 0, true);":
    { isEquivalent: true, reason: "setUint32 takes it modulo 2^32 in any case" },
  "src/worker/lost-batch.ts: const value = Atomics.load(words, claim) >>> 0; ⇒ const value = Atomics.load(words, claim) << 0;":
    { isEquivalent: true, reason: "both uses cut the sign off" },
  "src/arena/ring-producer.ts: u32[(at + FRAME_SIZE_OFFSET) >>> 2] = payloadBytes; ⇒ u32[(at - FRAME_SIZE_OFFSET) >>> 2] = payloadBytes;":
    { isEquivalent: true, reason: "the offset is 0" },
  "src/worker/drain-record.ts: this.arena.setU32(this.pointer + STEP_OFFSET, step); ⇒ this.arena.setU32(this.pointer - STEP_OFFSET, step);":
    { isEquivalent: true, reason: "the offset is 0" },
  "src/recording/finishing/restart-gaps.ts: sequence > 0 ? report.sequence > sequence : report.startedMs >= wallMs; ⇒ sequence > 0 ? report.sequence >= sequence : report.startedMs >= wallMs;":
    { isEquivalent: true, reason: "the segment of the note itself is left out below, because it has a note" },
  "src/worker/drain-task.ts: const nowSeconds = Number(process.hrtime.bigint() / 1_000_000_000n) + 1; ⇒ const nowSeconds = Number(process.hrtime.bigint() / 1_000_000_000n) - 1;":
    {
      isEquivalent: true,
      reason:
        "all threads read the same clock, and only differences count; 0 does not come once the machine runs for a second",
    },
  "src/worker/drain-task.ts: const nowSeconds = Number(process.hrtime.bigint() / 1_000_000_000n) + 1; ⇒ const nowSeconds = Number(process.hrtime.bigint() / 1_000_000_000n) + (1 + 1);":
    { isEquivalent: true, reason: "all threads read the same clock, and only differences count" },
  "src/worker/thread-loading.ts: while (this.#pool.threads.some(isLoading) && performance.now() < endMs) await delay(5); ⇒ while (this.#pool.threads.some(isLoading) && performance.now() < endMs) await delay((5 - 1));":
    { isEquivalent: false, reason: "a measure: how often threads that load are looked at" },
  "src/worker/drain-task.ts: status: 0, ⇒ status: (0 + 1),": {
    isEquivalent: true,
    reason: "the first status is read by nobody: a batch that gets no other has a failure, which comes first",
  },
  'src/arena/arena.ts: if (!(size > 0)) throw new ReelError("badArgument", `cannot allocate ${sizeBytes} bytes`); ⇒ if (!(size > (0 + 1))) throw new ReelError("badArgument", `cannot allocate ${sizeBytes} bytes`);':
    { isEquivalent: true, reason: "a size is a multiple of the blocks' alignment" },
  "src/arena/arena.ts: this.memory = new WebAssembly.Memory({ initial: 2, maximum: this.#maximumPages, shared: true }); ⇒ this.memory = new WebAssembly.Memory({ initial: (2 + 1), maximum: this.#maximumPages, shared: true });":
    { isEquivalent: false, reason: "a measure: the arena begins with one page more, and grows as it is wanted" },
  "src/arena/frame-ring.ts: const from = index & (this.size - 1); ⇒ const from = index & (this.size - (1 + 1));": {
    isEquivalent: true,
    reason: "frames are aligned: the lowest bit of an index is 0",
  },
  "assembly/drain.ts: setFlag(rec, REC_FLAG_START_ANYWHERE, false); ⇒ ;": {
    isEquivalent: false,
    reason: "as where it is set: a segment behind a cut begins with the frame that was cut at in any case",
  },
  "assembly/drain.ts: if (used == header) main = segmentMainVideo(seg); ⇒ if (used != header) main = segmentMainVideo(seg);":
    {
      isEquivalent: false,
      reason: "of a main video that joins late the time of the first picture is learnt with the second",
    },
  "src/recording/finishing/finisher.ts: return Math.abs(stepMs) < CLOCK_STEP_MS ? 0 : Math.round(stepMs); ⇒ return Math.abs(stepMs) <= CLOCK_STEP_MS ? 0 : Math.round(stepMs);":
    { isEquivalent: false, reason: "a measure: a clock that was set by exactly so much" },
  "src/recording/finishing/copies.ts: cursor = page.cursor; ⇒ ;": {
    isEquivalent: false,
    reason: "a second page of what is to be copied at a start has more than a thousand files in front",
  },
  'src/recording/naming/paths.ts: return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path; ⇒ return path.length >= 1 && path.endsWith("/") ? path.slice(0, -1) : path;':
    { isEquivalent: false, reason: "only where / itself is a media folder; look-ups take another turn there" },
};
