// The containers Reel writes. Nowhere outside this folder is a container asked for its name: a new one is a folder and
// an entry here (and in assembly/container/table.ts, and a reader in src/verify). `satisfies` keeps the table complete.

import type { Container, ContainerName } from "./container.js";
import { flvContainer } from "./flv/flv-container.js";
import { mp4Container } from "./mp4/mp4-container.js";
import { tsContainer } from "./mpegts/ts-container.js";

export type { ContainerName } from "./container.js";

export const CONTAINERS = { mp4: mp4Container, ts: tsContainer, flv: flvContainer } as const satisfies {
  [Name in ContainerName]: Container & { name: Name };
};

export const CONTAINER_NAMES = Object.keys(CONTAINERS) as readonly ContainerName[];

const ALL: readonly Container[] = Object.values(CONTAINERS);

/** By its number in the arena. */
export function containerByNumber(number: number): Container {
  const found = ALL.find((container) => container.number === number);
  if (!found) throw new Error(`no container has the number ${number}`);
  return found;
}

/** By the extension of a file's name; undefined where it is none of ours. */
export function containerOf(path: string): ContainerName | undefined {
  const extension = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return ALL.find((container) => container.extension === extension)?.name;
}

/** The unfinished segment that a file belongs to, by its name: beside it, or by `.info` alone where `markerOnly`. */
export function unfinishedBy(path: string, markerOnly = false): { path: string; container: ContainerName } | undefined {
  for (const { name, journal } of ALL) {
    const finalPath = journal?.finalPathOf(path);
    if (finalPath === undefined || (markerOnly && path !== finalPath + journal?.marker)) continue;
    return { path: finalPath, container: name };
  }
  return undefined;
}
