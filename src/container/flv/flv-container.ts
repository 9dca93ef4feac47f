// FLV in the table of containers.

import { CONTAINER_FLV } from "../../abi/recording.js";
import { inPlaceContainer } from "../in-place.js";
import { flvMediaStart } from "./media-start.js";
import { isTornFlv, repairFlv } from "./repair-flv.js";

export const flvContainer = inPlaceContainer({
  name: "flv",
  number: CONTAINER_FLV,
  repair: repairFlv,
  isTorn: isTornFlv,
  mediaStart: flvMediaStart,
});
