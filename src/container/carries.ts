// What a container can carry: a field of each codec's entry in the codec table, asked here and nowhere else.

import type { CodecName } from "../media/codec/codec-entry.js";
import { CODECS } from "../media/codec/table.js";
import type { ContainerName } from "./container.js";
import { CONTAINER_NAMES } from "./table.js";

export function carries(container: ContainerName, codec: CodecName): boolean {
  return CODECS[codec][container] !== null;
}

/** Those that can carry at least one of the codecs. */
export function containersFor(codecs: readonly CodecName[]): readonly ContainerName[] {
  return CONTAINER_NAMES.filter((container) => codecs.some((codec) => carries(container, codec)));
}
