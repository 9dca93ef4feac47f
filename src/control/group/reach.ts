// Which nodes of a group carry out a command, and how their answers become one. Without a group every command is
// carried out here.

import { isValueArray, isValueObject, listOrNull, Prepared, type Value, type ValueObject } from "../replies/reply.js";

/** What one node has answered, this one first. */
export interface NodeAnswer {
  readonly node: string;
  readonly data: Value;
}

export type Reach =
  /** The node that is asked. */
  | "here"
  /** The nodes that have the stream of `id` or `localStreamName`. */
  | "stream"
  /** The node that has the config of `id`: this one, where it has. */
  | "config"
  /** All nodes; what makes one answer of theirs. */
  | { merge(answers: readonly NodeAnswer[]): Value };

/** Lists one behind the other. */
export const lists: Reach = { merge: (answers) => listOrNull(answers.flatMap(itemsOf)) };

/** Lists of objects, each with the node that it is of. */
export const listsByNode: Reach = {
  merge: (answers) => listOrNull(answers.flatMap((answer) => itemsOf(answer).map((item) => ofNode(item, answer.node)))),
};

/** One number, summed. */
export function sumOf(key: string): Reach {
  return {
    merge: (answers) => ({
      [key]: answers.reduce((sum, { data }) => sum + (isValueObject(data) ? Number(data[key]) : 0), 0),
    }),
  };
}

/** One truth, if any node says so. */
export function anyOf(key: string): Reach {
  return { merge: (answers) => ({ [key]: answers.some(({ data }) => isValueObject(data) && data[key] === true) }) };
}

/** A config is on every node; its state is that of the node that runs it. */
export const runningConfig: Reach = {
  merge: (answers) => {
    const plains = answers.map(({ node, data }) => ({ node, data: plain(data) }));
    const found = plains.find(({ data }) => runs(data)) ?? plains[0];
    return found ? ofNode(found.data, found.node) : null;
  },
};

/** Sections of configs: each config once, as the node has it that runs it. */
export const configSections: Reach = {
  merge: (answers) => {
    const sections: Record<string, Value> = {};
    for (const { data } of answers) for (const key of Object.keys(isValueObject(data) ? data : {})) sections[key] = [];
    for (const key of Object.keys(sections)) {
      const byId = new Map<Value, Value>();
      for (const { node, data } of answers)
        for (const config of itemsOf({ data: isValueObject(data) ? (data[key] ?? null) : null })) {
          const id = isValueObject(config) ? (config.configId ?? null) : null;
          if (!byId.has(id) || (runs(config) && !runs(byId.get(id) ?? null))) byId.set(id, ofNode(config, node));
        }
      sections[key] = [...byId.values()];
    }
    return sections;
  },
};

/** Rules: each once, with what it records at all nodes; those of a node's reel.json name it. */
export const rulesByNode: Reach = {
  merge: (answers) => {
    const byId = new Map<Value, ValueObject>();
    for (const { node, data } of answers)
      for (const rule of itemsOf({ data })) {
        if (!isValueObject(rule)) continue;
        const id = rule.ruleId ?? null;
        const before = byId.get(id) ?? (rule.isConfigured === true ? { ...rule, node } : rule);
        const recordings = itemsOf({ data: rule.recordings ?? null }).map((recording) => ofNode(recording, node));
        const others = byId.has(id) ? itemsOf({ data: before.recordings ?? null }) : [];
        byId.set(id, { ...before, recordings: listOrNull([...others, ...recordings]) });
      }
    return listOrNull([...byId.values()]);
  },
};

function itemsOf({ data }: Pick<NodeAnswer, "data">): readonly Value[] {
  return isValueArray(data) ? data.map(plain) : [];
}

function plain(value: Value): Value {
  return value instanceof Prepared ? value.object : value;
}

function ofNode(value: Value, node: string): Value {
  return isValueObject(value) ? { ...value, node } : value;
}

function runs(config: Value): boolean {
  const status = (isValueObject(config) ? config.status : null) as ValueObject | null;
  const current = status?.current as ValueObject | undefined;
  return typeof current?.uniqueStreamId === "number" && current.uniqueStreamId > 0;
}
