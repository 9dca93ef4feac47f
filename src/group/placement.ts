// Which node a pull belongs to: weighted rendezvous hashing. Every node computes the same order of the nodes for a pull
// from the same members, and a node that joins or leaves moves only what becomes or was its own.
//
// Score of a node for a pull: -weight / ln(h), h in (0, 1) hashed from both; the highest comes first (Schindelhauer and
// Schomaker, "Weighted distributed hash tables", 2005). Shares are proportional to the weights.

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

/** The nodes in the order in which they should have a pull. Without weight: at the end, by number. */
export function rankNodes(pull: string, nodes: readonly PlacedNode[]): number[] {
  const scored = nodes.map(({ node, weight }) => ({
    node,
    score: weight > 0 ? -weight / Math.log(hash01(node, pull)) : 0,
  }));
  return scored.sort((a, b) => b.score - a.score || a.node - b.node).map(({ node }) => node);
}

/** What of a host is still free, each 0 to 1, and what it was given by its operator. */
export interface Load {
  /** Of all cores. */
  readonly cpuFree: number;
  /** Of the media volumes, the fullest. */
  readonly diskFree: number;
  /** Of `group.capacity`, in bits of media a second. */
  readonly bitRateFree: number;
}

/** Below so much of anything a node takes nothing new while others have more. */
const LEAST_FREE = 0.05;
/** Weights move in steps, and only by more than one: a load that trembles moves no pull. */
const STEPS = 8;

/**
 * The weight of a load, in eighths. `before`: the weight so far; it stays until the load has left its step by more than
 * half a step (hysteresis).
 */
export function weightOf({ cpuFree, diskFree, bitRateFree }: Load, before?: number): number {
  const free = Math.min(cpuFree, diskFree, bitRateFree);
  if (!(free >= LEAST_FREE)) return 0;
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
 * would leave a giver with less than its own.
 */
export function movesToJoined(held: readonly Holding[], nodes: readonly PlacedNode[], joined: number): Holding[] {
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0);
  const weight = nodes.find(({ node }) => node === joined)?.weight ?? 0;
  if (weight === 0) return [];
  const has = held.filter(({ node }) => node === joined).length;
  const share = Math.floor((held.length * weight) / total) - has;
  if (share <= 0) return [];
  const wanted = held.filter(({ pull, node }) => node !== joined && rankNodes(pull, nodes)[0] === joined);
  return wanted.slice(0, share);
}
