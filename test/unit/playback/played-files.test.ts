import { expect, it } from "vitest";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { PlayedFiles } from "../../../src/playback/played-files.js";

const segment = (id: number) => ({ id }) as CatalogSegment;

it("keeps what was read within the last minute", () => {
  let nowMs = 0;
  const played = new PlayedFiles({ monotonicMs: () => nowMs });
  played.note(1);
  nowMs = 30_000;
  played.note(2);
  expect([1, 2, 3].map((id) => played.guard(segment(id)))).toEqual([
    "it is being played",
    "it is being played",
    undefined,
  ]);
  nowMs = 60_000;
  expect([1, 2].map((id) => played.guard(segment(id)))).toEqual([undefined, "it is being played"]);
});

it("keeps no archive of which all is read", () => {
  const played = new PlayedFiles({ monotonicMs: () => 0 });
  for (let id = 0; id < 10_000; id++) played.note(id);
  const held = Array.from({ length: 10_000 }, (_, id) => id).filter((id) => played.guard(segment(id)) !== undefined);
  expect([held.length, held[0]]).toEqual([256, 9744]);
});
