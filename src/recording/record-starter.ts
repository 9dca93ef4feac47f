// From a `record` command, or a rule's match, to a record config that waits for its stream or records it: checks, the
// hold on the past, the name, the id.

import { isDeepStrictEqual } from "node:util";
import { ReelError } from "../base/reel-error.js";
import type { InStream } from "../stream/in-stream.js";
import type { PastPlace } from "../stream/past-place.js";
import type { StreamRegistry } from "../stream/stream-registry.js";
import type { ConfigEntry } from "./lifecycle/config-entry.js";
import type { RecordingSupervisor } from "./lifecycle/recording-supervisor.js";
import { LATE_MS, refusalOf } from "./lifecycle/refusal.js";
import type { Naming } from "./naming/naming.js";
import { hasFields } from "./naming/path-template.js";
import type { RecordConfig, RecordOptions } from "./record-config.js";
import { completeRecordConfig } from "./record-options.js";

export type NewConfig = Omit<RecordConfig, "configId">;

export interface StarterParts {
  streams: StreamRegistry;
  supervisor: RecordingSupervisor;
  naming: Naming;
  maxConfigs: number;
  nextConfigId: () => number;
  /** The configs that must survive a restart have changed. */
  save: () => void;
  /** A config has come, or the same command again. */
  onAdded: (entry: ConfigEntry) => void;
}

export interface HowToStart {
  /** Also where its past is less than wanted. */
  readonly orLess?: boolean;
  /** Asked just before the config is stored: what it throws is thrown, and nothing is stored. */
  readonly check?: () => void;
}

export class RecordStarter {
  #isClosed = false;
  /** Configs whose name is being found, and when each is stored, or refused. */
  readonly #underWay = new Map<NewConfig, Promise<unknown>>();

  constructor(private readonly parts: StarterParts) {}

  /** There are as many configs as there may be, with those that are about to be stored. */
  get isFull(): boolean {
    return this.parts.supervisor.count + this.#underWay.size >= this.parts.maxConfigs;
  }

  /** Refuses what comes from now on, and what is under way. */
  close(): void {
    this.#isClosed = true;
  }

  /** Throws as RecorderApi's `record` does. */
  async record(options: RecordOptions): Promise<ConfigEntry> {
    this.#mustBeOpen();
    const complete = completeRecordConfig({ ...options, template: options.template ?? hasFields(options.pathToFile) });
    if (complete.duration > 0) {
      for (let other = this.#beginning(complete); other; other = this.#beginning(complete)) await other;
      const running = this.#running(complete);
      if (running) {
        this.parts.onAdded(running);
        return running;
      }
    }
    this.checkCount();
    return this.start(complete);
  }

  /** The same command, which is about to make its config; resolves when it has, or could not. */
  #beginning(complete: NewConfig): Promise<unknown> | undefined {
    for (const [config, settled] of this.#underWay) if (isDeepStrictEqual(config, complete)) return settled;
    return undefined;
  }

  /** The config that the same command has made. */
  #running(complete: NewConfig): ConfigEntry | undefined {
    return this.parts.supervisor.entriesOf(complete.localStreamName).find(({ config }) => {
      const { configId: _, ...own } = config;
      return isDeepStrictEqual(own, complete);
    });
  }

  /** Throws ReelError `limit`. */
  checkCount(): void {
    const { maxConfigs } = this.parts;
    if (!this.isFull) return;
    throw new ReelError(
      "limit",
      `there are ${maxConfigs} record configs already: remove some (removeConfig), or raise limits.recordConfigs`,
    );
  }

  /** Stores a config, and begins to record where its stream is live. */
  start(complete: NewConfig, how: HowToStart = {}): Promise<ConfigEntry> {
    const started = this.#start(complete, how).finally(() => this.#underWay.delete(complete));
    this.#underWay.set(
      complete,
      started.catch(() => undefined),
    );
    return started;
  }

  async #start(complete: NewConfig, { orLess = false, check = () => {} }: HowToStart): Promise<ConfigEntry> {
    const { streams, supervisor } = this.parts;
    const live = streams.get(complete.localStreamName);
    const isLate = live !== undefined && live.nowMs - live.createdMonotonicMs >= LATE_MS;
    const refusal = live && refusalOf(live, complete.type, isLate);
    if (refusal) throw refusal;
    const closed = live && supervisor.admission({ ...complete, configId: 0 });
    if (closed) throw closed;
    // What it begins with stays in the ring while its name is found.
    const pin = live && complete.from !== undefined ? live.pinPast(complete.from, orLess) : undefined;
    try {
      return await this.#named(complete, check, live, pin);
    } finally {
      pin?.release();
      live?.onDrained();
    }
  }

  async #named(complete: NewConfig, check: () => void, live?: InStream, pin?: PastPlace): Promise<ConfigEntry> {
    const { streams, supervisor, naming, nextConfigId, save, onAdded } = this.parts;
    // An id is not spent on a command that fails, but where the name may have it.
    const configId = complete.template ? nextConfigId() : 0;
    const claimed = live ? await naming.claim({ ...complete, configId }) : undefined;
    const { computedPathToFile } = claimed ?? (await naming.resolve({ ...complete, configId }));
    try {
      this.#mustBeOpen();
      check();
      if (pin?.isLost && !live?.ended)
        throw new ReelError(
          "limit",
          `the past of ${complete.localStreamName} gave way to new frames while a name was found`,
        );
    } catch (error) {
      claimed?.reservation.release();
      throw error;
    }
    this.#underWay.delete(complete);
    const config: RecordConfig = { ...complete, configId: configId || nextConfigId() };
    const entry = supervisor.add(config, computedPathToFile);
    // Its end is stored with it, never behind it.
    onAdded(entry);
    if (config.keepAlive) save();
    const stream = streams.get(config.localStreamName);
    // Its stream may have gone meanwhile, and another one come.
    const begin = stream && (stream === live && pin ? pin : stream.ring.head);
    if (stream && begin !== undefined) supervisor.start(entry, stream, begin, claimed);
    else claimed?.reservation.release();
    return entry;
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new ReelError("closed", "the server is stopping");
  }
}
