// Which pulls a node runs, with a log of claims of the test's and its clock.

import { beforeEach, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import type { ClaimOutcome } from "../../../src/group/claim.js";
import type { LoggedClaim } from "../../../src/group/claim-log.js";
import {
  type ClaimLogPort,
  type Flow,
  type GroupPull,
  GroupPulls,
  PULL_ELSEWHERE,
  TAKE_MS,
  type Taken,
} from "../../../src/group/group-pulls.js";
import { DEAD_MS, HEARTBEAT_MS, type Heartbeat, Members } from "../../../src/group/members.js";
import type { ConfigStore, StoredSection } from "../../../src/recording/config-store.js";

const SELF = 1;

/** What a config store does, without a file. */
class MemoryStore implements ConfigStore {
  readonly #sections = new Map<string, StoredSection>();
  get(section: string): StoredSection | undefined {
    return this.#sections.get(section);
  }
  async put(section: string, value: unknown): Promise<number> {
    const revision = (this.#sections.get(section)?.revision ?? 0) + 1;
    this.#sections.set(section, { value, revision });
    return revision;
  }
  watch(): () => void {
    return () => {};
  }
}

let nowMs: number;
let members: Members;
let store: MemoryStore;
let running: Map<number, GroupPull>;
let codes: Map<number, number[]>;
let log: LoggedClaim[];
/** What the next questions are answered with; `won` where it is empty. */
let outcomes: ClaimOutcome[];
let pulls: GroupPulls<GroupPull, never>;
/** What every stream does here. */
let flow: Flow;
let taken: Taken[];

const logPort: ClaimLogPort = {
  ask: async ({ configId }, epoch) => {
    const outcome = outcomes.shift() ?? "won";
    if (outcome === "won") log.push({ configId, epoch, node: SELF, sequence: log.length + 1 });
    return outcome;
  },
  readBack: async ({ configId }) => log.filter((claim) => claim.configId === configId).at(-1),
  forget: ({ configId }) => {
    log = log.filter((claim) => claim.configId !== configId);
  },
};

function createPulls(): GroupPulls<GroupPull, never> {
  running = new Map();
  return new GroupPulls({
    runner: {
      checkUri: () => undefined,
      start: (settings) => void running.set(settings.configId, settings),
      stop: (configId) => void running.delete(configId),
    },
    members,
    self: SELF,
    weight: () => 1,
    monotonicMs: () => nowMs,
    flowOf: () => flow,
    onTaken: (one) => void taken.push(one),
    store,
    logger: silentLogger,
  });
}

beforeEach(() => {
  nowMs = 1000;
  members = new Members(SELF, () => nowMs);
  store = new MemoryStore();
  codes = new Map();
  log = [];
  outcomes = [];
  flow = "none";
  taken = [];
  pulls = createPulls();
});

function start(configId: number, more: Partial<GroupPull> = {}): void {
  const own: number[] = [];
  codes.set(configId, own);
  pulls.start({ configId, localStreamName: `cam${configId}`, keepAlive: true, ...more }, (code) => own.push(code));
}

function hear(node: number, more: Partial<Heartbeat> = {}): void {
  members.hear({ node, instance: "a", name: `n${node}`, weight: 1, isDraining: false, isLast: false, ...more });
}

/** What was asked is answered. */
async function answers(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

/** Heartbeats of others meanwhile, and the answers to what is asked. */
async function pass(ms: number, others: readonly number[] = []): Promise<void> {
  for (const endMs = nowMs + ms; nowMs < endMs; ) {
    nowMs += HEARTBEAT_MS;
    for (const node of others) hear(node);
    members.tick();
    pulls.tick();
    await answers();
  }
}

function join(): void {
  pulls.connect(logPort);
  pulls.caughtUp();
}

/** Pulls 1 and 2 are those of node 2. */
function joinBesideOwnerOfBoth(): void {
  join();
  for (const configId of [1, 2]) pulls.seen({ configId, epoch: 1, node: 2, sequence: configId });
  hear(2);
  start(1);
  start(2);
}

it("claims and runs a pull that nobody has, and yields to a higher epoch", async () => {
  join();
  start(1);
  await pass(HEARTBEAT_MS);
  expect([...running.keys()]).toEqual([1]);
  pulls.seen({ configId: 1, epoch: 2, node: 2, sequence: 9 });
  expect(running.size).toBe(0);
  expect(codes.get(1)).toEqual([PULL_ELSEWHERE, PULL_ELSEWHERE]);
  expect(pulls.ownerOf(1)).toBe(2);
});

it("leaves a pull to its owner as long as that lives, and takes it 3 s after the last heartbeat", async () => {
  join();
  pulls.seen({ configId: 1, epoch: 4, node: 2, sequence: 1 });
  hear(2);
  start(1);
  await pass(2 * DEAD_MS, [2]);
  expect(running.size).toBe(0);
  await pass(DEAD_MS - HEARTBEAT_MS);
  expect(running.size).toBe(0);
  await pass(HEARTBEAT_MS);
  expect([...running.keys()]).toEqual([1]);
  expect(log.at(-1)?.epoch).toBe(5);
});

it("takes what a node had that says that it goes, without waiting", async () => {
  join();
  pulls.seen({ configId: 1, epoch: 1, node: 2, sequence: 1 });
  hear(2);
  start(1);
  hear(2, { isLast: true });
  pulls.tick();
  await pass(HEARTBEAT_MS);
  expect([...running.keys()]).toEqual([1]);
});

it("waits for those that come first for a pull, but not for ever, and not for one that drains", async () => {
  join();
  hear(2);
  for (let configId = 1; configId <= 40; configId++) start(configId);
  await answers();
  const first = running.size;
  expect(first).toBeGreaterThan(8);
  expect(first).toBeLessThan(32);
  await pass(HEARTBEAT_MS, [2]);
  expect(running.size).toBe(40);
  hear(2, { isDraining: true });
  for (let configId = 41; configId <= 60; configId++) start(configId);
  await answers();
  expect(running.size).toBe(60);
});

it("goes on when a claim has no answer, and asks again", async () => {
  join();
  outcomes = ["unknown", "lost"];
  start(1);
  await pass(HEARTBEAT_MS);
  expect(running.size).toBe(0);
  await pass(2 * HEARTBEAT_MS);
  expect([...running.keys()]).toEqual([1]);
});

it("pulls what it had before a restart where nobody can be asked, and not before it has tried", async () => {
  join();
  start(1);
  await pass(HEARTBEAT_MS);
  await pulls.whenSaved();
  pulls = createPulls();
  start(1);
  expect(running.size).toBe(0);
  pulls.settle();
  expect([...running.keys()]).toEqual([1]);
});

it("does not pull what others have taken since its last run", async () => {
  join();
  start(1);
  await pass(HEARTBEAT_MS);
  await pulls.whenSaved();
  pulls = createPulls();
  start(1);
  pulls.connect(logPort);
  hear(2);
  pulls.seen({ configId: 1, epoch: 2, node: 2, sequence: 7 });
  pulls.caughtUp();
  expect(running.size).toBe(0);
});

it("runs a pull that no restart keeps where it was asked for, whoever else is there", () => {
  start(1, { keepAlive: false });
  start(2, { saveToConfig: false });
  expect([...running.keys()]).toEqual([1, 2]);
});

it("ends a removed pull, and forgets its claims", async () => {
  join();
  start(1);
  await pass(HEARTBEAT_MS);
  pulls.stop(1, "removed");
  expect(running.size).toBe(0);
  expect(log).toEqual([]);
  expect(pulls.ownerOf(1)).toBeUndefined();
});

it("takes a claim without an answer for a sign that it hears nobody", async () => {
  join();
  pulls.seen({ configId: 1, epoch: 1, node: 2, sequence: 1 });
  hear(2);
  start(1);
  outcomes = ["unknown"];
  await pass(DEAD_MS + HEARTBEAT_MS);
  await pass(DEAD_MS - 2 * HEARTBEAT_MS);
  expect(log).toEqual([]);
  expect(outcomes).toEqual([]);
  await pass(2 * HEARTBEAT_MS);
  expect(log.at(-1)?.epoch).toBe(2);
});

it("begins nothing any more when it drains, also not what it is told to have won", async () => {
  join();
  start(1);
  pulls.drain();
  pulls.seen({ configId: 1, epoch: 1, node: SELF, sequence: 1 });
  await pass(2 * HEARTBEAT_MS);
  expect(running.size).toBe(0);
  expect(pulls.count().own).toBe(0);
});

it("claims what it runs again where the log has lost that, and only there", async () => {
  join();
  start(1);
  start(2);
  await pass(HEARTBEAT_MS);
  await pulls.whenSaved();
  log = log.filter(({ configId }) => configId === 2);
  pulls = createPulls();
  start(1);
  start(2);
  pulls.connect(logPort);
  for (const claim of log) pulls.seen(claim);
  pulls.caughtUp();
  await answers();
  expect(log.map(({ configId, epoch }) => [configId, epoch])).toEqual([
    [2, 1],
    [1, 2],
  ]);
  expect([...running.keys()]).toEqual([1, 2]);
});

it("pulls beside the owner that gives a pull away, and claims it when it is recorded", async () => {
  join();
  pulls.seen({ configId: 1, epoch: 1, node: 2, sequence: 1 });
  hear(2);
  expect(pulls.take(1)).toBe("it does not know the config");
  start(1);
  expect(pulls.take(1)).toBeUndefined();
  expect([...running.keys()]).toEqual([1]);
  flow = "live";
  await pass(2 * HEARTBEAT_MS, [2]);
  expect(log).toEqual([]);
  flow = "recorded";
  await pass(HEARTBEAT_MS, [2]);
  expect(log.at(-1)).toMatchObject({ epoch: 2, node: SELF });
  expect(taken).toMatchObject([{ pull: { configId: 1 }, epoch: 2, from: 2, overlapMs: 3 * HEARTBEAT_MS }]);
  expect(pulls.own().map(({ configId }) => configId)).toEqual([1]);
});

it("leaves what does not come to live here to its owner, and what another has taken meanwhile", async () => {
  joinBesideOwnerOfBoth();
  pulls.take(1);
  pulls.take(2);
  pulls.seen({ configId: 2, epoch: 2, node: 3, sequence: 3 });
  await pass(HEARTBEAT_MS, [2, 3]);
  expect([...running.keys()]).toEqual([1]);
  await pass(TAKE_MS, [2, 3]);
  expect(running.size).toBe(0);
  expect(log).toEqual([]);
  expect(codes.get(1)?.at(-1)).toBe(PULL_ELSEWHERE);
});

it("leaves what it was about to take to its owner when it drains, and gives away what it is claiming", async () => {
  joinBesideOwnerOfBoth();
  pulls.take(1);
  await pass(HEARTBEAT_MS, [2]);
  pulls.drain();
  expect(running.size).toBe(0);
  expect(pulls.own()).toEqual([]);
  pulls.drain(false);
  pulls.take(2);
  flow = "recorded";
  pulls.tick();
  pulls.drain();
  // The answer is under way: it may be this node's.
  expect(pulls.own().map(({ configId }) => configId)).toEqual([2]);
  const yielded = pulls.whenYielded(2, 1000);
  pulls.seen({ configId: 2, epoch: 2, node: 3, sequence: 3 });
  expect(await yielded).toBe(3);
});

it("tells a giver who has its pull, takes nothing while it drains, and claims again afterwards", async () => {
  join();
  start(1);
  await pass(HEARTBEAT_MS);
  pulls.drain();
  expect(pulls.take(1)).toBe("it takes nothing now");
  hear(2);
  hear(3, { isDraining: true });
  expect(pulls.takersOf({ configId: 1, localStreamName: "cam1" })).toEqual([2]);
  const yielded = pulls.whenYielded(1, 1000);
  pulls.seen({ configId: 1, epoch: 2, node: 2, sequence: 5 });
  expect(await yielded).toBe(2);
  expect(running.size).toBe(0);
  pulls.drain(false);
  await pass(DEAD_MS + HEARTBEAT_MS);
  expect([...running.keys()]).toEqual([1]);
});
