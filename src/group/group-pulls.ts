// Which of the group's pulls this node runs. Every node has the config of every pull; of each exactly one node has the
// highest claim, and that one pulls. It has the shape that the control plane asks of pull sources, and stands in front
// of the sources that do the work (src/ingest/pull).
//
//   config ─┬─ its owner lives ─▶ wait
//           └─ nobody has it, or who had it is dead ─▶ by rank of placement: claim ─▶ the log says mine ─▶ pull
//   the log says another's ─▶ stop pulling
//   its owner asks this node to take it ─▶ pull beside it ─▶ it is recorded ─▶ claim ─▶ the owner reads it and stops
//
// A pull that no restart keeps (keepAlive=0, saveToConfig=0) is of the node that was asked for it.

import type { Logger } from "../base/logger.js";
import type { ConfigStore } from "../recording/config-store.js";
import { SectionWriter } from "../recording/section-writer.js";
import type { Millis } from "../time/units.js";
import { type Claim, type ClaimInput, type ClaimOutcome, NO_CLAIM, stepClaim } from "./claim.js";
import type { LoggedClaim } from "./claim-log.js";
import type { Members } from "./members.js";
import { rankNodes } from "./placement.js";
import type { PullKey } from "./subjects.js";

/** The log of claims, as far as this needs it. */
export interface ClaimLogPort {
  ask(pull: PullKey, epoch: number): Promise<ClaimOutcome>;
  readBack(pull: PullKey): Promise<LoggedClaim | undefined>;
  forget(pull: PullKey): void;
}

/** What pulls share, whatever else stands in their configs. */
export interface GroupPull extends PullKey {
  readonly keepAlive: boolean;
  readonly saveToConfig?: boolean;
}

/** Codes of ems-record-spec §2.0. */
export type PullCode = 0 | 1 | 2 | 3 | 4 | 5;
export const PULL_ELSEWHERE = 2;
type Report<T> = (code: PullCode, streamId: number, trouble?: T) => void;

/** The sources that do the work. */
export interface PullRunner<S extends GroupPull, T> {
  checkUri(uri: string, ssmIp: string): string | undefined;
  start(settings: S, report: Report<T>): void;
  stop(configId: number, reason: string): void;
}

/** A pull that came to this node. */
export interface Taken {
  readonly pull: PullKey;
  readonly epoch: number;
  /** Who had it before; 0 = nobody. */
  readonly from: number;
  /** How long it has been pulled here beside its former owner; undefined where nobody gave it. */
  readonly overlapMs: Millis | undefined;
}

interface Taking {
  readonly sinceMs: Millis;
  /** The epoch of its owner. */
  readonly epoch: number;
}

interface Entry<S extends GroupPull, T> {
  readonly settings: S;
  readonly report: Report<T>;
  isPulling: boolean;
  /** While it is pulled beside its owner, which wants to give it away. */
  taking: Taking | undefined;
  /** Since when nobody who lives has it; undefined while somebody does. */
  orphanedMs: Millis | undefined;
}

export interface GroupPullsParts<S extends GroupPull, T> {
  readonly runner: PullRunner<S, T>;
  readonly members: Members;
  readonly self: number;
  /** This node's own weight. */
  readonly weight: () => number;
  readonly monotonicMs: () => Millis;
  /** The stream is recorded here as its configs want, or nobody wants it recorded. `none`: it does not live. */
  readonly flowOf: (localStreamName: string) => Flow;
  /** Called when the log says that this node has a pull that it had not. */
  readonly onTaken: (taken: Taken) => void;
  /** Of this node: what it pulls outlives a restart without NATS. */
  readonly store: ConfigStore;
  readonly logger: Logger;
}

/** `live`: frames come, but not every config of the stream has a file of them. */
export type Flow = "none" | "live" | "recorded";

/** A pull that is given is claimed after so long also where it lives and not all that wants to record it does. */
const LIVE_IS_ENOUGH_MS = 5000;
/** One that does not live by then stays with its owner. */
export const TAKE_MS = 10_000;
/** A node waits so long for each that comes before it. */
const RANK_MS = 500;
const OWNED_SECTION = "owned";

