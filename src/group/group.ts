// A node's membership in a group: the parts of this folder put together. `join` comes before the recorder is opened,
// which takes its ids from here; `attach` when there is one. What needs NATS begins when a server answers: a node that
// has been a member before starts without, with what it knows.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "../base/logger.js";
import { gauge, type Sample } from "../base/samples.js";
import { JsonConfigStore } from "../recording/json-config-store.js";
import { SectionWriter } from "../recording/section-writer.js";
import type { Clock } from "../time/units.js";
import { ConfigIds } from "./claimed-numbers.js";
import { Drain, type DrainState } from "./drain.js";
import { type Flow, type GroupPull, GroupPulls, type PullRunner, type Taken } from "./group-pulls.js";
import { DEFAULT_REPLICAS, type GroupSettings } from "./group-settings.js";
import type { TakeAnswer } from "./hand-over.js";
import { Joining } from "./joining.js";
import { type KnownNode, KnownNodes } from "./known-nodes.js";
import { type Heartbeat, Members } from "./members.js";
import { firstNumber, readMember, remember } from "./membership.js";
import { connectNats, type Nats } from "./nats-connection.js";
import { type Load, type PlacedNode, weightOf } from "./placement.js";
import type { RequestHandler } from "./requests.js";
import type { MovedPull, Shared } from "./server-port.js";
import { openSession, type Session } from "./session.js";
import { SharedConfigs } from "./shared-configs.js";
import { type Asked, GroupSubjects, type PullKey } from "./subjects.js";
import { pause, within } from "./waiting.js";

/** Below the server's state folder. */
const FOLDER = "group";
/** The newest entry of the ledger that the group's stream has. */
const PUBLISHED_SECTION = "published";
/** A later one: what it knows it does at once, and joins when it can. */
const REJOIN_MS = 2000;
const AGAIN_MS = 500;
/** A node that has not learned by then what others have pulls what it had itself. */
const SETTLE_MS = 3000;
/** To begin to pull takes no time. */
const TAKE_ANSWER_MS = 2000;
/** A node that joins takes nothing that others have for so long. */
const JOIN_SECONDS = 60;
/** Ids of streams: the node's number in front, so that they say where a stream is. */
export const STREAM_ID_SHIFT = 2 ** 32;

