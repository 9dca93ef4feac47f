// How much a recording has received since its segment began: what the segment holds, and what the ring holds for it.
// Counted without a look into the ring, from what the stream has counted: it is asked for ten times a second.

import { MAX_TRACKS } from "../../abi/frame.js";
import type { Feed } from "../../stream/feed.js";
import type { Gap } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import type { TrackStatistics } from "../../stream/stream-counters.js";
import { TICKS_PER_MS } from "../../time/units.js";
import { newReceivedNote, type ReceivedNote } from "../received-note.js";
import type { Amount } from "./interruption.js";
import type { Segment } from "./segment.js";

/** Of frames that the ring held, or a file that is gone; others never came so far. */
const OF_RECEIVED: ReadonlySet<Gap["cause"]> = new Set(["lag", "unusable", "writeFailed", "lostFile"]);

export class Received {
  /** Per track: what the stream had brought when the segment began. */
  #before: Amount[] | undefined;
  #told: Amount = { frames: 0, bytes: 0 };
  readonly #note: ReceivedNote;
  // As the last look has found them.
  #segment: Segment | undefined;
  #isOpen = false;
  #tracks: InStream["tracks"] | undefined;
  /** Statistics of the tracks that count, and what is to be added to their sums. */
  #counted: TrackStatistics[] = [];
  readonly #due: Amount = { frames: 0, bytes: 0 };
  /** What the segment holds. */
  readonly #held: Amount = { frames: 0, bytes: 0 };
  #heldMs = 0;

  constructor(
    private readonly stream: InStream,
    configId: number,
    private readonly hasAudio: boolean,
  ) {
    this.#note = newReceivedNote(configId);
  }

  /** The segment has opened, with all that was told before. `hasTaken`: frames behind the cursor that need no file. */
  begin(
    segment: Segment,
    tail: number,
    hasTaken: (track: number, index: number) => boolean,
    feed: Feed = this.stream,
  ): void {
    this.stream.look();
    this.#told = { frames: 0, bytes: 0 };
    this.#before = feed.statistics.map(({ frames, bytes }, track) => ({
      frames: frames - segment.frames(track),
      bytes: bytes - segment.bytes(track),
    }));
    for (let frame = feed.ring.frameAt(tail); frame; frame = feed.ring.frameAt(frame.next)) {
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

  /**
   * What the segment holds may have changed: a drain has returned, a gap was told, it has ended. Between two looks only
   * the stream's own counts are read, because ten times a second every state that is touched comes from memory afar.
   */
  look(segment: Segment | undefined): void {
    const { stream } = this;
    const note = this.#note;
    const open = segment?.isOpen ? segment : undefined;
    const held = open?.taken;
    const lost = open?.lost;
    note.sequence = open?.sequence ?? 0;
    this.#isOpen = open !== undefined;
    if (open) note.zeroMs = open.zero90k / TICKS_PER_MS;
    note.lostFrames = lost?.frames ?? 0;
    note.lostBytes = lost?.bytes ?? 0;
    note.lostMs = lost?.durationMs ?? 0;
    this.#held.frames = held?.frames ?? 0;
    this.#held.bytes = held?.bytes ?? 0;
    this.#heldMs = open?.durationMs ?? 0;
    this.#segment = segment;
    this.#tracks = stream.tracks;
    this.#counted = [];
    this.#due.frames = -this.#told.frames;
    this.#due.bytes = -this.#told.bytes;
    // Nothing before the first segment: it decides where recording begins.
    if (!this.#before) return;
    for (const { number, kind } of stream.tracks) {
      const own = stream.statistics[number];
      // Of the tracks that the container carries.
      if (!own || (kind === "audio" && !this.hasAudio) || segment?.carries(number) === false) continue;
      this.#counted.push(own);
      this.#due.frames -= this.#before[number]?.frames ?? 0;
      this.#due.bytes -= this.#before[number]?.bytes ?? 0;
    }
  }

  /** The same object every time. */
  note(wallMs: number): ReceivedNote {
    const { stream } = this;
    if (stream.tracks !== this.#tracks) this.look(this.#segment);
    const note = this.#note;
    const newestMs = stream.newest90k / TICKS_PER_MS;
    let { frames, bytes } = this.#due;
    for (const own of this.#counted) {
      frames += own.frames;
      bytes += own.bytes;
    }
    note.frames = Math.max(0, frames);
    note.bytes = Math.max(0, bytes);
    if (!this.#isOpen) note.zeroMs = newestMs;
    note.durationMs = newestMs - note.zeroMs;
    note.waitingFrames = Math.max(0, note.frames - this.#held.frames);
    note.waitingBytes = Math.max(0, note.bytes - this.#held.bytes);
    note.waitingMs = Math.max(0, note.durationMs - this.#heldMs);
    note.wallMs = wallMs;
    return note;
  }
}
