// What a drain has done of an item, in shared memory: a thread that dies takes its reply with it, but not this. The
// steps say where it stood; each is stored before what it names begins.
//
//   taken ─▶ opening ─▶ gaps ─▶ between ─▶ kernel ─▶ writing ─▶ between … ─▶ done

import type { ArenaViews } from "../arena/arena-views.js";
import type { FileFailure } from "../container/file-failure.js";
import type { DrainResult } from "./drain-batch.js";

export const STEP_TAKEN = 0;
/** Files are being made; the state before is saved. */
export const STEP_OPENING = 1;
export const STEP_GAPS = 2;
export const STEP_BETWEEN = 3;
/** The state before is saved; outputs count where the segment says that its batch is whole. */
export const STEP_KERNEL = 4;
/** Outputs that still have a size are to be written. */
export const STEP_WRITING = 5;
/** The result is complete. */
export const STEP_DONE = 6;

const STEP_OFFSET = 0; // u32
const STATUS_OFFSET = 4; // i32
const OPENED_OFFSET = 8; // u32
const FAILURE_BYTES_OFFSET = 12; // u32, 0 = none
const UNWRITTEN_FRAMES_OFFSET = 16; // u32
/** The cursor when the state was saved. */
const TAIL_OFFSET = 20; // u32
const UNWRITTEN_BYTES_OFFSET = 24; // i64
const UNWRITTEN_FROM_OFFSET = 32; // i64
const UNWRITTEN_TO_OFFSET = 40; // i64
const WRITTEN_OFFSET = 48; // i64
const FAILURE_OFFSET = 64; // JSON
export const RECORD_SIZE = 512;
/** A character has at most 4 bytes. */
const MAX_MESSAGE = 80;

export class DrainRecord {
  constructor(
    private readonly arena: ArenaViews,
    private readonly pointer: number,
  ) {}

  /** Before a batch is given out. */
  clear(): void {
    this.arena.bytes(this.pointer, FAILURE_OFFSET).fill(0);
  }

  get step(): number {
    return this.arena.u32(this.pointer + STEP_OFFSET);
  }
  set step(step: number) {
    this.arena.setU32(this.pointer + STEP_OFFSET, step);
  }

  get tail(): number {
    return this.arena.u32(this.pointer + TAIL_OFFSET);
  }
  set tail(index: number) {
    this.arena.setU32(this.pointer + TAIL_OFFSET, index);
  }

  get opened(): boolean {
    return this.arena.u32(this.pointer + OPENED_OFFSET) !== 0;
  }
  set opened(opened: boolean) {
    this.arena.setU32(this.pointer + OPENED_OFFSET, opened ? 1 : 0);
  }

  done(result: DrainResult): void {
    const { arena, pointer } = this;
    const { status, opened, failure, unwritten, writtenBytes } = result;
    arena.setU32(pointer + STATUS_OFFSET, status);
    this.opened = opened;
    arena.setI64(pointer + WRITTEN_OFFSET, writtenBytes);
    if (unwritten) {
      arena.setU32(pointer + UNWRITTEN_FRAMES_OFFSET, unwritten.frames);
      arena.setI64(pointer + UNWRITTEN_BYTES_OFFSET, unwritten.bytes);
      arena.setI64(pointer + UNWRITTEN_FROM_OFFSET, Math.round(unwritten.from90k));
      arena.setI64(pointer + UNWRITTEN_TO_OFFSET, Math.round(unwritten.to90k));
    }
    if (failure) {
      const { code, errno, message } = failure;
      const text = Buffer.from(JSON.stringify({ code, errno, message: message.slice(0, MAX_MESSAGE) }));
      const bytes = text.subarray(0, RECORD_SIZE - FAILURE_OFFSET);
      arena.bytes(pointer + FAILURE_OFFSET, bytes.byteLength).set(bytes);
      arena.setU32(pointer + FAILURE_BYTES_OFFSET, bytes.byteLength);
    }
    this.step = STEP_DONE;
  }

  /** What `done` kept. `path` is the item's. */
  result(path: string): DrainResult {
    const { arena, pointer } = this;
    const frames = arena.u32(pointer + UNWRITTEN_FRAMES_OFFSET);
    return {
      claimed: true,
      status: arena.u32(pointer + STATUS_OFFSET) | 0,
      opened: this.opened,
      writtenBytes: arena.i64(pointer + WRITTEN_OFFSET),
      writeMs: 0, // nobody knows any more
      failure: this.#failure(path),
      unwritten:
        frames === 0
          ? undefined
          : {
              frames,
              bytes: arena.i64(pointer + UNWRITTEN_BYTES_OFFSET),
              from90k: arena.i64(pointer + UNWRITTEN_FROM_OFFSET),
              to90k: arena.i64(pointer + UNWRITTEN_TO_OFFSET),
            },
    };
  }

  #failure(path: string): FileFailure | undefined {
    const bytes = this.arena.u32(this.pointer + FAILURE_BYTES_OFFSET);
    if (bytes === 0) return undefined;
    const text = Buffer.from(this.arena.bytes(this.pointer + FAILURE_OFFSET, bytes)).toString();
    const { code, errno, message } = JSON.parse(text) as FileFailure;
    return { code, errno, message, path };
  }
}
