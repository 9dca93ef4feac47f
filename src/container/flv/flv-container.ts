// FLV in the table of containers.

import { CONTAINER_FLV } from "../../abi/recording.js";
import { CODECS } from "../../media/codec/table.js";
import { inPlaceContainer } from "../in-place.js";
import { isTornFlv, repairFlv } from "./repair-flv.js";

export const flvContainer = inPlaceContainer({
  name: "flv",
  number: CONTAINER_FLV,
  carries: (codec) => CODECS[codec].flv !== undefined,
  repair: repairFlv,
  isTorn: isTornFlv,
});
