// The load as a network brings it that delivers in bursts: of each stream one write every so many milliseconds, with
// all frames that were due meanwhile. A period's messages lie in one buffer, so a burst is a view of it and costs its
// write alone: at gigabits a second the usual load, a write a frame, takes more of the machine than what it loads.

import type { LoadEvent, LoadTemplate } from "./workload.js";

export interface Burst {
  /** One, or two where the period ends within it. */
  parts: Buffer[];
  videoFrames: number;
  audioFrames: number;
  payloadBytes: number;
  /** Where the next one begins. */
  lap: number;
  next: number;
}

/** A template's messages in a row. */
export class BurstTemplate {
  readonly #events: readonly LoadEvent[];
  readonly #firstLap: Buffer;
  readonly #lap: Buffer;
  /** Where each message begins in either, and the end. */
  readonly #firstStarts: number[];
  readonly #starts: number[];

  constructor(
    { events }: LoadTemplate,
    readonly periodMs: number,
  ) {
    this.#events = events;
    const firsts = new Set([events.find(({ isVideo }) => isVideo), events.find(({ isVideo }) => !isVideo)]);
    const messages = events.map((event) => (firsts.has(event) ? event.first : event.message));
    this.#firstLap = Buffer.concat(messages);
    this.#firstStarts = startsOf(messages);
    this.#lap = Buffer.concat(events.map(({ message }) => message));
    this.#starts = startsOf(events.map(({ message }) => message));
  }

  /** From that message on, all that are due before `untilMs` of media time. */
  take(lap: number, next: number, untilMs: number): Burst {
    const burst: Burst = { parts: [], videoFrames: 0, audioFrames: 0, payloadBytes: 0, lap, next };
    for (;;) {
      const from = burst.next;
      for (; burst.next < this.#events.length; burst.next++) {
        const { atMs, isVideo, payloadBytes } = this.#events[burst.next] as LoadEvent;
        if (burst.lap * this.periodMs + atMs >= untilMs) break;
        if (isVideo) burst.videoFrames++;
        else burst.audioFrames++;
        burst.payloadBytes += payloadBytes;
      }
      const [bytes, starts] = burst.lap === 0 ? [this.#firstLap, this.#firstStarts] : [this.#lap, this.#starts];
      if (burst.next > from) burst.parts.push(bytes.subarray(starts[from], starts[burst.next]));
      if (burst.next < this.#events.length) return burst;
      burst.lap++;
      burst.next = 0;
    }
  }
}

function startsOf(messages: readonly Buffer[]): number[] {
  const starts = [0];
  for (const { length } of messages) starts.push((starts.at(-1) as number) + length);
  return starts;
}
