// How much a recording has received since its segment began: what the segment holds, and what the ring holds for it.
// Counted without a look into the ring, from what the stream has counted: it is asked for ten times a second.

import { MAX_TRACKS } from "../../abi/frame.js";
import type { Gap } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import { TICKS_PER_MS } from "../../time/units.js";
import { NOTHING_RECEIVED, type ReceivedNote } from "../received-note.js";
import type { Amount } from "./interruption.js";
import type { Segment } from "./segment.js";

/** Of frames that the ring held, or a file that is gone; others never came so far. */
const OF_RECEIVED: ReadonlySet<Gap["cause"]> = new Set(["lag", "unusable", "writeFailed", "lostFile"]);

export class Received {
  /** Per track: what the stream had brought when the segment began. */
  #before: Amount[] | undefined;
  #told: Amount = { frames: 0, bytes: 0 };
  readonly #note: ReceivedNote;

  constructor(
    private readonly stream: InStream,
    configId: number,
    private readonly hasAudio: boolean,
  ) {
    this.#note = { ...NOTHING_RECEIVED, configId };
  }

  /** The segment has opened, with all that was told before. `hasTaken`: frames behind the cursor that need no file. */
  begin(segment: Segment, tail: number, hasTaken: (track: number, index: number) => boolean): void {
    const { stream } = this;
    this.#told = { frames: 0, bytes: 0 };
    this.#before = stream.statistics.map(({ frames, bytes }, track) => ({
      frames: frames - segment.frames(track),
      bytes: bytes - segment.bytes(track),
    }));
    for (let frame = stream.ring.frameAt(tail); frame; frame = stream.ring.frameAt(frame.next)) {
      const before = this.#before[frame.track];
      if (!before || hasTaken(frame.track, frame.index)) continue;
      before.frames--;
      before.bytes -= frame.sizeBytes;
    }
  }

  told(gap: Gap): void {
    if (!OF_RECEIVED.has(gap.cause)) return;
    this.#told.frames += gap.frames;
    this.#told.bytes += gap.bytes;
  }

  /** What it held is in a file. */
  end(segment: Segment): void {
    for (let track = 0; track < MAX_TRACKS; track++) {
      const before = this.#before?.[track];
      if (!before) continue;
      before.frames += segment.frames(track);
      before.bytes += segment.bytes(track);
    }
  }

  /** The same object every time. */
  note(segment: Segment | undefined, wallMs: number): ReceivedNote {
    const open = segment?.isOpen ? segment : undefined;
    const newestMs = this.stream.newest90k / TICKS_PER_MS;
    const note = this.#note;
    this.#setDue(segment);
    note.sequence = open?.sequence ?? 0;
    note.zeroMs = open ? open.zero90k / TICKS_PER_MS : newestMs;
    note.durationMs = newestMs - note.zeroMs;
    const held = open?.taken;
    note.waitingFrames = Math.max(0, note.frames - (held?.frames ?? 0));
    note.waitingBytes = Math.max(0, note.bytes - (held?.bytes ?? 0));
    note.waitingMs = Math.max(0, note.durationMs - (open?.durationMs ?? 0));
    const lost = open?.lost;
    note.lostFrames = lost?.frames ?? 0;
    note.lostBytes = lost?.bytes ?? 0;
    note.lostMs = lost?.durationMs ?? 0;
    note.wallMs = wallMs;
    return note;
  }

  /** Of the tracks that the container carries. Nothing before the first segment: it decides where recording begins. */
  #setDue(segment: Segment | undefined): void {
    let frames = -this.#told.frames;
    let bytes = -this.#told.bytes;
    const { stream } = this;
    if (this.#before) {
      for (const { number, kind } of stream.tracks) {
        const own = stream.statistics[number];
        if (!own || (kind === "audio" && !this.hasAudio) || segment?.carries(number) === false) continue;
        const before = this.#before[number];
        frames += own.frames - (before?.frames ?? 0);
        bytes += own.bytes - (before?.bytes ?? 0);
      }
    }
    this.#note.frames = Math.max(0, frames);
    this.#note.bytes = Math.max(0, bytes);
  }
}
