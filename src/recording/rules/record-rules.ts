// Rules at work: a stream that opens is asked of the list, and every rule that is for it gets a record config of that
// stream, which lives like any other. It stays when the stream ends, so that its id, its retention and what a crash
// took of it go on with the next one; where there are as many configs as may be, the oldest of those that wait go.
//
//   stream opened ─▶ RuleList.matching ─▶ config of (rule, stream) ─▶ supervisor

import type { Logger } from "../../base/logger.js";
import { asReelError, ReelError } from "../../base/reel-error.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { ConfigEntry } from "../lifecycle/config-entry.js";
import type { RecordingSupervisor } from "../lifecycle/recording-supervisor.js";
import type { RecordConfig, RecordEntry } from "../record-config.js";
import type { NewConfig, RecordStarter } from "../record-starter.js";
import { configOf, type RecordRule, type RuleOptions } from "./record-rule.js";
import type { RuleList } from "./rule-list.js";

/** A rule and what it records, or has recorded. */
export interface RuleEntry {
  readonly rule: RecordRule;
  readonly entries: readonly RecordEntry[];
}

/** A stream that a new rule could not begin to record. */
export interface RuleFailure {
  readonly localStreamName: string;
  readonly error: ReelError;
}

export interface RulesApi {
  /**
   * Adds a rule behind the others and records the live streams that it is for. Throws ReelError `badArgument`,
   * `badPath`, `limit`.
   */
  add(options: RuleOptions): Promise<RuleEntry & { readonly failures: readonly RuleFailure[] }>;
  /** Ends its recordings too. undefined where there is none. Throws ReelError `badArgument` for a configured one. */
  remove(ruleId: number): RuleEntry | undefined;
  list(): readonly RuleEntry[];
}

export interface RulesParts {
  readonly list: RuleList;
  readonly supervisor: RecordingSupervisor;
  readonly starter: RecordStarter;
  /** What the server says where the options do not. Throws ReelError `badPath`. */
  readonly settle: (options: RuleOptions) => RuleOptions;
  readonly streams: StreamRegistry;
  readonly nextConfigId: () => number;
  readonly removeConfig: (configId: number) => void;
  readonly save: () => void;
  readonly onAdded: (entry: ConfigEntry) => void;
  /** A stream is not recorded though a rule is for it. */
  readonly onFailed: (config: NewConfig, error: ReelError) => void;
  readonly logger: Logger;
}

export class RecordRules implements RulesApi {
  constructor(private readonly parts: RulesParts) {}

