// What a rule deletes of a scope's segments: the oldest first, and no more than it must. Pure: the same question gives
// the same answer, so that a dry run says what a run does.

import type { DeletionCause } from "../catalog/segment-report.js";
import type { RetentionRule } from "../recording/retention-rule.js";
import type { ScopedRule } from "./own-rules.js";

/** A final segment, as far as rules look at it. */
export interface KeptSegment {
  readonly id: number;
  readonly path: string;
  readonly localStreamName: string;
  readonly configId: number;
  readonly startedMs: number;
  readonly stoppedMs: number;
  readonly sizeBytes: number;
  /** The rule of its config as it stood when it was recorded. */
  readonly own?: ScopedRule | undefined;
}

export interface PlannedDeletion {
  readonly segment: KeptSegment;
  readonly cause: DeletionCause;
}

/** What is free on the volume of a scope, as it was last seen. */
export interface VolumeRoom {
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

interface Scope {
  /** Deletable ones, oldest first. */
  readonly segments: readonly KeptSegment[];
  readonly rule: RetentionRule;
  /** undefined where the volume does not answer: nothing is deleted for its sake then. */
  readonly room: VolumeRoom | undefined;
  readonly nowMs: number;
}

export function planScope({ segments, rule, room, nowMs }: Scope): PlannedDeletion[] {
  const planned: PlannedDeletion[] = [];
  let bytes = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let count = segments.length;
  let missingBytes = room ? minimumFreeBytes(rule, room) - room.freeBytes : 0;
  for (const segment of segments) {
    const cause = causeOf({ segment, rule, bytes, count, missingBytes, nowMs });
    // Those behind it are younger, and no more are to go.
    if (!cause) break;
    planned.push({ segment, cause });
    bytes -= segment.sizeBytes;
    count--;
    missingBytes -= segment.sizeBytes;
  }
  return planned;
}

interface Standing {
  readonly segment: KeptSegment;
  readonly rule: RetentionRule;
  readonly bytes: number;
  readonly count: number;
  readonly missingBytes: number;
  readonly nowMs: number;
}

function causeOf({ segment, rule, bytes, count, missingBytes, nowMs }: Standing): DeletionCause | undefined {
  if (rule.seconds && nowMs - segment.stoppedMs >= rule.seconds * 1000) return "age";
  if (rule.segments && count > rule.segments) return "segments";
  if (rule.bytes && bytes > rule.bytes) return "bytes";
  if (missingBytes > 0) return "freeSpace";
  return undefined;
}

/** What a rule wants free; 0 where it wants nothing. */
export function minimumFreeBytes({ freeBytes = 0, freePercent = 0 }: RetentionRule, { sizeBytes }: VolumeRoom): number {
  return Math.max(freeBytes, Math.ceil((sizeBytes * freePercent) / 100));
}

/** Order of age: by their ends, since that is what rules look at. */
export function byAge(a: KeptSegment, b: KeptSegment): number {
  return a.stoppedMs - b.stoppedMs || a.id - b.id;
}
