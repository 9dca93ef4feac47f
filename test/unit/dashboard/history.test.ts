import { expect, it } from "vitest";
import { StreamHistory } from "../../../dashboard/src/state/history.js";
import type { StreamState } from "../../../dashboard/src/state/server-types.js";

function told(upTimeMs: number, bytes: number): StreamState[] {
  const track = { track: 0, kind: "video", codec: "h264", frames: upTimeMs / 40, bytes };
  return [{ id: 1, name: "cam1", upTimeMs, tracks: [track], recordings: [] } as unknown as StreamState];
}

it("makes rates of counters, by the server's clock", () => {
  const history = new StreamHistory();
  history.add(told(10_000, 1000), 0);
  history.add(told(12_000, 251_000), 2000);
  expect(history.latest(1)).toMatchObject({ bitsPerSecond: 1_000_000, frameIntervalMs: 40 });
});

it("begins anew where the server was started again and gives the same ids", () => {
  const history = new StreamHistory();
  history.add(told(3_600_000, 9e9), 0);
  history.add(told(3_602_000, 9.1e9), 2000);
  history.add(told(1000, 0), 4000);
  expect(history.latest(1)).toBeUndefined();
  history.add(told(3000, 250_000), 6000);
  expect(history.latest(1)?.bitsPerSecond).toBe(1_000_000);
});
