// The dashboard's titles of codecs are those of the codec table.

import { expect, it } from "vitest";
import { CODEC_TITLES } from "../../../dashboard/src/lib/codec-titles.js";
import { CODECS } from "../../../src/media/codec/table.js";

it("every codec has in the dashboard the title that the server gives it", () => {
  expect(CODEC_TITLES).toEqual(Object.fromEntries(Object.values(CODECS).map(({ name, title }) => [name, title])));
});
