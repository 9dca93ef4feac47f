// The disk under the streams' pasts: one file without a name, so that no crash leaves it, in blocks with a list of the
// free ones. Nothing is ever synced. Reads and writes are asynchronous and one at a time: of libuv's threads a disk
// that hangs holds one.
//
//   put ─▶ a copy in memory ─▶ written, in its turn ─▶ read back … ─▶ freed
//
// A write that fails loses its bytes alone, and for some seconds nothing more is taken. While a call does not return
// nothing is taken, and what is to be read is lost: nobody waits for a disk that hangs. A file that holds nothing is
// cut to nothing.

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { KeyedQueue } from "../../base/keyed-queue.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { PRIVATE_FILE } from "../../base/private-files.js";
import { ReelError } from "../../base/reel-error.js";
import { volumeCall } from "../../base/volume-calls.js";
import { fileFailure } from "../../container/file-failure.js";
import type { PastStore, StoredBytes } from "../../stream/spilled-past.js";
import type { Clock } from "../../time/units.js";

const BLOCK_BYTES = 64 * 1024;
/** Copies that wait to be written: a disk that is slower than the streams must not fill the memory. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const RETRY_MS = 10_000;
/** Left to recordings on the same volume; of a small volume a tenth. */
const LEFT_FREE_BYTES = 256 * 1024 * 1024;
const LOOK_MS = 1000;
const PREFIX = "past-";
const SUFFIX = ".spill";

export interface SpillFileParts {
  readonly folder: string;
  readonly limitBytes: number;
  /** A call that takes longer hangs. */
  readonly hangMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Stored extends StoredBytes {
  readonly blocks: number[];
  readonly sizeBytes: number;
  /** Until it is written. */
  waiting: Uint8Array | undefined;
  readonly lost: () => void;
  isBeingWritten: boolean;
  isFreed: boolean;
}

export class SpillFile implements PastStore {
  readonly limitBytes: number;
  readonly #folder: string;
  readonly #hangMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lines: LogLimit;
  readonly #turns = new KeyedQueue<"file">();
  #file: FileHandle | undefined;
  #free: number[] = [];
  /** Blocks that the file has had so far. */
  #blocks = 0;
  #usedBlocks = 0;
  /** They have their room in the file. */
  readonly #written = new Set<number>();
  #waitingBytes = 0;
  #failedUntilMs = Number.NEGATIVE_INFINITY;
  /** What the volume may still take, as the last look has found it; and when that was. */
  #room = { bytes: 0, lookedMs: Number.NEGATIVE_INFINITY };
  #isHung = false;
  /** Of those that wait to be read. */
  readonly #giveUps = new Set<(error: ReelError) => void>();
  #isClosed = false;

  constructor({ folder, limitBytes, hangMs, clock, logger }: SpillFileParts) {
    this.limitBytes = limitBytes;
    this.#folder = folder;
    this.#hangMs = hangMs;
    this.#clock = clock;
    this.#logger = logger;
    this.#lines = new LogLimit(clock, 1);
  }

  /** A folder that cannot be used is told: the pasts are as long as memory lets them be, until it can. */
  async start(): Promise<void> {
    await this.#inTurn(() => this.#open()).catch((error: unknown) => this.#hasFailed(error));
  }

  get usedBytes(): number {
    return this.#usedBlocks * BLOCK_BYTES;
  }

  get isAvailable(): boolean {
    if (this.#isClosed || this.#isHung || this.#waitingBytes >= MAX_WAITING_BYTES) return false;
    return this.#clock.monotonicMs() >= this.#failedUntilMs;
  }

  put(sizeBytes: number, fill: (target: Uint8Array) => void, lost: () => void): StoredBytes | undefined {
    const count = Math.ceil(sizeBytes / BLOCK_BYTES);
    if ((this.#usedBlocks + count) * BLOCK_BYTES > this.limitBytes || !this.isAvailable) return undefined;
    const waiting = Buffer.allocUnsafe(sizeBytes);
    fill(waiting);
    this.#usedBlocks += count;
    this.#waitingBytes += sizeBytes;
    const blocks = Array.from({ length: count }, () => this.#free.pop() ?? this.#blocks++).sort((a, b) => a - b);
    const stored: Stored = {
      ...{ blocks, sizeBytes, waiting, lost, isBeingWritten: false, isFreed: false },
      read: () => this.#read(stored),
      free: () => this.#release(stored),
    };
    void this.#write(stored);
    return stored;
  }

  /** Nothing is written any more; what it held is gone. Does not wait for a disk that hangs. */
  close(): void {
    this.#isClosed = true;
    void this.#inTurn(async () => this.#file?.close()).catch(() => undefined);
  }

  async #write(stored: Stored): Promise<void> {
    try {
      await this.#inTurn(async () => {
        const { waiting } = stored;
        if (!waiting || this.#isClosed) return;
        stored.isBeingWritten = true;
        const file = await this.#open();
        await this.#mustHaveRoom(stored.blocks);
        for (const { at, offset, bytes } of runsOf(stored)) await writeAll(file, waiting, offset, bytes, at);
        for (const block of stored.blocks) this.#written.add(block);
      });
    } catch (error) {
      this.#hasFailed(error);
      if (!stored.isFreed) stored.lost();
    } finally {
      const isToBeGivenBack = stored.isFreed && stored.isBeingWritten;
      stored.isBeingWritten = false;
      this.#noLongerWaits(stored);
      if (isToBeGivenBack) this.#giveBack(stored);
    }
  }

  async #read(stored: Stored): Promise<Uint8Array> {
    if (stored.waiting) return stored.waiting;
    const gone = new ReelError("closed", "the past is gone");
    if (this.#isHung) throw gone;
    let giveUp: ((error: ReelError) => void) | undefined;
    const hung = new Promise<never>((_resolve, reject) => {
      giveUp = reject;
      this.#giveUps.add(reject);
    });
    const read = this.#inTurn(async () => {
      const file = this.#file;
      if (stored.isFreed || !file || this.#isClosed) throw gone;
      const target = Buffer.allocUnsafe(stored.sizeBytes);
      for (const { at, offset, bytes } of runsOf(stored)) {
        const { bytesRead } = await file.read(target, offset, bytes, at);
        if (bytesRead !== bytes) throw new ReelError("corrupt", "the file of the past is shorter than it was");
      }
      return target;
    });
    try {
      return await Promise.race([read, hung]);
    } finally {
      if (giveUp) this.#giveUps.delete(giveUp);
    }
  }

  /** One call at a time. While one does not return, nobody waits for what lies in the file. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run("file", async () => {
      const timer = setTimeout(() => this.#hangs(), this.#hangMs);
      timer.unref();
      try {
        return await volumeCall(work);
      } finally {
        clearTimeout(timer);
        this.#isHung = false;
      }
    });
  }

  #hangs(): void {
    this.#isHung = true;
    const error = new ReelError("stuck", `${this.#folder} has not answered for ${this.#hangMs / 1000} s`);
    this.#hasFailed(error);
    for (const giveUp of this.#giveUps) giveUp(error);
  }

  /** Its blocks are free when nothing is being written there. */
  #release(stored: Stored): void {
    if (stored.isFreed) return;
    stored.isFreed = true;
    if (stored.isBeingWritten) return;
    this.#noLongerWaits(stored);
    this.#giveBack(stored);
  }

