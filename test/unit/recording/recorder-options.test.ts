// What of a recorder's options is refused at once.

import { expect, it } from "vitest";
import { completeRecorderOptions } from "../../../src/recording/recorder-options.js";

it.each([2 ** 31, 2 ** 15, 100_000])(
  "a ring of %i bytes is refused: half of what 32 bits count is too large",
  (bytes) => {
    expect(() => completeRecorderOptions({ mediaFolders: ["media"], maxRingBytes: bytes, ringBytes: 65_536 })).toThrow(
      /powers of two from 65536 to 1073741824/,
    );
  },
);

it("a ring of 1 GiB is taken", () => {
  expect(completeRecorderOptions({ mediaFolders: ["media"], maxRingBytes: 2 ** 30 }).maxRingBytes).toBe(2 ** 30);
});
