// The preview of one stream: one ffmpeg for all who watch it. It begins with the first watcher and ends some seconds
// behind the last, so that going from page to page does not start it anew. Who reads too slowly misses bytes, and waits
// for nobody: the player goes on at the next picture that stands alone.

import type { ChannelPeer } from "../base/channels.js";
import type { Timers } from "../base/timers.js";
import type { Millis } from "../time/units.js";

/** Behind the last watcher. */
export const LINGER_MS: Millis = 5000;
/** Half a second of a preview and more: whoever has not taken it looks at the past. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** RFC 6455's registry: try again later. */
export const TRY_AGAIN = 1013;

/** One run of ffmpeg. */
export interface PreviewProcess {
  stop(): void;
}

export interface PreviewEvents {
  onBytes(chunk: Uint8Array): void;
  onExit(reason: string): void;
}

export class Preview {
  readonly #watchers = new Set<ChannelPeer>();
  readonly #process: PreviewProcess;
  #cancelEnd: (() => void) | undefined;
  #isEnding = false;

  /** `onEnd`: the process is gone. */
  constructor(
    start: (events: PreviewEvents) => PreviewProcess,
    private readonly timers: Timers,
    private readonly onEnd: () => void,
  ) {
    this.#process = start({
      onBytes: (chunk) => this.#send(chunk),
      onExit: (reason) => this.#exited(reason),
    });
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Hands back what takes the watcher out again. */
  join(peer: ChannelPeer): () => void {
    if (this.#isEnding) {
      peer.close(TRY_AGAIN, "the preview begins anew");
      return () => {};
    }
    this.#cancelEnd?.();
    this.#cancelEnd = undefined;
    this.#watchers.add(peer);
    return () => {
      if (!this.#watchers.delete(peer) || this.#watchers.size > 0 || this.#isEnding) return;
      this.#cancelEnd = this.timers.after(LINGER_MS, () => this.end());
    };
  }

  end(): void {
    this.#cancelEnd?.();
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#process.stop();
  }

  #send(chunk: Uint8Array): void {
    for (const peer of this.#watchers) if (peer.bufferedBytes < MAX_BUFFERED_BYTES) peer.send(chunk);
  }

  #exited(reason: string): void {
    this.#cancelEnd?.();
    this.#isEnding = true;
    for (const peer of this.#watchers) peer.close(TRY_AGAIN, reason);
    this.#watchers.clear();
    this.onEnd();
  }
}
