// Configs that all nodes have: record configs, pulls and rules, one key each in a bucket with a copy on every server.
// Every node keeps them in its own config store too, so one that is cut off goes on with what it knows, and what it is
// told meanwhile reaches the others later.
//
//   own store changes ─▶ create or delete the key          key created or deleted ─▶ adopt or remove here
//
// A config never changes and its id is never used again, so keys are created and deleted, never updated: updates of
// server 2.9.10 are not safe (claim-log.ts). Nothing but a removal that this node saw happen deletes a key
// (`SharedKeys.removed`): a config that is not here, because its file was lost or it cannot be used here, is the
// others' all the same. Nothing but the end of a key that was confirmed removes a config here.

import { isDeepStrictEqual } from "node:util";
import type { KV, KvWatchEntry } from "@nats-io/kv";
import type { Logger } from "../base/logger.js";
import type { ConfigStore } from "../recording/config-store.js";
import { LocalConfigs, type SharedSection } from "./local-configs.js";
import { SharedKeys } from "./shared-keys.js";

const AGAIN_MS = 1000;
/** A group may have thousands of configs: others have their turn between so many. */
const TURN_ENTRIES = 50;
/** Creations and deletions that are under way: a round through three servers takes 1 to 5 ms. */
const AT_ONCE = 32;
const WRONG_LAST_SEQUENCE = 10071;