  /** Takes up the configs that an earlier run made, but those whose rule is gone. Returns the ones that stay. */
  restore(saved: readonly RecordConfig[]): RecordConfig[] {
    const kept = saved.filter(({ ruleId }) => ruleId === undefined || this.parts.list.get(ruleId) !== undefined);
    return kept.map((config) => this.#renewed(config));
  }

  /** Before anything else hears of the stream: the configs that it makes are there then. */
  streamOpened(localStreamName: string): void {
    const { list, supervisor, removeConfig, save } = this.parts;
    const rules = list.matching(localStreamName);
    for (const { config } of supervisor.entriesOf(localStreamName))
      if (config.ruleId !== undefined && !rules.some(({ ruleId }) => ruleId === config.ruleId))
        removeConfig(config.configId);
    const wanted = rules.filter((rule) => !this.#entryOf(rule, localStreamName));
    const added = wanted.filter((rule) => this.#make(configOf(rule, localStreamName)));
    if (added.length > 0) save();
  }

  async add(options: RuleOptions): Promise<RuleEntry & { failures: RuleFailure[] }> {
    const { list, settle } = this.parts;
    return this.#begin(list.add(settle(options)));
  }

  /** Takes up a rule that another recorder has made. Throws ReelError `badArgument`, `limit`. */
  adopt(stored: unknown): void {
    void this.#begin(this.parts.list.adopt(stored)).then(({ rule, failures }) => {
      for (const { localStreamName, error } of failures) this.parts.onFailed(configOf(rule, localStreamName), error);
    });
  }

  /** Records the live streams that it is for. */
  async #begin(rule: RecordRule): Promise<RuleEntry & { failures: RuleFailure[] }> {
    const { list, streams, starter } = this.parts;
    streams.refreshPast();
    const failures: RuleFailure[] = [];
    const isWanted = (localStreamName: string): boolean =>
      list.get(rule.ruleId) !== undefined && !this.#entryOf(rule, localStreamName);
    const start = async (localStreamName: string): Promise<void> => {
      const wanted = configOf(rule, localStreamName);
      try {
        this.#makeRoomOrThrow();
        const check = (): void => {
          if (!isWanted(localStreamName)) throw new ReelError("closed", "somebody else has seen to it meanwhile");
        };
        await starter.start(wanted, { orLess: true, check });
      } catch (error) {
        // While a name was found the rule may have been removed, or its stream have opened again, which made a config.
        if (!isWanted(localStreamName)) return;
        const failure = { localStreamName, error: asReelError(error) };
        failures.push(failure);
        if (failure.error.code !== "closed") this.#waitFor(wanted);
      }
    };
    const live = streams.list().filter(({ ended, name }) => !ended && list.matching(name).includes(rule));
    await Promise.all(live.map(({ name }) => start(name)));
    return { ...this.#entry(rule), failures };
  }

  remove(ruleId: number): RuleEntry | undefined {
    const rule = this.parts.list.remove(ruleId);
    if (!rule) return undefined;
    this.parts.streams.refreshPast();
    const entry = this.#entry(rule);
    for (const { config } of entry.entries) this.parts.removeConfig(config.configId);
    return entry;
  }

  list(): RuleEntry[] {
    const byRule = new Map<number, RecordEntry[]>();
    for (const entry of this.parts.supervisor.entries) {
      const { ruleId } = entry.config;
      if (ruleId === undefined) continue;
      const own = byRule.get(ruleId);
      if (own) own.push(entry);
      else byRule.set(ruleId, [entry]);
    }
    return this.parts.list.all.map((rule) => ({ rule, entries: byRule.get(rule.ruleId) ?? [] }));
  }

  #entry(rule: RecordRule): RuleEntry {
    return { rule, entries: this.parts.supervisor.entries.filter(({ config }) => config.ruleId === rule.ruleId) };
  }

  /** A configuration may have changed how a rule records, by another version's defaults. */
  #renewed(config: RecordConfig): RecordConfig {
    const rule = config.ruleId === undefined ? undefined : this.parts.list.get(config.ruleId);
    return rule ? { ...configOf(rule, config.localStreamName), configId: config.configId } : config;
  }

  #entryOf({ ruleId }: RecordRule, localStreamName: string): ConfigEntry | undefined {
    return this.parts.supervisor.entriesOf(localStreamName).find(({ config }) => config.ruleId === ruleId);
  }

  /** undefined where there is no room for it, which is told. */
  #make(wanted: NewConfig): ConfigEntry | undefined {
    const { supervisor, nextConfigId, onAdded } = this.parts;
    if (!this.#makeRoom(wanted)) return undefined;
    const entry = supervisor.add({ ...wanted, configId: nextConfigId() }, wanted.pathToFile);
    onAdded(entry);
    return entry;
  }

  /** A config of what could not begin now: it is tried again for as long as the stream is there. */
  #waitFor(wanted: NewConfig): void {
    const { streams, supervisor, save } = this.parts;
    const entry = this.#make(wanted);
    if (!entry) return;
    save();
    const stream = streams.get(wanted.localStreamName);
    if (stream) supervisor.notBegun(entry, stream);
  }

  #makeRoom(wanted: NewConfig): boolean {
    try {
      this.#makeRoomOrThrow();
      return true;
    } catch (error) {
      this.parts.onFailed(wanted, asReelError(error));
      return false;
    }
  }

  /** Throws ReelError `limit` where every config is somebody's own, or records. */
  #makeRoomOrThrow(): void {
    const { supervisor, starter, streams } = this.parts;
    if (starter.isFull) {
      const oldest = supervisor.entries.find(
        ({ config, recordings }) =>
          config.ruleId !== undefined && recordings.size === 0 && streams.get(config.localStreamName) === undefined,
      );
      if (oldest) this.#forget(oldest);
    }
    starter.checkCount();
  }

  #forget({ config: { localStreamName, ruleId, configId } }: ConfigEntry): void {
    this.parts.removeConfig(configId);
    this.parts.logger.info(
      { stream: localStreamName, configId, ruleId },
      "a rule's config of an older stream made room",
    );
  }
}