export class GroupPulls<S extends GroupPull, T> {
  readonly #parts: GroupPullsParts<S, T>;
  readonly #entries = new Map<number, Entry<S, T>>();
  /** Also of pulls whose config has not come yet. */
  readonly #claims = new Map<number, Claim>();
  /** Epochs that the log has told in this run. */
  readonly #told = new Map<number, number>();
  readonly #saved: SectionWriter;
  #log: ClaimLogPort | undefined;
  #isCaughtUp = false;
  /** Whose pulls are whose is known, or could not be learned: before that nothing is pulled. */
  #isSettled = false;
  #isDraining = false;
  /** Called when another node has the pull. */
  readonly #yielded = new Map<number, (owner: number) => void>();

  constructor(parts: GroupPullsParts<S, T>) {
    this.#parts = parts;
    this.#saved = new SectionWriter(parts.store, OWNED_SECTION, parts.logger);
    // What it recorded last it records again, until the log says otherwise: rather two recordings than none.
    for (const { configId, epoch, sequence } of readOwned(parts.store.get(OWNED_SECTION)?.value))
      this.#claims.set(configId, { epoch, owner: parts.self, sequence, asking: 0, isRunning: true });
  }

  checkUri(uri: string, ssmIp: string): string | undefined {
    return this.#parts.runner.checkUri(uri, ssmIp);
  }

