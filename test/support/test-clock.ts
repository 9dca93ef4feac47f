// A clock that belongs to the test.

import type { Clock } from "../../src/time/units.js";

export class TestClock implements Clock {
  nowMs = 1_000_000;
  wallMs(): number {
    return 1_700_000_000_000 + this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
}
