// Holds: what must not be deleted, by whom ever, until it is released, and why. A hold names one file by its sequence,
// or a stream and a time; it also holds what is recorded later. It survives a restart in the config store.

import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import type { DeletionGuard } from "../catalog/segment-deletion.js";
import type { ConfigStore } from "../recording/config-store.js";
import { SectionWriter } from "../recording/section-writer.js";
import type { Clock } from "../time/units.js";
import type { KeptSegment } from "./retention-plan.js";

const SECTION = "holds";
const NEXT_SECTION = "nextHoldId";
/** Each is looked at for every segment that a rule would delete. */
const MAX_HOLDS = 1000;

export interface HoldWish {
  /** One file, by the sequence of its opening (`id` of listSegments). */
  readonly sequence?: number | undefined;
  readonly localStreamName?: string | undefined;
  /** Unix milliseconds; what overlaps [from, to) is held. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly reason: string;
}

export interface Hold extends HoldWish {
  readonly holdId: number;
  /** Unix milliseconds. */
  readonly createdMs: number;
}

type HeldSegment = Pick<KeptSegment, "id" | "localStreamName" | "startedMs"> & { readonly stoppedMs: number | null };

export class Holds {
  readonly #holds = new Map<number, Hold>();
  readonly #saved: SectionWriter;
  readonly #savedNextId: SectionWriter;
  /** No id is given twice: whoever releases one a second time must not release another's. */
  #nextId: number;

  constructor(
    store: ConfigStore,
    private readonly clock: Clock,
    logger: Logger,
  ) {
    this.#saved = new SectionWriter(store, SECTION, logger);
    this.#savedNextId = new SectionWriter(store, NEXT_SECTION, logger);
    for (const hold of readHolds(store.get(SECTION)?.value, logger)) this.#holds.set(hold.holdId, hold);
    const saved = store.get(NEXT_SECTION)?.value;
    this.#nextId = Math.max(
      Number.isSafeInteger(saved) ? (saved as number) : 1,
      1 + Math.max(0, ...this.#holds.keys()),
    );
  }

  get all(): readonly Hold[] {
    return [...this.#holds.values()];
  }

  /** Throws ReelError `badArgument`, `limit`. */
  add(wish: HoldWish): Hold {
    const { sequence, localStreamName, fromMs, toMs, reason } = wish;
    if (reason === "") throw new ReelError("badArgument", "a hold needs a reason");
    if ((sequence === undefined) === (localStreamName === undefined))
      throw new ReelError("badArgument", "a hold names a sequence or a localStreamName");
    if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
      throw new ReelError("badArgument", "a hold's from is before its to");
    if (this.#holds.size >= MAX_HOLDS)
      throw new ReelError("limit", `there are ${MAX_HOLDS} holds already: release some`);
    const holdId = this.#nextId++;
    this.#savedNextId.write(this.#nextId);
    const hold = { holdId, createdMs: this.clock.wallMs(), sequence, localStreamName, fromMs, toMs, reason };
    this.#holds.set(holdId, hold);
    this.#saved.write(this.all);
    return hold;
  }

  /** undefined where there is none. */
  release(holdId: number): Hold | undefined {
    const hold = this.#holds.get(holdId);
    if (!hold) return undefined;
    this.#holds.delete(holdId);
    this.#saved.write(this.all);
    return hold;
  }

  /** The first hold that keeps a segment. */
  holdOf(segment: HeldSegment): Hold | undefined {
    for (const hold of this.#holds.values()) if (holds(hold, segment)) return hold;
    return undefined;
  }

  async whenSaved(): Promise<void> {
    await Promise.all([this.#saved.whenIdle(), this.#savedNextId.whenIdle()]);
  }
}

/** What is held is not deleted. */
export function holdsGuard(held: Holds): DeletionGuard {
  return (segment) => held.holdOf(segment)?.reason;
}

/** The same of those that are saved by the time it asks: one that is released meanwhile keeps nothing. */
export function savedHoldsGuard(store: ConfigStore, clock: Clock, logger: Logger): DeletionGuard {
  return (segment) => new Holds(store, clock, logger).holdOf(segment)?.reason;
}

function holds({ sequence, localStreamName, fromMs, toMs }: Hold, segment: HeldSegment): boolean {
  if (sequence !== undefined) return sequence === segment.id;
  if (localStreamName !== segment.localStreamName) return false;
  if (toMs !== undefined && segment.startedMs >= toMs) return false;
  return fromMs === undefined || (segment.stoppedMs ?? Number.POSITIVE_INFINITY) >= fromMs;
}

function readHolds(saved: unknown, logger: Logger): Hold[] {
  if (!Array.isArray(saved)) return [];
  return saved.flatMap((value: unknown) => {
    const { holdId, reason, sequence, localStreamName } = (value ?? {}) as Partial<Hold>;
    const isWhole = Number.isSafeInteger(holdId) && typeof reason === "string";
    if (isWhole && (Number.isSafeInteger(sequence) || typeof localStreamName === "string")) return [value as Hold];
    logger.warn({ hold: value }, "a saved hold cannot be read and is left out");
    return [];
  });
}
