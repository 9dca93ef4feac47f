// The plan of all rules: those of record configs first, then those of media folders, which see what the first leave.
// What is to be free is counted by volume, since folders share it, and what was deleted and is not yet free counts.

import type { RetentionRule } from "../recording/retention-rule.js";
import { type FolderWatch, folderOf } from "./folder-watch.js";
import { byAge, type KeptSegment, type PlannedDeletion, planScope, type VolumeRoom } from "./retention-plan.js";

export interface WholePlan {
  /** What may be deleted, oldest first. */
  readonly segments: readonly KeptSegment[];
  readonly folders: readonly FolderWatch[];
  /** Rule of a record config that exists. */
  readonly ruleOf: (configId: number) => RetentionRule | undefined;
  /** Of what no config bounds itself, and of files whose config is gone. */
  readonly byDefault: RetentionRule;
  /** Whether a folder deletes for the sake of its volume now. */
  readonly makesRoom: (folder: FolderWatch) => boolean;
  /** What was deleted on its volume and is not yet free. */
  readonly toCome: (folder: FolderWatch) => number;
  /** False while older segments may be missing: then only age is a reason, or newer ones would go instead. */
  readonly isComplete: boolean;
  readonly nowMs: number;
}

export function planAll(whole: WholePlan): PlannedDeletion[] {
  const { folders, ruleOf, byDefault, makesRoom, toCome, isComplete, nowMs } = whole;
  const planned: PlannedDeletion[] = [];
  const gone = new Set<number>();
  const freed = new Map<FolderWatch["volume"], number>();
  const homes = homesOf(whole);
  const segments = [...homes.keys()];
  const roomOf = ({ room, volume }: FolderWatch, coming: number): VolumeRoom | undefined =>
    room && { ...room, freeBytes: room.freeBytes + coming + (freed.get(volume) ?? 0) };
  const take = (deletions: readonly PlannedDeletion[]): void => {
    for (const deletion of deletions) {
      const { segment } = deletion;
      planned.push(deletion);
      gone.add(segment.id);
      const { volume } = homes.get(segment) as FolderWatch;
      freed.set(volume, (freed.get(volume) ?? 0) + segment.sizeBytes);
    }
  };
  const keep = (own: readonly KeptSegment[], { seconds, bytes, segments: count }: RetentionRule): void => {
    const rule = isComplete ? { seconds, bytes, segments: count } : { seconds };
    take(planScope({ segments: own, rule, room: undefined, nowMs }));
  };
  const free = (own: readonly KeptSegment[], folder: FolderWatch, { freeBytes, freePercent }: RetentionRule): void => {
    if (!isComplete || (!freeBytes && !freePercent)) return;
    const left = own.filter(({ id }) => !gone.has(id));
    const room = roomOf(folder, toCome(folder));
    take(planScope({ segments: left, rule: { freeBytes, freePercent }, room, nowMs }));
  };
  for (const own of byScope(segments).values()) {
    const rule = { ...byDefault, ...ruleOf((own[0] as KeptSegment).configId) };
    keep(own, rule);
    for (const volume of new Set(own.map((segment) => homes.get(segment)?.volume))) {
      const there = own.filter((segment) => homes.get(segment)?.volume === volume);
      free(there, homes.get(there[0] as KeptSegment) as FolderWatch, rule);
    }
  }
  for (const folder of folders)
    keep(
      segments.filter((segment) => !gone.has(segment.id) && homes.get(segment) === folder),
      folder.rule,
    );
  // The oldest of all folders that want so much free on a volume.
  for (const folder of folders.filter(makesRoom).sort((a, b) => a.minimumBytes - b.minimumBytes)) {
    const takesPart = (home: FolderWatch | undefined): boolean =>
      home?.volume === folder.volume && home.minimumBytes >= folder.minimumBytes;
    free(
      segments.filter((segment) => takesPart(homes.get(segment))),
      folder,
      folder.rule,
    );
  }
  return planned.sort((a, b) => byAge(a.segment, b.segment));
}

/** Nothing goes from a folder that does not answer, or that another one has taken the place of. */
function homesOf({ segments, folders }: WholePlan): Map<KeptSegment, FolderWatch> {
  const homes = new Map<KeptSegment, FolderWatch>();
  for (const segment of segments) {
    const folder = folderOf(folders, segment.path);
    if (folder?.room && folder.isTrusted) homes.set(segment, folder);
  }
  return homes;
}

/** By config; what no config is known of by its stream. */
function byScope(segments: readonly KeptSegment[]): Map<number | string, KeptSegment[]> {
  const scopes = new Map<number | string, KeptSegment[]>();
  for (const segment of segments) {
    const key = segment.configId > 0 ? segment.configId : segment.localStreamName;
    const own = scopes.get(key);
    if (own) own.push(segment);
    else scopes.set(key, [segment]);
  }
  return scopes;
}
