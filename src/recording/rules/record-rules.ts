// Rules at work: a stream that opens is asked of the list, and every rule that is for it gets a record config of that
// stream, which lives like any other. It stays when the stream ends, so that its id, its retention and what a crash
// took of it go on with the next one; where there are as many configs as may be, the oldest of those that wait go.
//
//   stream opened ─▶ RuleList.matching ─▶ config of (rule, stream) ─▶ supervisor

import type { Logger } from "../../base/logger.js";
import { asReelError, type ReelError } from "../../base/reel-error.js";
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
  /** Config ids by rule, of each stream's name. */
  readonly #configs = new Map<string, Map<number, number>>();

  constructor(private readonly parts: RulesParts) {}

  /** Takes up the configs that an earlier run made, but those whose rule is gone. Returns the ones that stay. */
  restore(saved: readonly RecordConfig[]): RecordConfig[] {
    const kept = saved.filter(({ ruleId }) => ruleId === undefined || this.parts.list.get(ruleId) !== undefined);
    for (const config of kept) this.#note(config);
    return kept.map((config) => this.#renewed(config));
  }

  /** Before anything else hears of the stream: the configs that it makes are there then. */
  streamOpened(localStreamName: string): void {
    const { list, supervisor, removeConfig, nextConfigId, save, onAdded } = this.parts;
    const rules = list.matching(localStreamName);
    const configs = this.#configs.get(localStreamName);
    if (rules.length === 0 && !configs) return;
    for (const [ruleId, configId] of configs ?? [])
      if (!rules.some((rule) => rule.ruleId === ruleId)) {
        configs?.delete(ruleId);
        removeConfig(configId);
      }
    let isChanged = false;
    for (const rule of rules) {
      if (this.#entryOf(rule, localStreamName)) continue;
      const wanted = configOf(rule, localStreamName);
      if (!this.#makeRoom(wanted)) continue;
      const config: RecordConfig = { ...wanted, configId: nextConfigId() };
      onAdded(supervisor.add(config, config.pathToFile));
      this.#note(config);
      isChanged = true;
    }
    if (isChanged) save();
  }

  async add(options: RuleOptions): Promise<RuleEntry & { failures: RuleFailure[] }> {
    const { list, streams, starter, settle } = this.parts;
    const rule = list.add(settle(options));
    streams.refreshPast();
    const failures: RuleFailure[] = [];
    const start = async (localStreamName: string): Promise<void> => {
      const wanted = configOf(rule, localStreamName);
      try {
        this.#makeRoomOrThrow();
        const entry = await starter.start(wanted, true);
        // Somebody may have removed the rule while a name was found.
        if (list.get(rule.ruleId)) this.#note(entry.config);
        else this.parts.removeConfig(entry.config.configId);
      } catch (error) {
        failures.push({ localStreamName, error: asReelError(error) });
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
    for (const configs of this.#configs.values()) configs.delete(ruleId);
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

  #note({ localStreamName, ruleId, configId }: RecordConfig): void {
    if (ruleId === undefined) return;
    const configs = this.#configs.get(localStreamName) ?? new Map<number, number>();
    this.#configs.set(localStreamName, configs.set(ruleId, configId));
  }

  /** undefined where somebody has removed it meanwhile. */
  #entryOf({ ruleId }: RecordRule, localStreamName: string): ConfigEntry | undefined {
    const configId = this.#configs.get(localStreamName)?.get(ruleId);
    return configId === undefined ? undefined : this.parts.supervisor.entry(configId);
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
    if (supervisor.count >= starter.maxConfigs) {
      const oldest = supervisor.entries.find(
        ({ config, recordings }) =>
          config.ruleId !== undefined && recordings.size === 0 && streams.get(config.localStreamName) === undefined,
      );
      if (oldest) this.#forget(oldest);
    }
    starter.checkCount();
  }

  #forget({ config: { localStreamName, ruleId, configId } }: ConfigEntry): void {
    const configs = this.#configs.get(localStreamName);
    if (ruleId !== undefined) configs?.delete(ruleId);
    if (configs?.size === 0) this.#configs.delete(localStreamName);
    this.parts.removeConfig(configId);
    this.parts.logger.info(
      { stream: localStreamName, configId, ruleId },
      "a rule's config of an older stream made room",
    );
  }
}
