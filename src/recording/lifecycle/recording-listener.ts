// What a recording tells those who started it. `R` is the recording: its module needs this one.

import type { ReelError } from "../../base/reel-error.js";
import type { Gap } from "../../stream/gap.js";
import type { Segment } from "./segment.js";

export interface RecordingListener<R> {
  segmentOpened(recording: R, segment: Segment): void;
  segmentFailed(recording: R, segment: Segment | undefined, error: ReelError): void;
  gap(recording: R, segment: Segment | undefined, gap: Gap): void;
  /** The cursor has reached the random access point of a hand-over: the successor begins there. */
  handOver(recording: R, index: number): void;
  /** It takes no more frames. `failure` is set where it did not end by itself. */
  stopped(recording: R, failure: ReelError | undefined): void;
  /** Its last segment is final; it is gone. */
  ended(recording: R): void;
  /** It has work for the scheduler. */
  wake(recording: R): void;
}
