// Local time of a zone of the IANA database, or of the process where none is named. Offsets come from ICU for every
// instant anew, so daylight saving and changes of law are right for past times too.

import type { Millis } from "../time/units.js";
import { ReelError } from "./reel-error.js";

export interface LocalTime {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 = Sunday. */
  readonly weekday: number;
  /** East of Greenwich; with a fraction where history has seconds. */
  readonly offsetMinutes: number;
}

export type Zone = (wallMs: Millis) => LocalTime;

const MS_PER_MINUTE = 60_000;
/** As they were written: `europe/berlin` is one too, and so are offsets. */
const zones = new Map<string, Zone>();
/** The database has some 600 names. */
const MAX_KEPT = 1000;

/** The zone of the process. */
export const processZone: Zone = (wallMs) => {
  const date = new Date(wallMs);
  return fieldsOf(wallMs, -date.getTimezoneOffset());
};

/** `name` as in `Europe/Berlin`; undefined or "" = that of the process. Throws ReelError `badArgument`. */
export function zoneOf(name: string | undefined): Zone {
  if (!name) return processZone;
  const known = zones.get(name);
  if (known) return known;
  const made = makeZone(name);
  if (zones.size >= MAX_KEPT) zones.clear();
  zones.set(name, made);
  return made;
}

function makeZone(name: string): Zone {
  let format: Intl.DateTimeFormat;
  try {
    const clock = { hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" } as const;
    const date = { year: "numeric", month: "numeric", day: "numeric" } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, ...date, ...clock });
  } catch (error) {
    throw new ReelError(
      "badArgument",
      `${name} is no time zone; write it as Europe/Berlin, or UTC`,
      {},
      { cause: error },
    );
  }
  return (wallMs) => {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of format.formatToParts(wallMs)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const shown = Date.UTC(year, month - 1, day, hour, minute, second);
    return fieldsOf(wallMs, (shown - Math.floor(wallMs / 1000) * 1000) / MS_PER_MINUTE);
  };
}

function fieldsOf(wallMs: Millis, offsetMinutes: number): LocalTime {
  const shifted = new Date(wallMs + offsetMinutes * MS_PER_MINUTE);
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    weekday: shifted.getUTCDay(),
    offsetMinutes,
  };
}
