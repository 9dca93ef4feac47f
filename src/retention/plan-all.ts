// The plan of all rules: those of record configs first, then those of media folders, which see what the first leave.
// What is to be free is counted by volume, since folders share it, and what was deleted and is not yet free counts.

import type { RetentionRule } from "../recording/retention-rule.js";
import { type FolderWatch, folderOf } from "./folder-watch.js";
import type { ScopedRule } from "./own-rules.js";
import { byAge, type KeptSegment, type PlannedDeletion, planScope, type VolumeRoom } from "./retention-plan.js";

export interface WholePlan {
  /** Oldest first. It may get more while it is looked at: those are left for the next plan. */
  readonly segments: readonly KeptSegment[];
  /** False for what is held, or could just not be deleted. */
  readonly mayGo?: (segment: KeptSegment) => boolean;
  readonly folders: readonly FolderWatch[];
  /** Of a record config that exists. */
  readonly configOf: (configId: number) => ScopedRule | undefined;
  /** Of the config that bounds all files of its stream, where there is one. */
  readonly streamRuleOf: (localStreamName: string) => RetentionRule | undefined;
  /** Of what neither a config nor a file that has outlived its config bounds. */
  readonly byDefault: RetentionRule;
  /** Whether a folder deletes for the sake of its volume now. */
  readonly makesRoom: (folder: FolderWatch) => boolean;
  /** What was deleted on its volume and is not yet free. */
  readonly toCome: (folder: FolderWatch) => number;
  /** False while older segments may be missing: then only age is a reason, or newer ones would go instead. */
  readonly isComplete: boolean;
  readonly nowMs: number;
}

/** So many segments are looked at without a break. */
const SLICE = 10_000;

/** A segment that may go, where it lies. */
interface Placed {
  readonly segment: KeptSegment;
  readonly home: FolderWatch;
}

/** Segments whose bounds are counted together, oldest first. */
interface Scope {
  readonly own: Placed[];
  rule: RetentionRule;
  /** That of a config that exists; else it is what the newest segment has brought. */
  isLive: boolean;
}