  start(settings: S, report: Report<T>): void {
    if (!isShared(settings)) {
      this.#parts.runner.start(settings, report);
      return;
    }
    const entry: Entry<S, T> = { settings, report, isPulling: false, taking: undefined, orphanedMs: undefined };
    this.#entries.set(settings.configId, entry);
    report(PULL_ELSEWHERE, 0);
    if (this.#claimOf(settings.configId).isRunning) this.#pull(entry);
    else this.#consider(entry);
  }

  stop(configId: number, reason: string): void {
    const entry = this.#entries.get(configId);
    if (entry && this.#entries.delete(configId)) {
      this.#told.delete(configId);
      this.#yielded.get(configId)?.(0);
      if (this.#claims.delete(configId)) this.#save();
      this.#log?.forget(entry.settings);
    }
    this.#parts.runner.stop(configId, reason);
  }

  /** Claims can be made from now on. */
  connect(log: ClaimLogPort): void {
    this.#log = log;
  }

  /** From the log, in its order. */
  seen({ configId, epoch, node, sequence }: LoggedClaim): void {
    this.#told.set(configId, Math.max(epoch, this.#told.get(configId) ?? 0));
    this.#step(configId, { type: "seen", epoch, node, sequence });
  }

  /** What others have is known now. */
  caughtUp(): void {
    if (this.#isCaughtUp) return;
    this.#isCaughtUp = true;
    this.settle();
    for (const { settings } of this.#entries.values()) {
      const { isRunning, epoch } = this.#claimOf(settings.configId);
      // A log that has lost this node's claim would give the pull to others.
      if (isRunning && (this.#told.get(settings.configId) ?? 0) < epoch) void this.#ask(settings, epoch + 1);
    }
    this.tick();
  }

  /** What this node had last is its own, as far as it knows: it pulls that now. */
  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const entry of this.#entries.values()) if (this.#claimOf(entry.settings.configId).isRunning) this.#pull(entry);
  }

  /** Called with every heartbeat, and when a node says that it goes. */
  tick(): void {
    for (const entry of this.#entries.values()) this.#consider(entry);
  }

  /** It claims nothing any more, and begins to pull nothing. What it was about to take stays where it is. */
  drain(isDraining = true): void {
    this.#isDraining = isDraining;
    if (!isDraining) return;
    for (const entry of this.#entries.values())
      if (entry.taking && this.#claimOf(entry.settings.configId).asking === 0) this.#endTaking(entry);
  }

  /** The pulls that this node has, or is about to have. */
  own(): PullKey[] {
    return [...this.#entries.values()]
      .map(({ settings }) => settings)
      .filter(({ configId }) => this.#claimOf(configId).isRunning || this.#claimOf(configId).asking > 0);
  }

  /** Pulls whose owners live, and who has them. */
  held(): { readonly configId: number; readonly node: number }[] {
    const { members } = this.#parts;
    return [...this.#entries.keys()]
      .map((configId) => ({ configId, node: this.#claimOf(configId).owner }))
      .filter(({ node }) => node > 0 && members.isAlive(node));
  }

  /** It is pulled here beside its owner. */
  isTaking(configId: number): boolean {
    return this.#entries.get(configId)?.taking !== undefined;
  }

  /** Other nodes that take pulls, the best for this one first. */
  takersOf({ configId }: PullKey): number[] {
    const others = this.#parts.members.live().filter(({ isDraining }) => !isDraining);
    return rankNodes(String(configId), others);
  }

  /**
   * Its owner wants to give it to this node: it is pulled here too, and claimed when it is recorded. Why not, if it
   * cannot be.
   */
  take(configId: number): string | undefined {
    const entry = this.#entries.get(configId);
    const { isRunning, epoch } = this.#claimOf(configId);
    if (!entry) return "it does not know the config";
    if (this.#isDraining || !this.#log || !this.#isCaughtUp || !this.#isSettled) return "it takes nothing now";
    if (isRunning || entry.taking) return undefined;
    entry.taking = { sinceMs: this.#parts.monotonicMs(), epoch };
    this.#run(entry);
    return undefined;
  }

  /**
   * Resolves with who has the pull when it is not this node any more, 0 where it is removed; undefined where it still
   * is this node after `ms`.
   */
  whenYielded(configId: number, ms: Millis): Promise<number | undefined> {
    return new Promise((resolve) => {
      const end = (owner?: number): void => {
        clearTimeout(timer);
        if (this.#yielded.get(configId) === end) this.#yielded.delete(configId);
        resolve(owner);
      };
      const timer = setTimeout(end, ms);
      this.#yielded.set(configId, end);
    });
  }

  /** Who has a pull; undefined where nobody has, or it is not the group's. */
  ownerOf(configId: number): number | undefined {
    const { owner } = this.#claimOf(configId);
    return this.#entries.has(configId) && owner > 0 ? owner : undefined;
  }

  /**
   * The epoch by which this node pulls a stream, also the one that it is about to claim for a pull that it is given;
   * undefined where the group does not pull it here.
   */
  epochOf(localStreamName: string): number | undefined {
    for (const { settings, isPulling, taking } of this.#entries.values()) {
      if (!isPulling || settings.localStreamName !== localStreamName) continue;
      return taking ? taking.epoch + 1 : this.#claimOf(settings.configId).epoch;
    }
    return undefined;
  }

  /** Pulls of the group, and how many of them run here. */
  count(): { readonly known: number; readonly own: number } {
    const entries = [...this.#entries.values()];
    return { known: entries.length, own: entries.filter(({ isPulling }) => isPulling).length };
  }

  async whenSaved(): Promise<void> {
    await this.#saved.whenIdle();
  }

  #claimOf(configId: number): Claim {
    return this.#claims.get(configId) ?? NO_CLAIM;
  }

  /** Claims a pull where nobody who lives has it and those that should come first have had their time. */
  #consider(entry: Entry<S, T>): void {
    const { members, self, monotonicMs, weight } = this.#parts;
    const { configId } = entry.settings;
    const { isRunning, asking, owner } = this.#claimOf(configId);
    if (entry.taking && asking === 0) this.#considerTaking(entry, entry.taking);
    if (!this.#log || !this.#isCaughtUp || this.#isDraining || isRunning || asking > 0) return;
    if (owner > 0 && owner !== self && members.isAlive(owner)) {
      entry.orphanedMs = undefined;
      return;
    }
    entry.orphanedMs ??= monotonicMs();
    const others = members.live().filter(({ isDraining }) => !isDraining);
    const ranks = rankNodes(String(configId), [{ node: self, weight: weight() }, ...others]);
    if (monotonicMs() - entry.orphanedMs >= ranks.indexOf(self) * RANK_MS) this.#step(configId, { type: "wanted" });
  }

  #considerTaking(entry: Entry<S, T>, { sinceMs, epoch }: Taking): void {
    const { flowOf, monotonicMs } = this.#parts;
    const tookMs = monotonicMs() - sinceMs;
    const flow = flowOf(entry.settings.localStreamName);
    const isOthers = this.#claimOf(entry.settings.configId).epoch > epoch;
    if (isOthers || (flow === "none" && tookMs > TAKE_MS) || tookMs > 2 * TAKE_MS) this.#endTaking(entry);
    else if (flow === "recorded" || (flow === "live" && tookMs > LIVE_IS_ENOUGH_MS))
      this.#step(entry.settings.configId, { type: "wanted" });
  }

  #endTaking(entry: Entry<S, T>): void {
    entry.taking = undefined;
    entry.isPulling = false;
    this.#parts.runner.stop(entry.settings.configId, "it stays with the node that has it");
    entry.report(PULL_ELSEWHERE, 0);
  }

  #step(configId: number, input: ClaimInput): void {
    const { owner, epoch } = this.#claimOf(configId);
    const { claim, step } = stepClaim(this.#claimOf(configId), input, this.#parts.self);
    this.#claims.set(configId, claim);
    if (claim.epoch > epoch && !claim.isRunning) this.#yielded.get(configId)?.(claim.owner);
    const entry = this.#entries.get(configId);
    if (step?.type === "start") {
      this.#save();
      if (entry) this.#taken(entry, owner);
    } else if (step?.type === "stop") {
      this.#save();
      if (entry) this.#yield(entry, step.owner, step.epoch);
    } else if (step?.type === "ask" && entry) void this.#ask(entry.settings, step.epoch);
  }

  async #ask(pull: PullKey, epoch: number): Promise<void> {
    const log = this.#log as ClaimLogPort;
    const outcome = await log.ask(pull, epoch);
    // Who has no answer may have heard nobody either.
    if (outcome === "unknown") this.#parts.members.deaf();
    // The log tells it as well; this is sooner, and comes where the reader of the log has lost its server.
    const newest = outcome === "unknown" ? undefined : await log.readBack(pull).catch(() => undefined);
    if (newest) this.seen(newest);
    this.#step(pull.configId, { type: "answered", epoch, outcome });
  }

  #taken(entry: Entry<S, T>, from: number): void {
    const { onTaken, monotonicMs } = this.#parts;
    const { epoch } = this.#claimOf(entry.settings.configId);
    const overlapMs = entry.taking && monotonicMs() - entry.taking.sinceMs;
    entry.taking = undefined;
    this.#pull(entry);
    onTaken({ pull: entry.settings, epoch, from, overlapMs });
  }

  #pull(entry: Entry<S, T>): void {
    if (entry.isPulling || !this.#isSettled || this.#isDraining) return;
    const { configId, localStreamName } = entry.settings;
    const { epoch } = this.#claimOf(configId);
    this.#parts.logger.info({ stream: localStreamName, configId, epoch }, "pulled by this node");
    this.#run(entry);
  }

  #run(entry: Entry<S, T>): void {
    entry.isPulling = true;
    entry.orphanedMs = undefined;
    this.#parts.runner.start(entry.settings, (code, streamId, trouble) => {
      if (entry.isPulling) entry.report(code, streamId, trouble);
    });
  }

  #yield(entry: Entry<S, T>, owner: number, epoch: number): void {
    entry.taking = undefined;
    if (!entry.isPulling) return;
    const { runner, logger } = this.#parts;
    const { configId, localStreamName } = entry.settings;
    entry.isPulling = false;
    logger.info({ stream: localStreamName, configId, epoch, node: owner }, "pulled by another node");
    runner.stop(configId, `node ${owner} of the group has it, by epoch ${epoch}`);
    entry.report(PULL_ELSEWHERE, 0);
  }

  #save(): void {
    const owned = [...this.#claims].filter(([, { isRunning }]) => isRunning);
    this.#saved.write(owned.map(([configId, { epoch, sequence }]) => ({ configId, epoch, sequence })));
  }
}

function isShared({ keepAlive, saveToConfig }: GroupPull): boolean {
  return keepAlive && saveToConfig !== false;
}

interface Owned {
  readonly configId: number;
  readonly epoch: number;
  readonly sequence: number;
}

function readOwned(stored: unknown): Owned[] {
  if (!Array.isArray(stored)) return [];
  return stored.filter((value: unknown): value is Owned => {
    const { configId, epoch, sequence } = (typeof value === "object" && value !== null ? value : {}) as Partial<Owned>;
    return [configId, epoch, sequence].every((number) => Number.isSafeInteger(number) && (number as number) > 0);
  });
}
