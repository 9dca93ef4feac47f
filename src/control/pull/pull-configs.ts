// Keeps the pull configs. They share their ids with record configs; those with keepAlive=1 are persisted (store section
// "pull") and started again after a restart.

import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import { type Collector, gauge, type Sample } from "../../base/samples.js";
import { stateSamples } from "../../recording/config-states.js";
import type { ConfigStore } from "../../recording/config-store.js";
import {
  CONFIG_CONNECTED,
  CONFIG_CONNECTING,
  CONFIG_DISCONNECTED,
  CONFIG_FAILED,
  CONFIG_STREAMING,
  type ConfigState,
  type ConfigStatusCode,
} from "../../recording/record-config.js";
import { isConfigId } from "../../recording/record-options.js";
import { SectionWriter } from "../../recording/section-writer.js";
import type { InStream } from "../../stream/in-stream.js";
import { checkStreamName } from "../../stream/stream-registry.js";
import type { Clock } from "../../time/units.js";
import type { PullPort, PullSettings, PullTrouble } from "./pull-port.js";

const STORE_SECTION = "pull";
const PULL_STATES = [
  CONFIG_STREAMING,
  CONFIG_CONNECTING,
  CONFIG_CONNECTED,
  CONFIG_DISCONNECTED,
  CONFIG_FAILED,
] as const;

export interface PullEntry {
  readonly settings: PullSettings;
  status: { current: ConfigState; previous: ConfigState | null };
  /** Attempts that have failed since it last streamed. */
  attempts: number;
  /** Refusals of the credentials so far, where the last attempt ended with one; else 0. */
  denials: number;
  /** Why the last one was over; null before that. */
  lastError: string | null;
}

function isPullSettings(value: unknown): value is PullSettings {
  if (typeof value !== "object" || value === null) return false;
  const settings = value as Partial<Record<keyof PullSettings, unknown>>;
  const { configId, uri, localStreamName, variables } = settings;
  return (
    isConfigId(configId) &&
    typeof uri === "string" &&
    typeof localStreamName === "string" &&
    typeof variables === "object" &&
    variables !== null
  );
}

export class PullConfigs implements Collector {
  readonly #entries = new Map<number, PullEntry>();
  /** By the names of their streams: each stream that comes is asked for its config. */
  readonly #byName = new Map<string, Set<PullEntry>>();
  readonly #restored = new Set<PullEntry>();
  readonly #saved: SectionWriter;

  constructor(
    private readonly port: PullPort | undefined,
    private readonly store: ConfigStore,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly maxConfigs: number,
  ) {
    this.#saved = new SectionWriter(store, STORE_SECTION, logger);
  }

