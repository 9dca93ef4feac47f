// MPEG-TS in the table of containers.

import { CONTAINER_TS } from "../../abi/recording.js";
import { inPlaceContainer } from "../in-place.js";
import { isTornTs, repairTs } from "./repair-ts.js";

export const tsContainer = inPlaceContainer({
  name: "ts",
  number: CONTAINER_TS,
  repair: repairTs,
  isTorn: isTornTs,
  mediaStart: () => 0, // nothing is patched
});
