// What waits while a clock is judged, and how long and how much at most.

import { expect, it } from "vitest";
import { ClockGate } from "../../../src/ingest/clock-gate.js";
import type { Held, Waiting } from "../../../src/ingest/waiting.js";

const SILENT = 0;
const OTHER = 1;
const PATIENCE_MS = 4000;
const MAX_BYTES = 4 * 1024 * 1024;

function frame(track: number, ms: number, payloadBytes = 10): Held {
  const payload = new Uint8Array(payloadBytes);
  return { track, payload, dts90k: ms * 90, ctsOffset90k: 0, isRandomAccess: false, leading: 0 };
}

/** A gate whose track SILENT has stood for one frame, which is held. */
function holdingGate(): { gate: ClockGate; passed: Waiting[] } {
  const passed: Waiting[] = [];
  const gate = new ClockGate({ pass: (waiting) => passed.push(waiting), found: () => {} }, false);
  gate.take(frame(SILENT, 0), 0);
  gate.take(frame(OTHER, 0), 0);
  gate.take(frame(SILENT, 0), 0);
  expect(passed.splice(0)).toHaveLength(2);
  return { gate, passed };
}

it("lets all go on when a track that is judged has been silent for four seconds", () => {
  const { gate, passed } = holdingGate();
  for (let ms = 20; ms <= PATIENCE_MS; ms += 20) gate.take(frame(OTHER, ms), ms);
  expect(passed).toEqual([]);
  gate.take(frame(OTHER, PATIENCE_MS + 20), PATIENCE_MS + 20);
  expect(passed).toHaveLength(PATIENCE_MS / 20 + 2);
});

it("keeps no more than 4 MiB, of frames without bytes too", () => {
  const { gate, passed } = holdingGate();
  for (let i = 1; i <= MAX_BYTES / 256 && passed.length === 0; i++) gate.take(frame(OTHER, i / 100, 0), i / 100);
  expect(passed.length).toBeGreaterThan(1000);
});

it("keeps no more than 4 MiB, of configurations alone too", () => {
  const { gate, passed } = holdingGate();
  const bytes = new Uint8Array(65536);
  const config: Waiting = { kind: "config", track: OTHER, codec: "h264", bytes };
  for (let i = 1; i <= 64; i++) expect(gate.holdBehind(OTHER, config, 1)).toBe(true);
  expect(passed.filter(({ kind }) => kind === "config")).toHaveLength(64);
  expect(gate.holdBehind(OTHER, config, 1)).toBe(false);
});

it("gives each frame its own time, in the order of the times", () => {
  const { gate, passed } = holdingGate();
  gate.take(frame(SILENT, 0), 40);
  gate.take(frame(OTHER, 50), 50);
  gate.take(frame(SILENT, 90), 90);
  expect(passed.map((waiting) => waiting.kind === "frame" && [waiting.frame.track, waiting.frame.dts90k / 90])).toEqual(
    [
      [SILENT, 30],
      [OTHER, 50],
      [SILENT, 60],
      [SILENT, 90],
    ],
  );
});
