// Replies and events as bytes (ems-record-spec §1.3): keys in ASCII order at every level, no white space, `/` escaped, non-integers with exactly four
// decimals, integers as exact digits also beyond 2^53 (bigint). JSON.stringify can do none of these, hence a serializer of our own.

/** A number that is printed with four decimals even where it happens to be whole (creationTimestamp, upTime). */
export class Decimal {
  constructor(readonly value: number) {}
}

export interface ValueObject {
  readonly [key: string]: Value | undefined;
}
/** What a reply or an event may hold. Keys with the value undefined are left out. */
export type Value = null | boolean | number | bigint | string | Decimal | readonly Value[] | ValueObject;

export interface Reply {
  readonly data: Value;
  readonly description: string;
  readonly status: "SUCCESS" | "FAIL";
  /** The caller's commandId. */
  readonly responseId?: string | undefined;
}

export function success(description: string, data: Value): Reply {
  return { data, description, status: "SUCCESS" };
}

export function fail(description: string): Reply {
  return { data: null, description, status: "FAIL" };
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function escapeCharacter(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The other control characters, which EMS prints raw, would make the reply invalid JSON: they get the \u form. */
export function serializeString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escaping them is the purpose
  return `"${text.replace(/["\\/\u0000-\u001f]/g, escapeCharacter)}"`;
}

export function serializeNumber(value: number): string {
  if (!Number.isFinite(value)) return "0";
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(4);
}

export function isValueArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isValueObject(value: Value): value is ValueObject {
  return typeof value === "object" && value !== null && !(value instanceof Decimal) && !Array.isArray(value);
}

/** Keys in ASCII order, those with a value. */
export function sortedKeys(object: ValueObject): string[] {
  return Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort((a, b) => (a < b ? -1 : 1));
}

export function serialize(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "string") return serializeString(value);
  if (typeof value === "number") return serializeNumber(value);
  if (typeof value === "boolean" || typeof value === "bigint") return value.toString();
  if (value instanceof Decimal) return (Number.isFinite(value.value) ? value.value : 0).toFixed(4);
  if (isValueArray(value)) return `[${value.map(serialize).join(",")}]`;
  const object = value as ValueObject;
  return `{${sortedKeys(object)
    .map((key) => `${serializeString(key)}:${serialize(object[key] ?? null)}`)
    .join(",")}}`;
}

export function serializeReply(reply: Reply): string {
  return serialize({ data: reply.data, description: reply.description, responseId: reply.responseId, status: reply.status });
}

/** Lists that are the whole `data` of a reply are null when empty. */
export function listOrNull(list: readonly Value[]): Value {
  return list.length === 0 ? null : list;
}
