// What the volumes of the media folders still take, and how long that lasts. A volume that hangs must not hold up the
// scrape: its samples are left out then, and one says so.

import { statfs } from "node:fs/promises";
import { FillRate } from "../base/fill-rate.js";
import { gauge, type Sample } from "../base/samples.js";
import { askVolume } from "../base/volume-calls.js";
import type { Clock } from "../time/units.js";

const PATIENCE_MS = 1_000;
/** How a volume stands. */
export interface VolumeState {
  readonly folder: string;
  /** False where it hangs; the numbers are 0 then. */
  readonly answers: boolean;
  readonly freeBytes: number;
  readonly sizeBytes: number;
  readonly fillBytesPerSecond: number;
  /** Infinity where it does not fill up. */
  readonly fullInSeconds: number;
}

export class VolumeWatch {
  readonly #rate = new FillRate();
  #attempt: Promise<{ freeBytes: number; sizeBytes: number }> | undefined;

  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
  ) {}

  async state(): Promise<VolumeState> {
    const { folder } = this;
    const found = await this.#look();
    if (!found)
      return { folder, answers: false, freeBytes: 0, sizeBytes: 0, fillBytesPerSecond: 0, fullInSeconds: Number.NaN };
    const fillBytesPerSecond = this.#rate.after({ atMs: this.clock.monotonicMs(), freeBytes: found.freeBytes });
    const fullInSeconds = secondsUntilFull(found.freeBytes, fillBytesPerSecond);
    return { folder, answers: true, ...found, fillBytesPerSecond, fullInSeconds };
  }

  async collect(): Promise<readonly Sample[]> {
    const labels = { folder: this.folder };
    const state = await this.state();
    const answers = gauge(
      "reel_volume_answers",
      `1 where the volume of a media folder answers within ${PATIENCE_MS / 1000} s.`,
      state.answers ? 1 : 0,
      labels,
    );
    if (!state.answers) return [answers];
    const { freeBytes, sizeBytes, fillBytesPerSecond, fullInSeconds } = state;
    const fillHelp = "By which it fills up, over ten minutes at most.";
    const fullHelp = "At this rate, until nothing is free; +Inf where it does not fill up.";
    return [
      answers,
      gauge("reel_volume_free_bytes", "Free for users of the volume of a media folder.", freeBytes, labels),
      gauge("reel_volume_size_bytes", "Size of the volume of a media folder.", sizeBytes, labels),
      gauge("reel_volume_fill_bytes_per_second", fillHelp, fillBytesPerSecond, labels),
      gauge("reel_volume_full_in_seconds", fullHelp, fullInSeconds, labels),
    ];
  }

  /** One call at a time, so that a hung volume holds one thread. */
  async #look(): Promise<{ freeBytes: number; sizeBytes: number } | undefined> {
    this.#attempt ??= askVolume(() => statfs(this.folder))
      .then(({ bavail, blocks, bsize }) => ({ freeBytes: bavail * bsize, sizeBytes: blocks * bsize }))
      .finally(() => {
        this.#attempt = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    });
    try {
      return await Promise.race([this.#attempt.catch(() => undefined), patience]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What is full is full, whatever it did before. */
export function secondsUntilFull(freeBytes: number, rate: number): number {
  if (freeBytes === 0) return 0;
  return rate > 0 ? freeBytes / rate : Number.POSITIVE_INFINITY;
}
