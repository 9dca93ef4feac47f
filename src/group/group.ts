// A node's membership in a group: the parts of this folder put together. `join` comes before the recorder is opened,
// which takes its ids from here; `attach` when there is one. What needs NATS begins when a server answers: a node that
// has been a member before starts without, with what it knows.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { gauge, type Sample } from "../base/samples.js";
import type { ConfigStore } from "../recording/config-store.js";
import { JsonConfigStore } from "../recording/json-config-store.js";
import { SectionWriter } from "../recording/section-writer.js";
import type { Clock } from "../time/units.js";
import { ClaimLog, ensureClaimStream } from "./claim-log.js";
import { ConfigIds, claimNodeNumber, MAX_NODE_NUMBER } from "./claimed-numbers.js";
import { type GroupPull, GroupPulls, type PullRunner } from "./group-pulls.js";
import { DEFAULT_REPLICAS, type GroupSettings } from "./group-settings.js";
import { Heartbeats } from "./heartbeats.js";
import { type Heartbeat, Members } from "./members.js";
import { connectNats, type Nats } from "./nats-connection.js";
import { SharedConfigs, type SharedSection } from "./shared-configs.js";
import { GroupSubjects } from "./subjects.js";

/** Below the server's state folder. */
const FOLDER = "group";
const MEMBER_SECTION = "member";
/** A first start waits so long for a server of NATS, and for a leader of JetStream. */
const JOIN_MS = 15_000;
/** A later one: what it knows it does at once, and joins when it can. */
const REJOIN_MS = 2000;
const AGAIN_MS = 500;
/** A node that has not learned by then what others have pulls what it had itself. */
const SETTLE_MS = 3000;
/** All nodes are equal until heartbeats carry their loads. */
const OWN_WEIGHT = 1;
/** Ids of streams: the node's number in front, so that they say where a stream is. */
export const STREAM_ID_SHIFT = 2 ** 32;

export interface GroupParts {
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Member {
  readonly group: string;
  readonly name: string;
  readonly number: number;
}

/** What exists from the moment when NATS was reached. */
interface Session {
  readonly nats: Nats;
  readonly log: ClaimLog;
  readonly heartbeats: Heartbeats;
}

/** The group's pulls, whatever their settings are. */
type AnyPulls = Pick<
  GroupPulls<GroupPull, unknown>,
  "connect" | "seen" | "caughtUp" | "settle" | "tick" | "drain" | "count" | "ownerOf" | "whenSaved"
>;

/** What of a server's the group shares. */
export interface Shared {
  /** The recorder's. */
  readonly store: ConfigStore;
  readonly sections: readonly SharedSection[];
}

export class Group {
  readonly #instance = randomUUID();
  readonly #members: Members;
  readonly #ids: ConfigIds;
  #pulls: AnyPulls | undefined;
  #configs: SharedConfigs | undefined;
  #session: Session | undefined;
  #isDraining = false;
  #isClosed = false;

  private constructor(
    /** Of this node in the group, from 1. */
    readonly number: number,
    readonly nodeName: string,
    private readonly settings: GroupSettings,
    private readonly subjects: GroupSubjects,
    private readonly store: JsonConfigStore,
    private readonly nats: Promise<Nats>,
    private readonly parts: GroupParts,
  ) {
    this.#members = new Members(number, () => parts.clock.monotonicMs());
    this.#ids = new ConfigIds(store, number, parts.logger);
  }

  /**
   * Throws ReelError `badArgument` where NATS refuses this node, or does not answer one that has never been a member.
   */
  static async join(settings: GroupSettings, parts: GroupParts): Promise<Group> {
    const subjects = new GroupSubjects(settings.name);
    const name = settings.node ?? hostname();
    const store = await JsonConfigStore.open(join(parts.stateFolder, FOLDER), parts.logger);
    const nats = connectNats(settings, `reel ${name}`);
    nats.catch(() => {}); // whoever awaits it is told
    try {
      const known = readMember(store, settings.name, name);
      const number = known ?? (await firstNumber(nats, subjects, name, settings));
      if (known === undefined) await remember(store, { group: settings.name, name, number }, parts.logger);
      const group = new Group(number, name, settings, subjects, store, nats, parts);
      const connected = await within(nats, REJOIN_MS);
      if (connected) await group.#ids.connect(connected, subjects);
      else parts.logger.warn({}, "the group's NATS does not answer: this node goes on with what it knows");
      return group;
    } catch (error) {
      nats.then(
        ({ connection }) => connection.close(),
        () => {},
      );
      throw error;
    }
  }

  /** Ids of streams are above this one. */
  get firstStreamId(): number {
    return this.number * STREAM_ID_SHIFT;
  }

