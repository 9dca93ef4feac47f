// Which node a pull belongs to: weighted rendezvous hashing. Every node computes the same order of the nodes for a pull
// from the same members, and a node that joins or leaves moves only what becomes or was its own.
//
// Score of a node for a pull: -weight / ln(h), h in (0, 1) hashed from both; the highest comes first (Schindelhauer and
// Schomaker, "Weighted distributed hash tables", 2005). Shares are proportional to the weights. Nodes without weight
// come behind all others, and share evenly where all are so: full volumes everywhere give no node everything.

import { createHash } from "node:crypto";

export interface PlacedNode {
  readonly node: number;
  /** How much it takes beside the others; 0 = nothing new. */
  readonly weight: number;
}

/** In (0, 1), the same on every machine. */
function hash01(node: number, pull: string): number {
  const digest = createHash("sha1").update(`${node}/${pull}`).digest();
  return (digest.readUIntBE(0, 6) + 0.5) / 2 ** 48;
}

/** The nodes in the order in which they should have a pull. */
export function rankNodes(pull: string, nodes: readonly PlacedNode[]): number[] {
  const scored = nodes.map(({ node, weight }) => {
    const hash = hash01(node, pull);
    return { node, score: weight > 0 ? -weight / Math.log(hash) : hash - 1 };
  });
  return scored.sort((a, b) => b.score - a.score || a.node - b.node).map(({ node }) => node);
}

/** What of a host is still free, each 0 to 1, and what it was given by its operator. */
export interface Load {
  /** Of all cores. */
  readonly cpuFree: number;
  /** Of the media volumes, the fullest. */
  readonly diskFree: number;
  /** Of `group.capacityMbps`. */
  readonly bitRateFree: number;
}

/** Below so much of anything a node takes nothing new while others have more. */
const LEAST_FREE = 0.05;
/** Weights move in steps, and only by more than one: a load that trembles moves no pull. */
const STEPS = 8;

/**
 * The weight of a load, in eighths. `before`: the weight so far; it stays until the load has left its step by more than
 * half a step, and what was full has twice the least (hysteresis).
 */
export function weightOf({ cpuFree, diskFree, bitRateFree }: Load, before?: number): number {
  const free = Math.min(cpuFree, diskFree, bitRateFree);
  if (!(free >= (before === 0 ? 2 * LEAST_FREE : LEAST_FREE))) return 0;
  const exact = Math.max(1, free * STEPS);
  if (before !== undefined && before > 0 && Math.abs(exact - before * STEPS) <= 1) return before;
  return Math.round(exact) / STEPS;
}

/** What a node has and may give to another that has joined. */
export interface Holding {
  readonly pull: string;
  readonly node: number;
}

/**
 * The pulls that should move to `joined`: those of which it comes first, never more than its share of all, nor what
 * would leave a giver with less than its own share.
 */
export function movesToJoined(held: readonly Holding[], nodes: readonly PlacedNode[], joined: number): Holding[] {
  const spare = new Map(nodes.map(({ node }) => [node, -shareOf(held.length, nodes, node)]));
  for (const { node } of held) spare.set(node, (spare.get(node) ?? 0) + 1);
  const isWanted = ({ pull, node }: Holding): boolean => {
    const missing = -(spare.get(joined) as number);
    const left = spare.get(node) as number;
    if (node === joined || missing <= 0 || left <= 0 || rankNodes(pull, nodes)[0] !== joined) return false;
    spare.set(node, left - 1).set(joined, 1 - missing);
    return true;
  };
  return spare.has(joined) ? held.filter(isWanted) : [];
}

/** How many of `count` pulls are a node's by its weight. */
export function shareOf(count: number, nodes: readonly PlacedNode[], node: number): number {
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0);
  const own = nodes.find((placed) => placed.node === node)?.weight ?? 0;
  return own > 0 ? Math.floor((count * own) / total) : 0;
}
