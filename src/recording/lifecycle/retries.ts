// When a config that waits begins again while its stream is there: every second (ems-record-spec §3.2), where its
// volume and its priority let it. A sick volume, or a full one, is waited for: a state, not an event a second. Outside
// of its schedule it does not try: the clock says when (clock/clocked-configs.ts).

import type { ErrorCode } from "../../base/reel-error.js";
import type { InStream } from "../../stream/in-stream.js";
import type { Clock } from "../../time/units.js";
import { isOnTime } from "../clock/clocked-configs.js";
import type { Target } from "../naming/naming.js";
import { mayWriteAgain } from "./admission.js";
import type { ConfigEntry } from "./config-entry.js";

const RETRY_MS = 1000;

export interface RetriesParts {
  readonly clock: Clock;
  readonly isSick: (volume: number) => boolean;
  readonly isAdmitted: (entry: ConfigEntry) => boolean;
  /** undefined where there is none, and when nothing is started any more. */
  readonly streamOf: (entry: ConfigEntry) => InStream | undefined;
  readonly start: (entry: ConfigEntry, stream: InStream) => void;
}

export class Retries {
  constructor(private readonly parts: RetriesParts) {}

  isOnTime({ config }: ConfigEntry): boolean {
    return isOnTime(config, this.parts.clock.wallMs());
  }

  /** `cause` is why its last recording ended, `target` where it wrote. */
  later(entry: ConfigEntry, target?: Target, cause?: ErrorCode): void {
    clearTimeout(entry.retry);
    entry.waitsForTime = !this.isOnTime(entry);
    if (!entry.waitsForTime) entry.retry = setTimeout(() => void this.now(entry, target, cause), RETRY_MS);
  }

  async now(entry: ConfigEntry, target?: Target, cause?: ErrorCode): Promise<void> {
    entry.waitsForTime = false;
    const may = await mayWriteAgain(target, cause, this.parts.isSick);
    if (entry.isRemoved || entry.recordings.size > 0) return;
    const stream = this.parts.streamOf(entry);
    if (!stream) return;
    // A look-up that still waits for its volume is not asked a second time.
    if (may && entry.claims === 0 && this.parts.isAdmitted(entry)) this.parts.start(entry, stream);
    else this.later(entry, target, cause);
  }
}
