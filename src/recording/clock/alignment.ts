// Where the wall clock of a zone passes a multiple of a length: hours, days, minutes of local time.
//
//   … 00:00 ── 01:00 ─┬─ 03:00 …    spring: an instant that jumps over multiples is one itself
//   … 02:00 ── 02:00 ─┴─ 03:00 …    autumn: what comes twice is passed twice
//
// Lengths divide a day, so that local midnight is a multiple of each.

import type { Zone } from "../../base/zone.js";
import type { Millis } from "../../time/units.js";

export const DAY_S = 86_400;
const MS_PER_MINUTE = 60_000;

/** The first such instant after `afterMs`. `lengthMs` divides a day. */
export function nextBoundary(afterMs: Millis, lengthMs: Millis, zone: Zone): Millis {
  const offsetMs = offsetAt(afterMs, zone);
  const plain = nextMultiple(afterMs, offsetMs, lengthMs);
  const nextOffsetMs = offsetAt(plain, zone);
  if (nextOffsetMs === offsetMs) return plain;
  const changeMs = changeBetween(afterMs, plain, zone);
  if (changeMs > plain) return plain;
  const isJumpedOver =
    Math.floor((changeMs + nextOffsetMs) / lengthMs) > Math.floor((changeMs - 1 + offsetMs) / lengthMs);
  const isMultiple = modulo(changeMs + nextOffsetMs, lengthMs) === 0;
  if (isJumpedOver || isMultiple) return changeMs;
  return nextMultiple(changeMs, nextOffsetMs, lengthMs);
}

/** The first instant after `afterMs` at which a clock of that offset shows a multiple of the length. */
export function nextMultiple(afterMs: Millis, offsetMs: Millis, lengthMs: Millis): Millis {
  return afterMs + lengthMs - modulo(afterMs + offsetMs, lengthMs);
}

/** East of Greenwich. */
export function offsetAt(wallMs: Millis, zone: Zone): Millis {
  return Math.round(zone(wallMs).offsetMinutes * MS_PER_MINUTE);
}

/** The first whole second of the offset that holds at `toMs`. */
export function changeBetween(fromMs: Millis, toMs: Millis, zone: Zone): Millis {
  const wanted = offsetAt(toMs, zone);
  let before = Math.floor(fromMs / 1000);
  let at = Math.ceil(toMs / 1000);
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2);
    if (offsetAt(middle * 1000, zone) === wanted) at = middle;
    else before = middle;
  }
  return at * 1000;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
