// A copy of a file beside what may have its name already: the same bytes are the copy, any others are another's file.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { copy } from "../../../src/worker/copy-task.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const BYTES = Buffer.alloc((1 << 20) + 100, 7);

function given(name: string, there: Buffer | undefined) {
  const [from, to] = [path(`${name}.ts`), path(`${name}.copy.ts`)];
  writeFileSync(from, BYTES);
  if (there) writeFileSync(to, there);
  return { from, to, sizeBytes: BYTES.length, hasManifest: false };
}

/** The same size, another last byte. */
function another(): Buffer {
  const bytes = Buffer.from(BYTES);
  bytes[bytes.length - 1] = 8;
  return bytes;
}

it("that is there already is not made again", () => {
  const request = given("same", BYTES);
  expect(copy({ ...request, overwrite: false })).toEqual({ failure: undefined });
  expect(readFileSync(request.to).equals(BYTES)).toBe(true);
});

it.each([
  ["size", Buffer.from("another's")],
  ["last byte", another()],
])("replaces no file of another %s, unless it may", (what, there) => {
  const request = given(`another ${what}`, there);
  expect(copy({ ...request, overwrite: false }).failure).toMatchObject({ code: "targetBusy" });
  expect(readFileSync(request.to).equals(there)).toBe(true);
  expect(copy({ ...request, overwrite: true })).toEqual({ failure: undefined });
  expect(readFileSync(request.to).equals(BYTES)).toBe(true);
  expect(readdirSync(path("")).filter((name) => name.includes("copying"))).toEqual([]);
});

it("is none of a file that is gone, or has another size than was recorded", () => {
  const request = given("shrunk", undefined);
  expect(copy({ ...request, sizeBytes: 5, overwrite: false }).failure).toMatchObject({ code: "lostFile" });
  expect(copy({ ...request, from: path("nothing.ts"), overwrite: false }).failure).toMatchObject({ code: "notFound" });
});
