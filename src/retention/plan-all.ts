// The plan of all rules: those of record configs first, then those of media folders, which see what the first leave.

import type { RetentionRule } from "../recording/retention-rule.js";
import type { FolderWatch } from "./folder-watch.js";
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
  readonly nowMs: number;
}

export function planAll({ segments, folders, ruleOf, byDefault, makesRoom, nowMs }: WholePlan): PlannedDeletion[] {
  const planned: PlannedDeletion[] = [];
  const gone = new Set<number>();
  const freed = new Map<FolderWatch, number>();
  const folderOf = (path: string): FolderWatch | undefined => folders.find((folder) => folder.has(path));
  const roomOf = (folder: FolderWatch | undefined): VolumeRoom | undefined =>
    folder?.room && { ...folder.room, freeBytes: folder.room.freeBytes + (freed.get(folder) ?? 0) };
  const take = (deletions: readonly PlannedDeletion[]): void => {
    for (const deletion of deletions) {
      const { id, path, sizeBytes } = deletion.segment;
      planned.push(deletion);
      gone.add(id);
      const folder = folderOf(path);
      if (folder) freed.set(folder, (freed.get(folder) ?? 0) + sizeBytes);
    }
  };
  for (const own of byScope(segments).values()) {
    const [first] = own as [KeptSegment];
    const rule = { ...byDefault, ...ruleOf(first.configId) };
    take(planScope({ segments: own, rule, room: roomOf(folderOf(first.path)), nowMs }));
  }
  for (const folder of folders) {
    const left = segments.filter(({ id, path }) => !gone.has(id) && folder.has(path));
    const { freeBytes, freePercent, ...always } = folder.rule;
    const rule = makesRoom(folder) ? { ...always, freeBytes, freePercent } : always;
    take(planScope({ segments: left, rule, room: roomOf(folder), nowMs }));
  }
  return planned.sort((a, b) => byAge(a.segment, b.segment));
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