  #noLongerWaits(stored: Stored): void {
    if (stored.waiting) this.#waitingBytes -= stored.sizeBytes;
    stored.waiting = undefined;
  }

  #giveBack({ blocks }: Stored): void {
    for (const block of blocks) this.#free.push(block);
    this.#usedBlocks -= blocks.length;
    if (this.#usedBlocks > 0) return;
    // Recordings on the same volume get the room back. What is written from now on comes behind that.
    [this.#free, this.#blocks] = [[], 0];
    void this.#inTurn(async () => {
      this.#written.clear();
      if (!this.#isClosed) await this.#file?.truncate(0);
    }).catch((error: unknown) => this.#hasFailed(error));
  }

  /** For what takes room on the volume. Throws ReelError `diskFull`. */
  async #mustHaveRoom(wanted: readonly number[]): Promise<void> {
    const sizeBytes = wanted.filter((block) => !this.#written.has(block)).length * BLOCK_BYTES;
    if (sizeBytes === 0) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#room.lookedMs >= LOOK_MS) {
      const { bavail, blocks, bsize } = await statfs(this.#folder);
      this.#room = { bytes: bavail * bsize - Math.min(LEFT_FREE_BYTES, (blocks * bsize) / 10), lookedMs: nowMs };
    }
    this.#room.bytes -= sizeBytes;
    if (this.#room.bytes < 0) throw new ReelError("diskFull", `${this.#folder} has too little space left`);
  }

  async #open(): Promise<FileHandle> {
    if (this.#file) return this.#file;
    await mkdir(this.#folder, { recursive: true });
    // A crash between the two steps below leaves a name, and nothing in it.
    for (const name of await readdir(this.#folder))
      if (name.startsWith(PREFIX) && name.endsWith(SUFFIX)) await rm(join(this.#folder, name), { force: true });
    const path = join(this.#folder, `${PREFIX}${randomUUID()}${SUFFIX}`);
    this.#file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, PRIVATE_FILE);
    await rm(path, { force: true });
    return this.#file;
  }

  #hasFailed(error: unknown): void {
    this.#failedUntilMs = this.#clock.monotonicMs() + RETRY_MS;
    const { code, message } = fileFailure(error, this.#folder);
    this.#lines.pass((suppressed) =>
      this.#logger.warn(
        { folder: this.#folder, code, error: message, suppressed },
        "the past cannot be spilled to disk: streams keep what memory lets them until it can (preRecord.spillFolder)",
      ),
    );
  }
}

interface Run {
  /** In the file. */
  readonly at: number;
  /** In the bytes. */
  readonly offset: number;
  readonly bytes: number;
}

/** Blocks that lie side by side are one run. */
function* runsOf({ blocks, sizeBytes }: Stored): Generator<Run> {
  for (let i = 0; i < blocks.length; ) {
    let end = i + 1;
    while (blocks[end] === (blocks[end - 1] ?? 0) + 1) end++;
    const offset = i * BLOCK_BYTES;
    yield { at: (blocks[i] ?? 0) * BLOCK_BYTES, offset, bytes: Math.min(sizeBytes, end * BLOCK_BYTES) - offset };
    i = end;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, from: number, count: number, at: number): Promise<void> {
  for (let done = 0; done < count; ) {
    const { bytesWritten } = await file.write(bytes, from + done, count - done, at + done);
    done += bytesWritten;
  }
}
