// What a container can carry: a field of each codec's entry in the codec table, asked here and nowhere else.

import type { CodecName, TrackKind } from "../media/codec/codec-entry.js";
import { CODECS } from "../media/codec/table.js";
import type { ContainerName } from "./container.js";
import { CONTAINER_NAMES } from "./table.js";

export function carries(container: ContainerName, codec: CodecName): boolean {
  return CODECS[codec][container] !== null;
}

/** The number of the first video that a container carries of a stream; undefined where there is none. */
export function mainVideoOf(
  container: ContainerName,
  tracks: readonly { number: number; kind: TrackKind; codec: CodecName | undefined }[],
): number | undefined {
  const isCarried = (codec: CodecName | undefined): boolean => codec !== undefined && carries(container, codec);
  return tracks.find(({ kind, codec }) => kind === "video" && isCarried(codec))?.number;
}

/** Those that can carry at least one of the codecs. */
export function containersFor(codecs: readonly CodecName[]): readonly ContainerName[] {
  return CONTAINER_NAMES.filter((container) => codecs.some((codec) => carries(container, codec)));
}
