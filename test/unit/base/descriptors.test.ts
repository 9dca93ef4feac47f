import { expect, it } from "vitest";
import { descriptorLimit, descriptorsFor } from "../../../src/base/descriptors.js";

it.each([
  ["Max open files            1024                 524288               files     \n", 1024],
  ["Max open files            unlimited            unlimited            files\n", Number.POSITIVE_INFINITY],
  ["", Number.POSITIVE_INFINITY],
])("the limit of open files in %j is %d", (text, limit) => {
  expect(
    descriptorLimit(`Max processes             64                   64                   processes\n${text}`),
  ).toBe(limit);
});

it("this process has one, and a thousand recordings want five descriptors each", () => {
  expect(descriptorLimit()).toBeGreaterThan(0);
  expect(descriptorsFor(1000) - descriptorsFor(0)).toBe(5000);
});
