// The containers Reel writes: their names, file extensions and numbers in the ABI. `satisfies` keeps the table
// complete.

import { CONTAINER_FLV, CONTAINER_MP4, CONTAINER_TS } from "../abi/recording.js";

export type ContainerName = "mp4" | "ts" | "flv";

export const CONTAINERS = { mp4: CONTAINER_MP4, ts: CONTAINER_TS, flv: CONTAINER_FLV } as const satisfies Record<
  ContainerName,
  number
>;

/** Of a file name. */
export function containerOf(path: string): ContainerName | undefined {
  const extension = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return Object.hasOwn(CONTAINERS, extension) ? (extension as ContainerName) : undefined;
}
