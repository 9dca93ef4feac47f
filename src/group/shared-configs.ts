// Configs that all nodes have: record configs and pulls, one key each in a bucket with a copy on every server. Every
// node keeps them in its own config store too, so one that is cut off goes on with what it knows, and what it is told
// meanwhile reaches the others later.
//
//   own store changes ─▶ create or delete the key          key created or deleted ─▶ adopt or remove here
//
// A config never changes and its id is never used again, so keys are created and deleted, never updated: updates of
// server 2.9.10 are not safe (claim-log.ts). `confirmed` are the keys that this node has seen in the bucket; it is kept
// over restarts, and tells what others have removed from what they have not heard of yet.

import type { KV, KvWatchEntry } from "@nats-io/kv";
import type { Logger } from "../base/logger.js";
import type { ConfigStore } from "../recording/config-store.js";
import { SectionWriter } from "../recording/section-writer.js";

/** A section of the config store that is an array of configs. */
export interface SharedSection {
  /** Its name in the store, and the first token of its keys. */
  readonly name: string;
  /** False for a config of this node alone. */
  isShared(config: object): boolean;
  /** A config of another node. Throws ReelError where this node cannot have it; it stays another's then. */
  adopt(config: unknown): void;
  remove(configId: number): void;
}

const CONFIRMED_SECTION = "confirmed";
const AGAIN_MS = 1000;

interface Local {
  readonly section: SharedSection;
  readonly configId: number;
  readonly config: object;
}

export class SharedConfigs {
  readonly #confirmed: Set<string>;
  readonly #saved: SectionWriter;
  /** Keys that stand in the bucket, as far as it has been read. */
  readonly #remote = new Set<string>();
  /** Of those, what this node could not take. */
  readonly #refused = new Set<string>();
  readonly #unwatch: (() => void)[];
  #kv: KV | undefined;
  #isLoaded = false;
  #isClosed = false;
  #pushing: Promise<void> | undefined;
  #isDirty = false;
  #stop: (() => void) | undefined;

  /** `store`: the recorder's, with the configs. `own`: the group's. */
  constructor(
    private readonly sections: readonly SharedSection[],
    private readonly store: ConfigStore,
    own: ConfigStore,
    private readonly logger: Logger,
  ) {
    this.#saved = new SectionWriter(own, CONFIRMED_SECTION, logger);
    const stored = own.get(CONFIRMED_SECTION)?.value;
    const keys = Array.isArray(stored) ? stored.filter((key): key is string => typeof key === "string") : [];
    this.#confirmed = new Set(keys);
    this.#unwatch = sections.map(({ name }) => store.watch(name, () => this.#push()));
  }

  /** Takes up the bucket, whose configs are adopted and which gets those of this node. */
  connect(kv: KV): void {
    this.#kv = kv;
    void this.#follow(kv);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#unwatch) end();
    this.#stop?.();
    await this.#pushing;
    await this.#saved.whenIdle();
  }

  async #follow(kv: KV): Promise<void> {
    while (!this.#isClosed) {
      try {
        const { values } = await kv.status();
        const entries = await kv.watch();
        this.#stop = () => entries.stop();
        this.#remote.clear();
        this.#isLoaded = false;
        if (values === 0) this.#loaded();
        for await (const entry of entries) {
          if (this.#isClosed) return;
          this.#take(entry);
          // `delta`: how many of those that stood there are still to come.
          if (!this.#isLoaded && entry.delta === 0) this.#loaded();
        }
      } catch (error) {
        if (!this.#isClosed) this.logger.debug({ err: error }, "the group's configs cannot be read; it is tried again");
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
    }
  }

  #take(entry: KvWatchEntry): void {
    const { key, operation } = entry;
    const place = this.#placeOf(key);
    if (!place) return;
    const { section, configId } = place;
    const isHere = this.#local().has(key);
    if (operation !== "PUT") {
      this.#remote.delete(key);
      this.#refused.delete(key);
      if (this.#confirmed.delete(key)) this.#save();
      if (isHere) section.remove(configId);
      return;
    }
    this.#remote.add(key);
    // One that was removed here while nobody could be told is confirmed and not here: it is deleted by the next push.
    if (this.#confirmed.has(key)) return;
    this.#confirmed.add(key);
    this.#save();
    if (isHere) return;
    try {
      section.adopt(entry.json());
    } catch (error) {
      this.#refused.add(key);
      this.logger.warn({ err: error, section: section.name, configId }, "a config of the group cannot be used here");
    }
  }

  /** All that stands in the bucket is known: what others have removed meanwhile goes here too. */
  #loaded(): void {
    this.#isLoaded = true;
    for (const [key, { section, configId }] of this.#local())
      if (this.#confirmed.has(key) && !this.#remote.has(key)) {
        this.#confirmed.delete(key);
        section.remove(configId);
      }
    for (const key of this.#confirmed) if (!this.#remote.has(key)) this.#confirmed.delete(key);
    this.#save();
    this.#push();
  }

  #push(): void {
    this.#isDirty = true;
    if (this.#isLoaded)
      this.#pushing ??= this.#pushAll().finally(() => {
        this.#pushing = undefined;
        if (this.#isDirty && !this.#isClosed) this.#push();
      });
  }

  async #pushAll(): Promise<void> {
    const kv = this.#kv as KV;
    while (this.#isDirty) {
      this.#isDirty = false;
      // Changes that belong to one turn of the event loop: adopting writes to the store a little later.
      await new Promise((resolve) => setImmediate(resolve));
      const local = this.#local();
      const created = [...local].filter(([key]) => !this.#confirmed.has(key) && !this.#remote.has(key));
      const deleted = [...this.#confirmed].filter((key) => !local.has(key) && !this.#refused.has(key));
      try {
        for (const [key, { config }] of created) {
          await kv.put(key, JSON.stringify(config));
          this.#confirmed.add(key);
        }
        for (const key of deleted) {
          await kv.delete(key);
          this.#confirmed.delete(key);
        }
        if (created.length + deleted.length > 0) this.#save();
      } catch (error) {
        this.logger.debug({ err: error }, "the group could not be told of a config; it is tried again");
        this.#isDirty = !this.#isClosed;
        if (this.#isDirty) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
      }
    }
  }

  /** What this node has that is the group's, by key. */
  #local(): Map<string, Local> {
    const local = new Map<string, Local>();
    for (const section of this.sections) {
      const stored = this.store.get(section.name)?.value;
      for (const config of Array.isArray(stored) ? (stored as readonly object[]) : []) {
        const { configId } = config as { configId?: unknown };
        if (typeof configId === "number" && section.isShared(config))
          local.set(`${section.name}.${configId}`, { section, configId, config });
      }
    }
    return local;
  }

  #placeOf(key: string): { section: SharedSection; configId: number } | undefined {
    const [name, id = "", ...rest] = key.split(".");
    const section = this.sections.find((candidate) => candidate.name === name);
    return section && rest.length === 0 && /^[1-9]\d*$/.test(id) ? { section, configId: Number(id) } : undefined;
  }

  #save(): void {
    this.#saved.write([...this.#confirmed]);
  }
}
