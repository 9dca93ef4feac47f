// The nodes of a group, as the one that is asked tells of all. Without a group there is one answer, and no nodes.

import { signal } from "@preact/signals";
import type { ConfigState, StreamState } from "./server-types.js";

/** With `node=all`: of a group each node's answer, this one's first. */
export type OfAll<T> = T | { nodes: OfNode<T>[]; unanswered: string[] };
export type OfNode<T> = T & { node: string; url?: string };

export interface NodeState {
  readonly node: string;
  /** Where its own dashboard is; undefined where it does not say. */
  readonly url: string | undefined;
  readonly streams: readonly StreamState[];
  readonly configs: readonly ConfigState[];
}

/** This one first; undefined where the server is alone. */
export const nodes = signal<readonly NodeState[] | undefined>(undefined);
/** Those that did not answer, and those that have gone within the last days. */
export const unanswered = signal<readonly string[]>([]);

/** This node's part of an answer. */
export function ownOf<T>(told: OfAll<T>): T {
  return isOfNodes(told) ? (told.nodes[0] as T) : told;
}

/** What was told last, of streams and of configs; nodes keep the configs of an answer before. */
export function nodesOf(
  streams: OfAll<{ streams: StreamState[] }>,
  configs: OfAll<{ configs: ConfigState[] }> | undefined,
  before: readonly NodeState[],
): NodeState[] | undefined {
  if (!isOfNodes(streams)) return undefined;
  const stored = new Map<string, readonly ConfigState[]>(before.map((node) => [node.node, node.configs]));
  if (configs && isOfNodes(configs)) for (const told of configs.nodes) stored.set(told.node, told.configs);
  return streams.nodes.map(({ node, url, streams: live }) => ({
    ...{ node, url, streams: live },
    configs: stored.get(node) ?? [],
  }));
}

export function isOfNodes<T>(told: OfAll<T>): told is { nodes: OfNode<T>[]; unanswered: string[] } {
  return "nodes" in (told as object);
}
