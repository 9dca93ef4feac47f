// Replies between nodes: JSON in which nothing of a value is lost. Arrays carry their kind in front, since JSON has
// neither whole numbers beyond 2^53 nor numbers that are printed with four decimals (reply.ts).
//
//   ["list", …]   ["integer", "18446744073709551615"]   ["decimal", 12.5]

import {
  Decimal,
  isValueArray,
  isValueObject,
  Prepared,
  type Reply,
  type Value,
  type ValueObject,
} from "../replies/reply.js";

type Wire = null | boolean | number | string | readonly Wire[] | { readonly [key: string]: Wire };

export function encodeReply({ data, description, status }: Reply): Wire {
  return { data: encode(data), description, status };
}

/** undefined for what is no reply: another version may answer otherwise. */
export function decodeReply(value: unknown): Reply | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { data, description, status } = value as Partial<Record<keyof Reply, unknown>>;
  if (typeof description !== "string" || (status !== "SUCCESS" && status !== "FAIL")) return undefined;
  return { data: decode(data), description, status };
}

function encode(value: Value): Wire {
  if (typeof value === "bigint") return ["integer", value.toString()];
  if (value instanceof Decimal) return ["decimal", value.value];
  if (value instanceof Prepared) return encode(value.object);
  if (isValueArray(value)) return ["list", ...value.map(encode)];
  if (!isValueObject(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [key, encode(item as Value)]));
}

function decode(value: unknown): Value {
  if (Array.isArray(value)) {
    const [kind, ...items] = value as unknown[];
    if (kind === "integer") return BigInt(String(items[0]));
    if (kind === "decimal") return new Decimal(Number(items[0]));
    return items.map(decode);
  }
  if (typeof value !== "object" || value === null)
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
  const object: Record<string, Value> = Object.create(null);
  for (const [key, item] of Object.entries(value)) object[key] = decode(item);
  return object satisfies ValueObject;
}
