// Of more files than a page can show the newest are shown, whatever the catalogue's order.

import { expect, it } from "vitest";
import { type AskPage, MAX_FILES, newestFiles } from "../../../dashboard/src/state/newest-files.js";
import type { RecordedFile } from "../../../dashboard/src/state/server-types.js";

const DAY_MS = 86_400_000;
const TO_MS = Date.UTC(2026, 0, 31);

/** Every `everyMs` a file of that length, up to TO_MS, asked as the catalogue answers: oldest first, by pages. */
function catalogue(count: number, everyMs: number) {
  const files = Array.from({ length: count }, (_, index) => {
    const start = TO_MS - (count - index) * everyMs;
    return { sequence: index, start: new Date(start).toISOString(), end: new Date(start + everyMs).toISOString() };
  }) as RecordedFile[];
  const told = { questions: 0 };
  const ask: AskPage = async (fromMs, toMs, limit, cursor) => {
    told.questions++;
    const first = cursor === null ? 0 : Number(cursor);
    const there = files.filter(({ start, end }) => Date.parse(end ?? "") > fromMs && Date.parse(start) < toMs);
    const page = there.slice(first, first + limit);
    return { recordings: page, cursor: first + limit < there.length ? String(first + limit) : null };
  };
  return { ask, told };
}

it("asks once for a day of few files, and has each once, oldest first", async () => {
  const { ask, told } = catalogue(20, 3_600_000);
  const { files, isCut } = await newestFiles(ask, TO_MS - DAY_MS, TO_MS);
  expect(files.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect({ isCut, ...told }).toEqual({ isCut: false, questions: 1 });
});

it("has each file once that lies in two slices", async () => {
  const { ask } = catalogue(40, DAY_MS / 1.5);
  const { files, isCut } = await newestFiles(ask, TO_MS - 366 * DAY_MS, TO_MS);
  expect(files).toHaveLength(40);
  expect(isCut).toBe(false);
});

it("leaves the oldest of too many out, and says so", async () => {
  const { ask, told } = catalogue(12_000, 6000);
  const { files, isCut } = await newestFiles(ask, TO_MS - DAY_MS, TO_MS);
  expect(isCut).toBe(true);
  expect(files.length).toBeGreaterThanOrEqual(MAX_FILES);
  expect(files.length).toBeLessThan(MAX_FILES + 1000);
  expect(files.at(-1)?.sequence).toBe(11_999);
  expect(new Set(files.map(({ sequence }) => sequence)).size).toBe(files.length);
  expect(told.questions).toBeLessThan(20);
});

it("ends where thousands of files begin at one moment", async () => {
  const { ask } = catalogue(7000, 1);
  const { files, isCut } = await newestFiles(ask, TO_MS - DAY_MS, TO_MS);
  expect(files.length).toBeGreaterThanOrEqual(MAX_FILES);
  expect(isCut).toBe(true);
});