/** Whole, at once. */
export function planAll(whole: WholePlan): PlannedDeletion[] {
  const steps = planSteps(whole);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** The same with a break after every few thousand segments, since a recorder may have millions of them. */
export function* planSteps(whole: WholePlan): Generator<undefined, PlannedDeletion[]> {
  const { folders, byDefault, makesRoom, toCome, isComplete, nowMs } = whole;
  const planned: PlannedDeletion[] = [];
  const gone = new Set<number>();
  const freed = new Map<FolderWatch["volume"], number>();
  const take = (deletions: readonly PlannedDeletion[], own: readonly Placed[]): void => {
    if (deletions.length === 0) return;
    const homes = new Map(own.map(({ segment, home }) => [segment.id, home]));
    for (const deletion of deletions) {
      const { id, sizeBytes } = deletion.segment;
      planned.push(deletion);
      gone.add(id);
      const { volume } = homes.get(id) as FolderWatch;
      freed.set(volume, (freed.get(volume) ?? 0) + sizeBytes);
    }
  };
  const left = (own: readonly Placed[]): readonly Placed[] =>
    gone.size === 0 ? own : own.filter(({ segment }) => !gone.has(segment.id));
  const keep = (given: readonly Placed[], { seconds, bytes, segments: count }: RetentionRule): void => {
    const rule = isComplete ? { seconds, bytes, segments: count } : { seconds };
    if (!rule.seconds && !rule.bytes && !rule.segments) return;
    const own = left(given);
    take(planScope({ segments: own.map(({ segment }) => segment), rule, room: undefined, nowMs }), own);
  };
  const free = (given: readonly Placed[], folder: FolderWatch, { freeBytes, freePercent }: RetentionRule): void => {
    if (!isComplete || (!freeBytes && !freePercent)) return;
    const own = left(given);
    const coming = toCome(folder) + (freed.get(folder.volume) ?? 0);
    const room: VolumeRoom | undefined = folder.room && { ...folder.room, freeBytes: folder.room.freeBytes + coming };
    const rule = { freeBytes, freePercent };
    take(planScope({ segments: own.map(({ segment }) => segment), rule, room, nowMs }), own);
  };
  const bound = (own: readonly Placed[], scoped: RetentionRule): void => {
    const rule = { ...byDefault, ...scoped };
    keep(own, rule);
    if (!rule.freeBytes && !rule.freePercent) return;
    for (const volume of new Set(own.map(({ home }) => home.volume))) {
      const there = own.filter(({ home }) => home.volume === volume);
      free(there, (there[0] as Placed).home, rule);
    }
  };
  const all: Placed[] = [];
  const scopes = new Map<number | string, Scope>();
  const streams = new Map<string, Placed[]>();
  const { segments, mayGo = () => true } = whole;
  for (let at = 0, count = segments.length; at < count; at++) {
    const segment = segments[at] as KeptSegment;
    if (at % SLICE === SLICE - 1) yield;
    if (!mayGo(segment)) continue;
    const home = folderOf(folders, segment.path);
    // Nothing goes from a folder that does not answer, or that another one has taken the place of.
    if (home?.room && home.isTrusted) place({ segment, home }, whole, all, scopes, streams);
  }
  for (const { own, rule } of scopes.values()) {
    bound(own, rule);
    if (own.length >= SLICE) yield;
  }
  // All files of a stream, those that other configs have left too.
  for (const [name, own] of streams) bound(left(own), whole.streamRuleOf(name) ?? {});
  for (const folder of folders) {
    if (hasBounds(folder.rule))
      keep(
        all.filter(({ home }) => home === folder),
        folder.rule,
      );
    yield;
  }
  // The oldest of all folders that want so much free on a volume.
  for (const folder of folders.filter(makesRoom).sort((a, b) => a.minimumBytes - b.minimumBytes)) {
    const takesPart = (home: FolderWatch): boolean =>
      home.volume === folder.volume && home.minimumBytes >= folder.minimumBytes;
    free(
      all.filter(({ home }) => takesPart(home)),
      folder,
      folder.rule,
    );
    yield;
  }
  return planned.sort((a, b) => byAge(a.segment, b.segment));
}

function hasBounds({ seconds, bytes, segments }: RetentionRule): boolean {
  return Boolean(seconds || bytes || segments);
}

/**
 * By config, or by the rule that made several; what no config is known of by its stream, apart from what brought a rule
 * for the stream. Where a config is gone, what
 * its segments have brought of its rule goes on.
 */
function place(
  placed: Placed,
  { configOf, streamRuleOf }: WholePlan,
  all: Placed[],
  scopes: Map<number | string, Scope>,
  streams: Map<string, Placed[]>,
): void {
  const { configId, localStreamName, own: brought } = placed.segment;
  all.push(placed);
  const isOfStream = streamRuleOf(localStreamName) !== undefined;
  if (isOfStream) {
    const own = streams.get(localStreamName);
    if (own) own.push(placed);
    else streams.set(localStreamName, [placed]);
  }
  const config = configOf(configId);
  const { retain = {}, ruleId } = config ?? brought ?? {};
  if (retain.scope === "stream" && (config || isOfStream)) return;
  const key = keyOf({ retain, ruleId }, placed.segment);
  const isLive = config !== undefined;
  const scope = scopes.get(key);
  if (!scope) scopes.set(key, { own: [placed], rule: retain, isLive });
  else {
    scope.own.push(placed);
    if (isLive || !scope.isLive) Object.assign(scope, { rule: retain, isLive });
  }
}

function keyOf({ retain, ruleId }: ScopedRule, { configId, localStreamName }: KeptSegment): number | string {
  if (retain.scope === "rule" && ruleId !== undefined) return `rule ${ruleId}`;
  if (retain.scope === "stream") return `stream ${localStreamName}`;
  return configId > 0 ? configId : `unknown of ${localStreamName}`;
}
