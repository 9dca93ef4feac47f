// The lines of the page Now: live streams, and those that a config waits for.

import { codecName } from "../lib/codec-titles.js";
import { sourceName } from "../lib/sources.js";
import type { NodeState } from "../state/nodes.js";
import type { ConfigState, StreamState } from "../state/server-types.js";

export interface NowRow {
  readonly name: string;
  /** Where it lives, in a group. */
  readonly node?: string;
  /** The dashboard of that node, where it is another one's; "" where that is not known. */
  readonly elsewhere?: string;
  readonly source: string;
  /** Undefined where it is awaited. */
  readonly stream: StreamState | undefined;
  /** Of its record configs that do not record now, and of all configs of a stream that is not live. */
  readonly states: readonly string[];
  /** What a filter looks in. */
  readonly text: string;
}

export function nowRows(streams: readonly StreamState[], configs: readonly ConfigState[]): NowRow[] {
  const byName = new Map<string, ConfigState[]>();
  for (const config of configs) {
    const own = byName.get(config.localStreamName) ?? [];
    own.push(config);
    byName.set(config.localStreamName, own);
  }
  const rows = streams.map((stream) => liveRow(stream, byName.get(stream.name) ?? []));
  const live = new Set(streams.map(({ name }) => name));
  for (const [name, own] of byName) if (!live.has(name)) rows.push(awaitedRow(name, own));
  return rows;
}

/**
 * Of all nodes of a group: each stream where it lives, and once what no node has. Configs are the group's, so all nodes
 * await what is somewhere.
 */
export function groupRows(nodes: readonly NodeState[]): NowRow[] {
  const live = new Set(nodes.flatMap(({ streams }) => streams.map(({ name }) => name)));
  const awaited = new Map<string, NowRow>();
  const rows = nodes.flatMap(({ node, url, streams, configs }, index) =>
    nowRows(streams, configs).flatMap((row): NowRow[] => {
      const { conflict = [] } = row.stream ?? {};
      const text = `${row.text} ${node} ${conflict.length > 0 ? "conflict" : ""}`.toLowerCase();
      if (row.stream) return [{ ...row, node, text, ...(index > 0 && { elsewhere: url ?? "" }) }];
      if (!live.has(row.name) && !awaited.has(row.name)) awaited.set(row.name, row);
      return [];
    }),
  );
  return [...rows, ...awaited.values()];
}

function liveRow(stream: StreamState, own: readonly ConfigState[]): NowRow {
  const { name, source, tracks, recordings } = stream;
  const running = new Set(recordings.map(({ configId }) => configId));
  const idle = own.filter(({ kind, configId }) => kind === "record" && !running.has(configId));
  const states = idle.map(({ state }) => state).sort();
  const pull = own.find(({ kind }) => kind === "pull");
  const from = `${sourceName(source.type)}${pull ? " pulled from" : " from"} ${source.address}`;
  const codecs = tracks.map(({ codec }) => codecName(codec ?? ""));
  const words = [...codecs, ...recordings.map(({ type }) => type), ...states, "live"];
  return { name, source: from, stream, states, text: textOf([name, from, ...words]) };
}

function awaitedRow(name: string, own: readonly ConfigState[]): NowRow {
  const states = [...new Set(own.map(({ state }) => state))];
  const pull = own.find((config) => config.kind === "pull");
  const source = pull ? `to be pulled from ${pull.uri}` : "awaited";
  return { name, source, stream: undefined, states, text: textOf([name, source, ...states]) };
}

function textOf(words: readonly string[]): string {
  return words.join(" ").toLowerCase();
}
