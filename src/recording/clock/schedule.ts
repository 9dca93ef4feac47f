// When a config records: windows of the week, by the clock of a zone.
//
//   Mon-Fri@08:00-18:00@Europe/Berlin          days@times@zone; days and times may be lists
//   Sat,Sun@09:00-12:00,22:00-06:00;*@12:00-12:30   ; between rules, * = every day, beyond midnight it is the next day
//
// It is asked what local time says, so an hour that comes twice is in its window twice, and one that is skipped never.
// An answer holds until local time reaches the next edge of a window, midnight, or a change of the clocks: until then
// nobody asks the zone again, which costs microseconds each time.

import { ReelError } from "../../base/reel-error.js";
import { type Zone, zoneOf } from "../../base/zone.js";
import type { Millis } from "../../time/units.js";
import { changeBetween, DAY_S, nextMultiple, offsetAt } from "./alignment.js";

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const FORM = "write it as Mon-Fri@08:00-18:00@Europe/Berlin";

interface Window {
  readonly days: ReadonlySet<number>;
  /** Minutes of the day; `to` is before `from` where it ends on the next day. */
  readonly from: number;
  readonly to: number;
  readonly zone: Zone;
}

/** An answer, and for which instants it holds: [fromMs, untilMs). */
interface Span {
  readonly isOpen: boolean;
  readonly fromMs: Millis;
  readonly untilMs: Millis;
}

const DAY_MS = DAY_S * 1000;
const MS_PER_MINUTE = 60_000;

export class Schedule {
  readonly #windows: readonly Window[];
  #span: Span = { isOpen: false, fromMs: 0, untilMs: 0 };

  /** A rule without a zone has `zone`. Throws ReelError `badArgument`. */
  constructor(text: string, zone?: string) {
    this.#windows = text.split(";").flatMap((rule) => windowsOf(rule.trim(), zone));
  }

  isOpen(wallMs: Millis): boolean {
    return this.#spanAt(wallMs).isOpen;
  }

  /** When to ask again: until then the answer is the same. */
  holdsUntil(wallMs: Millis): Millis {
    return this.#spanAt(wallMs).untilMs;
  }

  /** The wall clock may be set to any time. */
  #spanAt(wallMs: Millis): Span {
    const { fromMs, untilMs } = this.#span;
    if (wallMs < fromMs || wallMs >= untilMs) {
      const ends = this.#windows.map((window) => steadyUntil(window, wallMs));
      const isOpen = this.#windows.some((window) => isIn(window, wallMs));
      this.#span = { isOpen, fromMs: wallMs, untilMs: Math.min(...ends) };
    }
    return this.#span;
  }
}

function isIn({ days, from, to, zone }: Window, wallMs: Millis): boolean {
  const { weekday, hour, minute } = zone(wallMs);
  const now = hour * 60 + minute;
  if (from < to) return days.has(weekday) && now >= from && now < to;
  return (days.has(weekday) && now >= from) || (days.has((weekday + 6) % 7) && now < to);
}

/** Local time is on the same side of the window's edges, and on the same day, until then at least. */
function steadyUntil({ from, to, zone }: Window, wallMs: Millis): Millis {
  const offsetMs = offsetAt(wallMs, zone);
  // Minutes of the day as multiples of a day of a clock that is so far ahead.
  const ends = [0, from, to].map((minute) => nextMultiple(wallMs, offsetMs - minute * MS_PER_MINUTE, DAY_MS));
  const untilMs = Math.min(...ends);
  return offsetAt(untilMs, zone) === offsetMs ? untilMs : changeBetween(wallMs, untilMs, zone);
}

const schedules = new Map<string, Schedule>();
/** Parsed ones; a config is asked about every second. */
const MAX_KEPT = 1000;

/** The same, kept for those who ask again. */
export function scheduleOf(text: string, zone?: string): Schedule {
  const key = `${text} ${zone ?? ""}`;
  let schedule = schedules.get(key);
  if (!schedule) {
    schedule = new Schedule(text, zone);
    if (schedules.size >= MAX_KEPT) schedules.clear();
    schedules.set(key, schedule);
  }
  return schedule;
}

function windowsOf(rule: string, byDefault: string | undefined): Window[] {
  const [days, times, zone = byDefault, ...rest] = rule.split("@");
  if (!days || !times || rest.length > 0) throw new ReelError("badArgument", `schedule ${rule}: ${FORM}`);
  const set = daysOf(days, rule);
  return times.split(",").map((time) => {
    const found = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(time.trim());
    const [from, to] = found ? [minutesOf(found[1], found[2]), minutesOf(found[3], found[4])] : [-1, -1];
    if (from < 0 || to < 0 || from === to || from === 24 * 60)
      throw new ReelError("badArgument", `schedule ${rule}: ${time} is no span of a day, as 08:00-18:00 is`);
    return { days: set, from, to, zone: zoneOf(zone) };
  });
}

/** -1 where it is no time; 24:00 is the end of a day. */
function minutesOf(hour = "", minute = ""): number {
  const minutes = Number(hour) * 60 + Number(minute);
  return Number(minute) > 59 || minutes > 24 * 60 ? -1 : minutes;
}

function daysOf(text: string, rule: string): Set<number> {
  if (text.trim() === "*") return new Set(DAYS.keys());
  const days = new Set<number>();
  for (const span of text.split(",")) {
    const ends = span.split("-").map((name) => DAYS.indexOf(name.trim().toLowerCase() as (typeof DAYS)[number]));
    const [first = -1, last = first] = ends;
    if (ends.length > 2 || first < 0 || last < 0)
      throw new ReelError("badArgument", `schedule ${rule}: ${span} is no day, nor a span of days; ${FORM}`);
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return days;
}
