// What a crash took, from the notes of the run that ended with it (received-notes.ts): per segment for the recovery, and
// per config as one gap `restart`, from the last recorded moment to the first frame after the start. That gap is told
// when both are known: the recovery works in the background, and the source comes back when it likes.

import type { LedgerEntry } from "../../catalog/ledger.js";
import type { Lost, SegmentReport } from "../../catalog/segment-report.js";
import type { LostMedia } from "../../container/container.js";
import type { Gap } from "../../stream/gap.js";
import type { ReceivedNote } from "../received-notes.js";

/** A config whose recording was cut off. */
interface CutOff {
  /** Segments that are not recovered. */
  pending: number;
  /** The last recorded moment. */
  lastMs: number;
  frames: number;
  bytes: number;
  resumed: { report: SegmentReport; dtsMs: number; firstMs: number } | undefined;
}

export class RestartGaps {
  readonly #notes = new Map<number, ReceivedNote>();
  readonly #cutOff = new Map<number, CutOff>();

  constructor(
    notes: readonly ReceivedNote[],
    unclosed: ReadonlyMap<number, LedgerEntry>,
    private readonly tell: (gap: Gap, report: SegmentReport) => void,
  ) {
    for (const { report } of unclosed.values()) if (report.configId > 0) this.#of(report.configId).pending++;
    for (const note of notes) {
      const { configId, sequence, wallMs, frames, bytes } = note;
      const cutOff = this.#of(configId);
      if (unclosed.has(sequence)) {
        this.#notes.set(sequence, note);
        continue;
      }
      // Between two segments, the last of which is final.
      cutOff.lastMs = Math.max(cutOff.lastMs, wallMs);
      if (sequence > 0) continue;
      cutOff.frames += frames;
      cutOff.bytes += bytes;
    }
  }

  /** Of segments that are not recovered: after another crash the next start wants them. */
  get unsettled(): readonly ReceivedNote[] {
    return [...this.#notes.values()];
  }

  /** By the sequence of the segment's opening. */
  note(opened: number): ReceivedNote | undefined {
    return this.#notes.get(opened);
  }

  /** The recovery is done with a segment. `taken`: what the crash took of it, where that is known. */
  recovered(opened: number, configId: number, lastMs: number, taken: LostMedia | undefined): void {
    this.#notes.delete(opened);
    const cutOff = this.#cutOff.get(configId);
    if (!cutOff || opened === 0) return;
    cutOff.pending--;
    cutOff.lastMs = Math.max(cutOff.lastMs, lastMs);
    cutOff.frames += taken?.frames ?? 0;
    cutOff.bytes += taken?.bytes ?? 0;
    this.#tellIfKnown(configId, cutOff);
  }

  /** A segment has opened. `dtsMs`: its zero on its in-stream's timeline; `firstMs`: when its first frame came. */
  opened(report: SegmentReport, dtsMs: number, firstMs: number): void {
    const cutOff = this.#cutOff.get(report.configId);
    if (!cutOff || cutOff.resumed) return;
    cutOff.resumed = { report, dtsMs, firstMs };
    this.#tellIfKnown(report.configId, cutOff);
  }

  #tellIfKnown(configId: number, { pending, resumed, lastMs, frames, bytes }: CutOff): void {
    if (pending > 0 || !resumed) return;
    this.#cutOff.delete(configId);
    const durationMs = Math.max(0, resumed.firstMs - lastMs);
    this.tell({ cause: "restart", track: null, dtsMs: resumed.dtsMs, durationMs, frames, bytes }, resumed.report);
  }

  #of(configId: number): CutOff {
    let cutOff = this.#cutOff.get(configId);
    if (!cutOff) {
      cutOff = { pending: 0, lastMs: 0, frames: 0, bytes: 0, resumed: undefined };
      this.#cutOff.set(configId, cutOff);
    }
    return cutOff;
  }
}

/** What a recovery has found in a file. */
interface Found {
  videoFrames: number;
  audioFrames: number;
  durationMs: number;
  lost: LostMedia | null;
}

/**
 * What the crash took from the end of a file: what it should hold by the note, and does not; at least what the repair has
 * cut off. The bytes of frames that are in no file are their share of all.
 */
export function crashGap(found: Found, note: ReceivedNote | undefined): Gap | undefined {
  const missing = Math.max(0, (note?.frames ?? 0) - found.videoFrames - found.audioFrames);
  const share = note && missing > 0 ? Math.round((note.bytes * missing) / note.frames) : 0;
  const frames = Math.max(missing, found.lost?.frames ?? 0);
  const bytes = Math.max(share, found.lost?.bytes ?? 0);
  if (frames === 0 && bytes === 0) return undefined;
  const behindMs = missing > 0 && note ? note.durationMs - found.durationMs : 0;
  const durationMs = Math.max(0, behindMs, found.lost?.durationMs ?? 0);
  return { cause: "crash", track: null, dtsMs: (note?.zeroMs ?? 0) + found.durationMs, durationMs, frames, bytes };
}

/** All that is missing from a recovered file: what was told of it before the crash, and what that took. */
export function lostOf(gaps: readonly Gap[], crash: Gap | undefined, note: ReceivedNote | undefined): Lost | null {
  const lost: Lost = { frames: 0, bytes: 0, durationMs: 0 };
  const add = (part: Lost): void => {
    if (part.frames === 0 && part.bytes === 0) return;
    lost.frames += part.frames;
    lost.bytes += part.bytes;
    lost.durationMs += part.durationMs;
  };
  // The note has the sums; without it the journal lists what it had room for.
  if (note) add({ frames: note.lostFrames, bytes: note.lostBytes, durationMs: note.lostMs });
  else for (const gap of gaps) add(gap);
  if (crash) add(crash);
  return lost.frames > 0 || lost.bytes > 0 ? lost : null;
}