export class SharedConfigs {
  readonly #keys: SharedKeys;
  readonly #here: LocalConfigs;
  /** What may be to be created in the bucket. */
  readonly #untold = new Set<string>();
  /** Adopted, and not in the store yet. */
  readonly #adopted = new Set<string>();
  /** Removed because the bucket says so: no removal of this node's. */
  readonly #leaving = new Set<string>();
  /** Keys that stand in the bucket, as far as it has been read. */
  readonly #remote = new Set<string>();
  /** Of those, what this node could not take. */
  readonly #refused = new Set<string>();
  /** Keys that this node has tried to create: without an answer they may stand in the bucket. */
  readonly #tried = new Set<string>();
  /** Removed keys that the bucket has been told of, and has not shown yet. */
  readonly #told = new Set<string>();
  readonly #warned = new Set<string>();
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
    store: ConfigStore,
    own: ConfigStore,
    private readonly logger: Logger,
  ) {
    this.#keys = new SharedKeys(own, logger);
    this.#here = new LocalConfigs(sections, store);
    this.#unwatch = sections.map((section) => store.watch(section.name, () => this.#compare(section)));
  }

  /**
   * Takes up the bucket, whose configs are adopted and which gets those of this node. `open` makes it where it is not
   * there; it is called again after every break.
   */
  connect(open: () => Promise<KV>): void {
    void this.#follow(open);
  }

  /** True where this node or the group has a config of that id. */
  hasId(configId: number): boolean {
    return this.sections.some(({ name }) => {
      const key = `${name}.${configId}`;
      return this.#has(key) || this.#remote.has(key);
    });
  }

  /** The servers may have lost what they had: the bucket is opened and read again. */
  reconnected(): void {
    this.#stop?.();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#unwatch) end();
    this.#stop?.();
    await this.#pushing;
    await this.#keys.whenSaved();
  }

  async #follow(open: () => Promise<KV>): Promise<void> {
    while (!this.#isClosed) {
      try {
        const kv = await open();
        const { values, streamInfo } = await kv.status();
        this.#isLoaded = false;
        await this.#pushing;
        if (this.#isClosed) return;
        this.#kv = kv;
        this.#keys.enter(String(streamInfo.created));
        for (const seen of [this.#remote, this.#refused, this.#told]) seen.clear();
        const entries = await kv.watch();
        this.#stop = () => entries.stop();
        if (this.#isClosed) return entries.stop();
        if (values === 0) this.#loaded();
        let count = 0;
        for await (const entry of entries) {
          if (this.#isClosed) return;
          this.#take(entry);
          // `delta`: how many of those that stood there are still to come.
          if (!this.#isLoaded && entry.delta === 0) this.#loaded();
          if (++count % TURN_ENTRIES === 0) await nextTurn();
        }
      } catch (error) {
        if (!this.#isClosed) this.#warnOnce(error, "the group's configs cannot be read; it is tried again");
      }
      await pause(AGAIN_MS);
    }
  }

  #take(entry: KvWatchEntry): void {
    const { key, operation } = entry;
    const place = this.#placeOf(key);
    if (!place) return;
    if (operation === "PUT") this.#created(entry, place);
    else this.#deleted(key, place);
  }

  #deleted(key: string, { section, configId }: { section: SharedSection; configId: number }): void {
    const { confirmed, removed } = this.#keys;
    this.#remote.delete(key);
    this.#refused.delete(key);
    this.#told.delete(key);
    this.#untold.add(key);
    const wasConfirmed = confirmed.delete(key);
    const wasRemoved = removed.delete(key);
    if (wasConfirmed || wasRemoved) this.#keys.save();
    // A removal that a crash has cut short is done here too.
    if ((wasConfirmed || wasRemoved) && this.#has(key)) this.#remove(key, section, configId);
  }

  #created(entry: KvWatchEntry, { section, configId }: { section: SharedSection; configId: number }): void {
    const { key } = entry;
    const { confirmed, removed } = this.#keys;
    this.#remote.add(key);
    // What was removed here is deleted by the next push.
    if (removed.has(key)) return;
    const isHere = this.#has(key);
    if (isHere && confirmed.has(key)) return;
    try {
      const config: unknown = entry.json();
      const local = this.#here.get(key);
      if (local && !isDeepStrictEqual(plain(local.config), config)) {
        this.#refused.add(key);
        const message = "a config of the group has the id of another one of this node: each keeps its own";
        this.logger.warn({ section: section.name, configId }, message);
        return;
      }
      if (!isHere) {
        section.adopt(config);
        this.#leaving.delete(key);
        if (!this.#here.has(key)) this.#adopted.add(key);
      }
      confirmed.add(key);
      this.#keys.save();
    } catch (error) {
      this.#refused.add(key);
      this.logger.warn({ err: error, section: section.name, configId }, "a config of the group cannot be used here");
    }
  }

  /** All that stands in the bucket is known: what others have removed meanwhile goes here too. */
  #loaded(): void {
    this.#isLoaded = true;
    const { confirmed } = this.#keys;
    for (const key of confirmed) {
      if (this.#remote.has(key)) continue;
      confirmed.delete(key);
      const local = this.#here.get(key);
      if (local) this.#remove(key, local.section, local.configId);
    }
    for (const key of this.#here.keys()) this.#untold.add(key);
    this.#keys.save();
    this.#push();
  }

  #has(key: string): boolean {
    return this.#here.has(key) || this.#adopted.has(key);
  }

  #remove(key: string, section: SharedSection, configId: number): void {
    this.#adopted.delete(key);
    this.#leaving.add(key);
    section.remove(configId);
  }

  /** Called after every write of a section: what is new in it, and what was removed. */
  #compare(section: SharedSection): void {
    const { confirmed, removed } = this.#keys;
    const { came, went } = this.#here.compare(section);
    for (const key of went) {
      const isOthers = this.#leaving.delete(key) || this.#refused.has(key);
      if (isOthers || !(confirmed.has(key) || this.#tried.has(key))) continue;
      removed.add(key);
      this.#keys.save();
    }
    for (const key of came) {
      this.#adopted.delete(key);
      this.#untold.add(key);
    }
    this.#push();
  }

  #push(): void {
    this.#isDirty = true;
    if (this.#isLoaded && !this.#isClosed)
      this.#pushing ??= this.#pushAll().finally(() => {
        this.#pushing = undefined;
        if (this.#isDirty) this.#push();
      });
  }

  async #pushAll(): Promise<void> {
    const kv = this.#kv as KV;
    while (this.#isDirty && this.#isLoaded && !this.#isClosed) {
      this.#isDirty = false;
      // Changes that belong to one turn of the event loop.
      await nextTurn();
      const changes = [...this.#creations(kv), ...this.#deletions(kv)].values();
      let isWhole = true;
      const tell = async (): Promise<void> => {
        for (const change of changes) isWhole = (await this.#tell(change)) && isWhole;
      };
      await Promise.all(Array.from({ length: AT_ONCE }, tell));
      if (isWhole) continue;
      this.#isDirty = true;
      await pause(AGAIN_MS);
    }
  }

  #creations(kv: KV): (() => Promise<void>)[] {
    const { confirmed, removed } = this.#keys;
    const wanted: (() => Promise<void>)[] = [];
    for (const key of this.#untold) {
      const local = this.#here.get(key);
      if (!local || confirmed.has(key) || this.#remote.has(key) || removed.has(key)) this.#untold.delete(key);
      else wanted.push(() => this.#create(kv, key, local.config));
    }
    return wanted;
  }

  #deletions(kv: KV): (() => Promise<void>)[] {
    const untold = [...this.#keys.removed].filter((key) => !this.#told.has(key));
    return untold.map((key) => () => this.#delete(kv, key));
  }

  /** False where it must be tried again: one key that cannot be told keeps no other one back. */
  async #tell(change: () => Promise<void>): Promise<boolean> {
    if (this.#isClosed || !this.#isLoaded) return false;
    try {
      await change();
      return true;
    } catch (error) {
      this.#warnOnce(error, "the group could not be told of a config; it is tried again");
      return false;
    }
  }

  async #create(kv: KV, key: string, config: object): Promise<void> {
    // It was removed while others had their turn.
    if (!this.#here.has(key)) return;
    this.#tried.add(key);
    try {
      await kv.create(key, JSON.stringify(config));
    } catch (error) {
      if ((error as { code?: unknown }).code !== WRONG_LAST_SEQUENCE) throw error;
      // It stands there: the watch tells whether it is this one.
      this.#tried.delete(key);
      this.#untold.delete(key);
      return;
    }
    // Unless the bucket has been another one since.
    if (kv !== this.#kv) return;
    this.#keys.confirmed.add(key);
    this.#untold.delete(key);
    this.#keys.save();
  }

  async #delete(kv: KV, key: string): Promise<void> {
    await kv.delete(key);
    this.#told.add(key);
  }

  #warnOnce(error: unknown, message: string): void {
    const cause = (error as Error).message;
    if (this.#warned.has(cause)) return;
    this.#warned.add(cause);
    this.logger.warn({ err: error }, message);
  }

  #placeOf(key: string): { section: SharedSection; configId: number } | undefined {
    const [name, id = "", ...rest] = key.split(".");
    const section = this.sections.find((candidate) => candidate.name === name);
    return section && rest.length === 0 && /^[1-9]\d*$/.test(id) ? { section, configId: Number(id) } : undefined;
  }
}

/** As it comes out of the bucket. */
function plain(config: object): unknown {
  return JSON.parse(JSON.stringify(config));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