export interface GroupParts {
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The group's pulls, whatever their settings are. */
type AnyPulls = Omit<GroupPulls<GroupPull, unknown>, "start" | "checkUri" | "stop">;

export class Group {
  readonly #instance = randomUUID();
  readonly #members: Members;
  readonly #ids: ConfigIds;
  #pulls: AnyPulls | undefined;
  #configs: SharedConfigs | undefined;
  readonly #handlers = new Map<Asked, RequestHandler>();
  #session: Session | undefined;
  #drain: Drain | undefined;
  #joining: Joining | undefined;
  #loadOf: (() => Load) | undefined;
  #weight: number | undefined;
  readonly #published: SectionWriter;
  #publishedUpTo: number | undefined;
  readonly #known: KnownNodes;
  #shared: Shared | undefined;
  #isLeaving = false;
  #tellOpened: () => void = () => {};
  /** Events of the start wait for it. */
  readonly #opened = new Promise<void>((resolve) => {
    this.#tellOpened = resolve;
  });
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
    this.#known = new KnownNodes(store, () => parts.clock.wallMs(), parts.logger);
    this.#published = new SectionWriter(store, PUBLISHED_SECTION, parts.logger);
    const upTo = store.get(PUBLISHED_SECTION)?.value;
    this.#publishedUpTo = Number.isSafeInteger(upTo) ? (upTo as number) : undefined;
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

  /** What files of a stream that begin now are marked with. */
  nodeOf(localStreamName: string): { readonly node: string; readonly epoch?: number } {
    const epoch = this.#pulls?.epochOf(localStreamName);
    return { node: this.nodeName, ...(epoch !== undefined && { epoch }) };
  }

  /** Stands in front of the sources that pull. `flowOf`: what a stream does here. `load`: of this host. */
  createPulls<S extends GroupPull, T>(
    runner: PullRunner<S, T>,
    flowOf: (localStreamName: string) => Flow,
    load: () => Load,
  ): GroupPulls<S, T> {
    const { clock, logger } = this.parts;
    this.#loadOf = load;
    const pulls = new GroupPulls<S, T>({
      runner,
      members: this.#members,
      self: this.number,
      weight: () => this.#ownWeight(),
      monotonicMs: () => clock.monotonicMs(),
      flowOf,
      onTaken: (taken) => this.#tellMoved(taken),
      store: this.store,
      logger,
    });
    this.#pulls = pulls;
    this.#joining = new Joining({
      pulls,
      self: this.number,
      nodes: () => this.#placedNodes(),
      afterMs: (this.settings.joinSeconds ?? JOIN_SECONDS) * 1000,
      monotonicMs: () => clock.monotonicMs(),
      logger,
    });
    this.#drain = new Drain({
      pulls,
      nameOf: (node) => this.#nameOf(node),
      askToTake: async (node, { configId }) =>
        (await this.ask(node, "take", { configId }, TAKE_ANSWER_MS)) as TakeAnswer | undefined,
      onChange: () => this.#session?.heartbeats.tell(),
      logger,
    });
    this.serve("take", async (body): Promise<TakeAnswer> => {
      const { configId } = body as Pick<PullKey, "configId">;
      return { refusal: pulls.take(configId) ?? null };
    });
    return pulls;
  }

  /** Takes part: configs are shared and pulls are claimed as soon as NATS answers. */
  start(shared: Shared): void {
    this.#shared = shared;
    this.#configs = new SharedConfigs(shared.sections, shared.store, this.store, this.parts.logger);
    void this.#begin();
    setTimeout(() => this.#pulls?.settle(), SETTLE_MS).unref();
  }

  /** The others that have been heard within the last days, by number. */
  nodes(): KnownNode[] {
    const heard = this.#members.known().map(({ node, name, isLast }) => ({
      ...{ number: node, name, hasLeft: isLast },
      isAlive: this.#members.isAlive(node) && !isLast,
    }));
    return this.#known.with(heard);
  }

  /** A stream has begun or ended at this node. */
  streamsChanged(): void {
    this.#session?.names.changed();
  }

  /** The other nodes where a stream of that name lives too, by name. */
  conflictsOf(localStreamName: string): readonly string[] {
    return (this.#session?.names.conflictsOf(localStreamName) ?? []).map((node) => this.#nameOf(node));
  }

  /** What another node answers, as plain JSON; undefined where it does not within the deadline. */
  async ask(node: number, what: Asked, body: unknown, deadlineMs: number): Promise<unknown> {
    return this.#session?.requests.ask(node, what, body, deadlineMs);
  }

  /** Answers what others ask, from when NATS is reached. Called before `start`. */
  serve(what: Asked, handler: RequestHandler): void {
    this.#handlers.set(what, handler);
  }

  /**
   * Puts an event on the group's stream, with the `sequence` of a ledger's entry once, however often it is put. False
   * where it is not known whether it stands there.
   */
  async publish(type: string, event: string, sequence?: number): Promise<boolean> {
    await this.#opened;
    const { events, heartbeats } = this.#session ?? {};
    // What is published without a connection would wait for it.
    return heartbeats?.isConnected === true && (await events?.publish(type, event, sequence)) === true;
  }

  /** The newest entry of this node's ledger that was put there; undefined where none was. */
  get publishedUpTo(): number | undefined {
    return this.#publishedUpTo;
  }

  keepPublished(sequence: number): void {
    this.#publishedUpTo = sequence;
    this.#published.write(sequence);
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

  /** Gives every pull to other nodes, without a gap, and takes none until `undrain`. Asked again: how far it is. */
  drain(): DrainState {
    return (this.#drain as Drain).begin();
  }

  /** Takes pulls again. */
  undrain(): void {
    this.#drain?.end();
    this.#joining?.begin();
  }

  /** Before the pulls end: none is claimed or begun any more, and the others know. */
  leave(): void {
    this.#isLeaving = true;
    this.#pulls?.drain();
    this.#session?.heartbeats.tell();
  }

  /** Called when nothing is pulled any more: the others may have it. */
  goodbye(): void {
    this.#isClosed = true;
    this.#session?.heartbeats.close();
    this.#session?.names.close();
    this.#session?.log.close();
  }

  /** Called when there are no events any more. */
  async close(): Promise<void> {
    this.goodbye();
    await this.#published.whenIdle();
    await this.#configs?.close();
    await this.#pulls?.whenSaved();
    await this.#known.whenSaved();
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
    const { subjects, number, settings } = this;
    const { logger } = this.parts;
    const session = await openSession(nats, {
      ...{ subjects, self: number, members: this.#members, replicas: settings.replicas },
      ...{ handlers: this.#handlers, isWanted: () => !this.#isClosed, logger },
      own: () => this.#heartbeat(),
      onTick: () => this.#tick(),
      onAbsent: () => this.#joining?.begin(),
      onReconnect: () => this.#configs?.reconnected(),
      live: () => this.#shared?.live() ?? { published: [], pulled: [] },
      onConflict: (name, others) => this.#tellConflict(name, others),
    });
    if (!session) return;
    const { log } = session;
    void this.#ids.connect(nats, subjects);
    this.#session = session;
    this.#tellOpened();
    this.#members.deaf();
    this.#pulls?.connect(log);
    log.follow({ seen: (claim) => this.#pulls?.seen(claim), caughtUp: () => this.#pulls?.caughtUp() });
    this.#configs?.connect(() => nats.bucket(subjects.configBucket, settings.replicas ?? DEFAULT_REPLICAS));
    logger.info({ group: settings.name, node: this.nodeName, number }, "a member of the group");
  }

  #tick(): void {
    this.#pulls?.tick();
    this.#session?.names.tick();
    for (const { node, name, isLast } of this.#members.known())
      if (isLast || this.#members.isAlive(node)) this.#known.heard({ number: node, name, hasLeft: isLast });
    if (!this.#isLeaving && this.#drain?.isDraining !== true) this.#joining?.tick();
  }

  /** Measured now; it follows the load in steps. */
  #ownWeight(): number {
    if (this.#loadOf) this.#weight = weightOf(this.#loadOf(), this.#weight);
    return this.#weight ?? 1;
  }

  #placedNodes(): PlacedNode[] {
    const others = this.#members.live().filter(({ isDraining }) => !isDraining);
    return [{ node: this.number, weight: this.#ownWeight() }, ...others];
  }

  #tellMoved({ pull: { configId, localStreamName }, epoch, from, overlapMs }: Taken): void {
    if (from === 0 || from === this.number) return;
    const isGiven = overlapMs !== undefined;
    const silentMs = isGiven ? undefined : this.#members.silentMs(from);
    const moved: MovedPull = {
      ...{ configId, localStreamName, epoch, from: this.#nameOf(from), to: this.nodeName },
      cause: isGiven ? "handedOver" : "ownerGone",
      overlapMs: isGiven ? Math.round(overlapMs) : null,
      silentMs: silentMs === undefined ? null : Math.round(silentMs),
    };
    this.parts.logger.info({ ...moved, stream: localStreamName }, "a pull has moved to this node");
    this.#shared?.onMoved(moved);
  }

  #tellConflict(localStreamName: string, others: readonly number[]): void {
    const nodes = others.map((node) => this.#nameOf(node));
    const message = "a stream of this name lives at another node too: each records its own";
    this.parts.logger.warn({ stream: localStreamName, nodes }, message);
    this.#shared?.onConflict(localStreamName, nodes);
  }

  #nameOf(node: number): string {
    if (node === this.number) return this.nodeName;
    return this.#members.known().find((member) => member.node === node)?.name ?? String(node);
  }

  #heartbeat(): Heartbeat {
    return {
      node: this.number,
      instance: this.#instance,
      name: this.nodeName,
      weight: this.#ownWeight(),
      isDraining: this.#isLeaving || this.#drain?.isDraining === true,
      isLast: false,
    };
  }
}
