// The publishers of `reel capacity`, in a process of their own: many streams over real RTMP, each at the pace of the
// clip's clock. Forked by trial.ts, which says how many there shall be.

import { RtmpPublisher } from "../../ingest/rtmp/publish-client.js";
import type { FlvTag } from "../../media/flv/flv-tag.js";
import { clipLengthMs, readClip } from "../clip.js";
import { paddedClip } from "./padded-clip.js";

export interface LoadWish {
  /** rtmp://HOST:PORT/APP/, before the name. */
  readonly url: string;
  readonly bytesPerSecond: number;
  readonly streams: number;
}

/** What is told when all of a wish publish. */
export interface LoadState {
  readonly streams: number;
  /** How late tags left since the last wish, at worst: a load that does not keep up measures nothing. */
  readonly lateMs: number;
  /** Of one stream, at worst: what the server did not take. */
  readonly unsentBytes: number;
  readonly failure?: string;
}

const TICK_MS = 10;
const CONNECTS_AT_ONCE = 16;
const SPREAD_MS = 1000;

interface Loop {
  readonly tags: readonly FlvTag[];
  readonly lengthMs: number;
}

class PacedStream {
  readonly #publisher: RtmpPublisher;
  readonly #startMs: number;
  #next = 0;
  #lap = 0;

  constructor(publisher: RtmpPublisher, startMs: number) {
    this.#publisher = publisher;
    this.#startMs = startMs;
  }

  /** Sends what is due. Returns how late the latest of it was. */
  send({ tags, lengthMs }: Loop, nowMs: number): number {
    let lateMs = 0;
    for (;;) {
      const tag = tags[this.#next] as FlvTag;
      const timestampMs = tag.timestampMs + this.#lap * lengthMs;
      const dueMs = this.#startMs + timestampMs;
      if (dueMs > nowMs) return lateMs;
      lateMs = Math.max(lateMs, nowMs - dueMs);
      this.#publisher.send({ type: tag.type, timestampMs, data: tag.data });
      if (++this.#next === tags.length) {
        this.#next = 0;
        this.#lap++;
      }
    }
  }

  get unsentBytes(): number {
    return this.#publisher.unsentBytes;
  }

  get hasEnded(): boolean {
    return this.#publisher.isClosed;
  }
}

const streams: PacedStream[] = [];
let loop: Loop | undefined;
let lateMs = 0;

function tick(): void {
  if (!loop) return;
  const nowMs = performance.now();
  for (const stream of streams) if (!stream.hasEnded) lateMs = Math.max(lateMs, stream.send(loop, nowMs));
}

async function grow({ url, bytesPerSecond, streams: wanted }: LoadWish): Promise<void> {
  const clip = readClip();
  loop ??= { tags: paddedClip(clip, bytesPerSecond), lengthMs: clipLengthMs(clip) };
  while (streams.length < wanted) {
    const first = streams.length;
    const count = Math.min(CONNECTS_AT_ONCE, wanted - first);
    const publishers = await Promise.all(
      Array.from({ length: count }, (_, i) => RtmpPublisher.open(`${url}capacity${first + i}`)),
    );
    // Their key pictures do not come in one moment, as those of real encoders do not.
    for (const publisher of publishers)
      streams.push(new PacedStream(publisher, performance.now() + Math.random() * SPREAD_MS));
  }
}

function tell(failure?: string): void {
  const ended = streams.filter((stream) => stream.hasEnded).length;
  const unsentBytes = Math.max(0, ...streams.map((stream) => stream.unsentBytes));
  const reason = failure ?? (ended > 0 ? `the server ended ${ended} of ${streams.length} streams` : undefined);
  const state: LoadState = { streams: streams.length, lateMs, unsentBytes };
  process.send?.(reason === undefined ? state : { ...state, failure: reason });
  lateMs = 0;
}

process.on("message", (wish: LoadWish) => {
  grow(wish).then(
    () => tell(),
    (error: Error) => tell(error.message),
  );
});
process.on("disconnect", () => process.exit());
setInterval(tick, TICK_MS);