  nextConfigId(): number {
    let id = this.#ids.next();
    // A server that joins has configs of its own, and a NATS that lost everything claims from 1 again.
    while (this.#configs?.hasId(id)) id = this.#ids.next();
    return id;
  }

  /** Stands in front of the sources that pull. */
  createPulls<S extends GroupPull, T>(runner: PullRunner<S, T>): GroupPulls<S, T> {
    const { clock, logger } = this.parts;
    const pulls = new GroupPulls<S, T>({
      runner,
      members: this.#members,
      self: this.number,
      weight: () => OWN_WEIGHT,
      monotonicMs: () => clock.monotonicMs(),
      store: this.store,
      logger,
    });
    this.#pulls = pulls;
    return pulls;
  }

  /** Takes part: configs are shared and pulls are claimed as soon as NATS answers. */
  start({ store, sections }: Shared): void {
    this.#configs = new SharedConfigs(sections, store, this.store, this.parts.logger);
    void this.#begin();
    setTimeout(() => this.#pulls?.settle(), SETTLE_MS).unref();
  }

  collect(): readonly Sample[] {
    const { known = 0, own = 0 } = this.#pulls?.count() ?? {};
    return [
      gauge(
        "reel_group_nodes",
        "Nodes of the group that this one hears, itself among them.",
        this.#members.live().length + 1,
      ),
      gauge("reel_group_pulls", "Pulls of the group that this node knows.", known),
      gauge("reel_group_own_pulls", "Pulls of the group that this node runs.", own),
    ];
  }

  /** Before the pulls end: none is claimed or begun any more, and the others know. */
  drain(): void {
    this.#isDraining = true;
    this.#pulls?.drain();
    this.#session?.heartbeats.tell();
  }

  /** Called when nothing is pulled any more: the others may have it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#session?.heartbeats.close();
    this.#session?.log.close();
    await this.#configs?.close();
    await this.#pulls?.whenSaved();
    await this.#ids.close();
    await this.store.flush();
    // Where no server has ever answered there is no connection to end.
    const nats = await within(
      this.nats.catch(() => undefined),
      AGAIN_MS,
    );
    if (!nats) return;
    // Without a server a drain may never end.
    await within(
      nats.connection.drain().catch(() => {}),
      AGAIN_MS,
    );
    await nats.connection.close();
  }

  async #begin(): Promise<void> {
    const { logger } = this.parts;
    try {
      const nats = await this.nats;
      while (!this.#isClosed && !this.#session) {
        try {
          await this.#open(nats);
        } catch (error) {
          logger.debug({ err: error }, "the group's streams cannot be opened yet; it is tried again");
          await pause(AGAIN_MS);
        }
      }
    } catch (error) {
      logger.warn({ err: error }, "this node is alone: the group's NATS does not take it");
    }
  }

  async #open(nats: Nats): Promise<void> {
    const { subjects, number, settings, parts } = this;
    const { logger } = parts;
    const replicas = settings.replicas ?? DEFAULT_REPLICAS;
    const log = await ClaimLog.open(nats, subjects, { self: number, replicas, logger });
    void this.#ids.connect(nats, subjects);
    if (this.#isClosed) return;
    const heartbeats = new Heartbeats({
      ...{ nats, subjects, members: this.#members, logger },
      own: () => this.#heartbeat(),
      onTick: () => this.#pulls?.tick(),
      onReconnect: () => this.#configs?.reconnected(),
    });
    this.#session = { nats, log, heartbeats };
    this.#members.deaf();
    this.#pulls?.connect(log);
    log.follow({ seen: (claim) => this.#pulls?.seen(claim), caughtUp: () => this.#pulls?.caughtUp() });
    this.#configs?.connect(() => nats.bucket(subjects.configBucket, replicas));
    logger.info({ group: settings.name, node: this.nodeName, number }, "a member of the group");
  }

  #heartbeat(): Heartbeat {
    return {
      node: this.number,
      instance: this.#instance,
      name: this.nodeName,
      weight: OWN_WEIGHT,
      isDraining: this.#isDraining,
      isLast: false,
    };
  }
}

/** undefined where this node has not been a member of that group, by that name. */
function readMember(store: ConfigStore, group: string, name: string): number | undefined {
  const stored = store.get(MEMBER_SECTION)?.value as Partial<Member> | undefined;
  const { number } = stored ?? {};
  const isNumber = Number.isSafeInteger(number) && (number as number) > 0 && (number as number) <= MAX_NODE_NUMBER;
  return isNumber && stored?.group === group && stored.name === name ? number : undefined;
}

async function remember(store: JsonConfigStore, member: Member, logger: Logger): Promise<void> {
  const writer = new SectionWriter(store, MEMBER_SECTION, logger);
  writer.write(member);
  await writer.whenIdle();
  await store.flush();
}

/** Without a number of its own a node cannot name its streams: the first start needs NATS. */
async function firstNumber(
  connecting: Promise<Nats>,
  subjects: GroupSubjects,
  name: string,
  { servers, replicas = DEFAULT_REPLICAS }: GroupSettings,
): Promise<number> {
  const endMs = performance.now() + JOIN_MS;
  const nats = await within(connecting, JOIN_MS);
  let cause: unknown;
  while (nats && performance.now() < endMs) {
    try {
      await ensureClaimStream(nats, subjects, replicas);
      const number = await claimNodeNumber(nats, subjects, name);
      if (number !== undefined) return number;
    } catch (error) {
      cause = error;
    }
    await pause(AGAIN_MS);
  }
  const seconds = JOIN_MS / 1000;
  const why = nats
    ? `JetStream took no stream of ${replicas} copies${cause ? ` (${(cause as Error).message})` : ""}: it needs as many servers, with JetStream on`
    : "no server of NATS answered: start one, or correct group.servers";
  throw new ReelError("badArgument", `group: ${servers.join(", ")}: within ${seconds} s ${why}`, {}, { cause });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** undefined where it takes longer. */
function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
