// The claim protocol in a model: every order of asking, storing, answering, delivering, crashing and starting again, of
// three nodes and one log, is tried (breadth first, states seen once). Nodes run the machine of src/group/claim.ts as
// it is. The network delays, doubles and loses; a partition is a node to which nothing is delivered while others go on.
// Any node may at any time take an owner for dead, rightly or not.

import { expect, it } from "vitest";
import { type Claim, NO_CLAIM, stepClaim } from "../../../src/group/claim.js";
import { effort } from "../../support/effort.js";

interface Message {
  readonly node: number;
  readonly epoch: number;
}

interface Node {
  readonly claim: Claim;
  /** How much of the log it was given. */
  readonly read: number;
  readonly isUp: boolean;
}

interface State {
  readonly log: readonly Message[];
  readonly nodes: readonly Node[];
  /** Claims under way to the log. */
  readonly asked: readonly Message[];
  /** Answers under way to the nodes. */
  readonly answers: readonly (Message & { readonly outcome: "won" | "lost" | "unknown" })[];
  /** What may still happen. */
  readonly wants: number;
  readonly crashes: number;
  readonly doubles: number;
}

interface Rules {
  readonly nodes: number;
  readonly wants: number;
  readonly crashes: number;
  readonly doubles: number;
  /** The server takes two messages of one subject, as `update` of 2.9.10 does. */
  readonly isServerFaulty: boolean;
}

/** Called for every state: vitest's `expect` would take most of the time. */
function must(holds: boolean, law: string, state: State): void {
  if (!holds) throw new Error(`${law}: ${JSON.stringify(state)}`);
}

const without = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i !== index);
const replaced = <T>(list: readonly T[], index: number, value: T): T[] => list.map((v, i) => (i === index ? value : v));

/** A node's machine takes an input; what it asks for goes to the network. Also the law of its stops is held here. */
function give(state: State, index: number, input: Parameters<typeof stepClaim>[1], readTo?: number): State {
  const node = state.nodes[index] as Node;
  const { claim, step } = stepClaim(node.claim, input, index + 1);
  must(!node.claim.isRunning || claim.isRunning || input.type === "seen", "only the log ends a recording", state);
  const nodes = replaced(state.nodes, index, { ...node, claim, read: readTo ?? node.read });
  const asked = step?.type === "ask" ? [...state.asked, { node: index + 1, epoch: step.epoch }] : state.asked;
  return { ...state, nodes, asked };
}

function* next(state: State, rules: Rules): Generator<State> {
  for (const [index, node] of state.nodes.entries()) {
    if (!node.isUp) {
      yield { ...state, nodes: replaced(state.nodes, index, { claim: NO_CLAIM, read: 0, isUp: true }) };
      continue;
    }
    const message = state.log[node.read];
    if (message) {
      const input = { type: "seen", ...message, sequence: node.read + 1 } as const;
      yield give(state, index, input, node.read + 1);
    }
    if (state.wants > 0 && !node.claim.isRunning) {
      const wanting = give(state, index, { type: "wanted" });
      if (wanting.asked !== state.asked) yield { ...wanting, wants: state.wants - 1 };
    }
    if (state.crashes > 0) {
      const nodes = replaced(state.nodes, index, { claim: NO_CLAIM, read: 0, isUp: false });
      yield { ...state, nodes, crashes: state.crashes - 1 };
    }
  }
  for (const [index, message] of state.asked.entries()) {
    const asked = without(state.asked, index);
    const isFree = rules.isServerFaulty || !state.log.some(({ epoch }) => epoch === message.epoch);
    const log = isFree ? [...state.log, message] : state.log;
    const answer = { ...message, outcome: isFree ? "won" : "lost" } as const;
    yield { ...state, asked, log, answers: [...state.answers, answer] };
    // Stored, and the answer is lost; lost on the way there.
    yield { ...state, asked, log, answers: [...state.answers, { ...message, outcome: "unknown" }] };
    yield { ...state, asked, answers: [...state.answers, { ...message, outcome: "unknown" }] };
    if (state.doubles > 0) yield { ...state, log, answers: [...state.answers, answer], doubles: state.doubles - 1 };
  }
  for (const [index, { node, ...answer }] of state.answers.entries()) {
    const rest = { ...state, answers: without(state.answers, index) };
    if (!rest.nodes[node - 1]?.isUp) {
      yield rest;
      continue;
    }
    // Who is answered reads the newest claim back, before what the log still has for it.
    const newest = answer.outcome === "unknown" ? undefined : state.log.at(-1);
    const input = { type: "answered", ...answer } as const;
    if (newest)
      yield give(give(rest, node - 1, { type: "seen", ...newest, sequence: state.log.length }), node - 1, input);
    yield give(rest, node - 1, input);
  }
}

/** The laws of every state, and of one in which nothing is under way. */
function check(state: State, rules: Rules): void {
  const firstOf = (epoch: number): number | undefined => state.log.find((message) => message.epoch === epoch)?.node;
  const running = state.nodes.map(({ claim }) => claim).filter(({ isRunning }) => isRunning);
  const isInLog = ({ epoch, owner }: Claim): boolean =>
    state.log.some((message) => message.epoch === epoch && message.node === owner);
  must(running.every(isInLog), "who records has its claim in the log", state);
  // Two may record for a moment what a faulty server has given to both.
  if (!rules.isServerFaulty) {
    const epochs = new Set(running.map(({ epoch }) => epoch));
    must(epochs.size === running.length, "an epoch is recorded once", state);
  }
  const isQuiet =
    state.asked.length === 0 &&
    state.answers.length === 0 &&
    state.nodes.every(({ isUp, read }) => isUp && read === state.log.length);
  if (!isQuiet || state.log.length === 0) return;
  const owner = firstOf(Math.max(...state.log.map(({ epoch }) => epoch)));
  must(
    state.nodes.every(({ claim }, index) => claim.isRunning === (index + 1 === owner)),
    "the first of the highest epoch records, alone",
    state,
  );
  must(
    state.nodes.every(({ claim }) => claim.asking === 0),
    "nobody waits for an answer for ever",
    state,
  );
}

/** The number of states that were looked at. */
function search(rules: Rules): number {
  const { nodes, isServerFaulty: _, ...budget } = rules;
  const idle: Node = { claim: NO_CLAIM, read: 0, isUp: true };
  const first: State = { log: [], nodes: Array.from({ length: nodes }, () => idle), asked: [], answers: [], ...budget };
  const known = new Set([JSON.stringify(first)]);
  let frontier = [first];
  while (frontier.length > 0) {
    const found: State[] = [];
    for (const state of frontier) {
      check(state, rules);
      for (const successor of next(state, rules)) {
        const key = JSON.stringify(successor);
        if (known.has(key)) continue;
        known.add(key);
        found.push(successor);
      }
    }
    frontier = found;
  }
  return known.size;
}

it.each([
  { nodes: 2, wants: effort(3, 4), crashes: 1, doubles: 0, isServerFaulty: false },
  { nodes: 2, wants: 2, crashes: 1, doubles: 1, isServerFaulty: false },
  { nodes: 3, wants: effort(2, 3), crashes: effort(0, 1), doubles: 0, isServerFaulty: false },
  { nodes: 2, wants: effort(2, 3), crashes: 1, doubles: 1, isServerFaulty: true },
  { nodes: 3, wants: 2, crashes: 0, doubles: effort(0, 1), isServerFaulty: true },
])(
  "has one owner in the end, and none without its claim: $nodes nodes, $wants wants, faulty server: $isServerFaulty",
  (rules) => {
    expect(search(rules)).toBeGreaterThan(100);
  },
);
