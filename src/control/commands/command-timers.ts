// setTimer, listTimers, removeTimer (ems-record-spec §2.9). A period repeats and is counted from when it was set, so it
// does not drift; a time of day or a date fires once. Both are UTC, as every time of this interface. Timers live as
// long as the server runs, because they drive stream ids, which live no longer.

import type { Timers } from "../../base/timers.js";
import type { Clock } from "../../time/units.js";
import type { ValueObject } from "../replies/reply.js";
import type { Variables } from "./user-variables.js";

export type TimerEventType = "timerCreated" | "timerTriggered" | "timerClosed";

/** setTimeout's own limit is 2^31 - 1 ms; a later date is waited for in steps. */
const MAX_WAIT_MS = 86_400_000;
/** A scheduler of recordings needs one per stream, far fewer than this. */
const MAX_TIMERS = 10_000;
const MAX_PERIOD_S = 86_399;
const DAY_MS = 86_400_000;

export type TimerValue = { readonly periodS: number } | { readonly atMs: number };

/** Parses setTimer's `value`; undefined where it is none. */
export function parseTimerValue(text: string, nowMs: number): TimerValue | undefined {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text) <= MAX_PERIOD_S ? { periodS: Number(text) } : undefined;
  const time = /^(\d{2}):(\d{2}):(\d{2})$/.exec(text);
  if (time) {
    const [hours, minutes, seconds] = time.slice(1).map(Number) as [number, number, number];
    if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
    const today = Math.floor(nowMs / DAY_MS) * DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000;
    return { atMs: today > nowMs ? today : today + DAY_MS };
  }
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.000)?$/.test(text)) return undefined;
  const atMs = Date.parse(`${text.slice(0, 19)}Z`);
  // Date.parse reads 31 February as 3 March.
  return Number.isNaN(atMs) || atMs <= nowMs || new Date(atMs).toISOString().slice(0, 19) !== text.slice(0, 19)
    ? undefined
    : { atMs };
}

interface Timer {
  readonly id: number;
  readonly value: TimerValue;
  readonly variables: Variables;
  readonly setMonotonicMs: number;
  triggerCount: number;
  /** The next trigger comes at this multiple of the period. */
  nextMultiple: number;
  cancel: () => void;
}

export class CommandTimers {
  readonly #set = new Map<number, Timer>();
  #lastId = 0;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly onEvent: (type: TimerEventType, timer: ValueObject) => void,
  ) {}

  /** Undefined where there are too many. */
  set(value: TimerValue, variables: Variables): ValueObject | undefined {
    if (this.#set.size >= MAX_TIMERS) return undefined;
    const timer: Timer = {
      id: ++this.#lastId,
      value,
      variables,
      setMonotonicMs: this.clock.monotonicMs(),
      triggerCount: 0,
      nextMultiple: 1,
      cancel: () => {},
    };
    this.#set.set(timer.id, timer);
    this.onEvent("timerCreated", timerObject(timer));
    this.#arm(timer);
    return timerObject(timer);
  }

  list(): ValueObject[] {
    return [...this.#set.values()].map(timerObject);
  }

  remove(id: number): ValueObject | undefined {
    const timer = this.#set.get(id);
    if (!timer) return undefined;
    timer.cancel();
    this.#set.delete(id);
    this.onEvent("timerClosed", timerObject(timer));
    return timerObject(timer);
  }

  close(): void {
    for (const timer of this.#set.values()) timer.cancel();
    this.#set.clear();
  }

  #remainingMs(timer: Timer): number {
    if ("atMs" in timer.value) return timer.value.atMs - this.clock.wallMs();
    return timer.setMonotonicMs + timer.nextMultiple * timer.value.periodS * 1000 - this.clock.monotonicMs();
  }

  #arm(timer: Timer): void {
    const waitMs = Math.max(0, Math.min(this.#remainingMs(timer), MAX_WAIT_MS));
    timer.cancel = this.timers.after(waitMs, () => {
      if (this.#remainingMs(timer) > 0) this.#arm(timer);
      else this.#trigger(timer);
    });
  }

  #trigger(timer: Timer): void {
    timer.triggerCount++;
    this.onEvent("timerTriggered", timerObject(timer));
    if (!this.#set.has(timer.id)) return;
    if ("atMs" in timer.value) {
      this.remove(timer.id);
      return;
    }
    // After a stall the missed triggers are left out.
    const passed = Math.floor((this.clock.monotonicMs() - timer.setMonotonicMs) / (timer.value.periodS * 1000));
    timer.nextMultiple = Math.max(timer.nextMultiple, passed) + 1;
    this.#arm(timer);
  }
}

function timerObject(timer: Timer): ValueObject {
  const value =
    "atMs" in timer.value ? `${new Date(timer.value.atMs).toISOString().slice(0, 19)}.000` : timer.value.periodS;
  return { ...timer.variables, timerId: timer.id, triggerCount: timer.triggerCount, value };
}