  /**
   * Loads what was stored before a restart. This comes before the first command, whose own config must not overwrite
   * it.
   */
  restore(): void {
    const stored = this.store.get(STORE_SECTION)?.value;
    if (!Array.isArray(stored)) return;
    for (const settings of stored) {
      if (isPullSettings(settings) && this.#isUsable(settings)) this.#restored.add(this.#enter(settings));
      else this.logger.warn({ section: STORE_SECTION }, "a stored pull config cannot be read and was left out");
    }
  }

  /** Starts the restored configs that nobody has removed meanwhile. */
  startRestored(): void {
    for (const entry of this.#restored) if (this.get(entry.settings.configId) === entry) this.#start(entry);
    this.#restored.clear();
  }

  /** Says why a URI cannot be pulled; undefined where it can. */
  checkUri(uri: string, ssmIp: string): string | undefined {
    if (this.#entries.size >= this.maxConfigs)
      return `There are ${this.maxConfigs} pull configs already: remove some (removeConfig), or raise limits.pullConfigs`;
    return this.port ? this.port.checkUri(uri, ssmIp) : "This server has no pull sources";
  }

  add(settings: PullSettings): PullEntry {
    const entry = this.#enter(settings);
    this.#start(entry);
    if (settings.keepAlive) this.#persist();
    return entry;
  }

  /** Takes up a stored config that another server has made, id included. Throws ReelError `badArgument`. */
  adopt(stored: unknown): void {
    if (!isPullSettings(stored) || !this.#isUsable(stored))
      throw new ReelError("badArgument", "the pull config cannot be read, or its id is another's");
    this.#start(this.#enter(stored));
    this.#persist();
  }

  remove(configId: number, reason: string): PullEntry | undefined {
    const entry = this.#entries.get(configId);
    if (!entry) return undefined;
    this.#forget(entry);
    this.port?.stop(configId, reason);
    if (entry.settings.keepAlive) this.#persist();
    return entry;
  }

  get(configId: number): PullEntry | undefined {
    return this.#entries.get(configId);
  }

  list(): PullEntry[] {
    return [...this.#entries.values()];
  }

  named(localStreamName: string): PullEntry | undefined {
    const [first] = this.#byName.get(localStreamName) ?? [];
    return first;
  }

  /** The config that brings a stream in; undefined for a published one. */
  ofStream(stream: InStream): PullEntry | undefined {
    const entry = this.named(stream.name);
    if (!entry) return undefined;
    const { current, previous } = entry.status;
    if (current.uniqueStreamId === stream.id || previous?.uniqueStreamId === stream.id) return entry;
    // The stream's first event comes before the source's report. A publisher of the same name has no reader.
    return current.uniqueStreamId === 0 && stream.source.reader !== undefined ? entry : undefined;
  }

  collect(): readonly Sample[] {
    const running = this.list().filter(({ status }) => status.current.uniqueStreamId !== 0).length;
    return [
      ...stateSamples("reel_pulls", "Pull configs by state.", PULL_STATES, this.list()),
      gauge("reel_pull_configs", "Pull configs.", this.#entries.size),
      gauge("reel_pull_streams", "Pull configs whose in-stream lives.", running),
    ];
  }

  /** What the command checks. A URI whose scheme is no longer served is kept, and says so in its status. */
  #isUsable({ configId, localStreamName }: PullSettings): boolean {
    if (this.#entries.has(configId)) return false;
    try {
      checkStreamName(localStreamName);
      return true;
    } catch {
      return false;
    }
  }

  #enter(settings: PullSettings): PullEntry {
    const status = { current: this.#state(CONFIG_CONNECTING, 0), previous: null };
    const entry: PullEntry = { settings, status, attempts: 0, denials: 0, lastError: null };
    this.#entries.set(settings.configId, entry);
    const named = this.#byName.get(settings.localStreamName) ?? new Set();
    this.#byName.set(settings.localStreamName, named.add(entry));
    return entry;
  }

  #forget(entry: PullEntry): void {
    const { configId, localStreamName } = entry.settings;
    this.#entries.delete(configId);
    const named = this.#byName.get(localStreamName);
    named?.delete(entry);
    if (named?.size === 0) this.#byName.delete(localStreamName);
  }

  #start(entry: PullEntry): void {
    this.port?.start(entry.settings, (code, streamId, trouble) => this.#report(entry, code, streamId, trouble));
  }

  #report(entry: PullEntry, code: ConfigStatusCode, streamId: number, trouble: PullTrouble | undefined): void {
    if (code === CONFIG_STREAMING) entry.attempts = 0;
    if (trouble) {
      entry.attempts = trouble.attempts;
      entry.denials = trouble.denials;
      entry.lastError = trouble.reason;
    }
    const { current } = entry.status;
    if (current.code !== code || current.uniqueStreamId !== streamId)
      entry.status = { current: this.#state(code, streamId), previous: current };
    const isOver = !entry.settings.keepAlive && (code === CONFIG_DISCONNECTED || code === CONFIG_FAILED);
    if (isOver && this.#entries.get(entry.settings.configId) === entry) this.#forget(entry);
  }

  #state(code: ConfigStatusCode, uniqueStreamId: number): ConfigState {
    return { code, timestamp: Math.floor(this.clock.wallMs() / 1000), uniqueStreamId };
  }

  #persist(): void {
    this.#saved.write(
      this.list()
        .map((entry) => entry.settings)
        .filter((settings) => settings.keepAlive && settings.saveToConfig),
    );
  }
}
