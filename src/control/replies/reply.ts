// Replies and events as bytes (ems-record-spec §1.3): keys in ASCII order at every level, no white space, `/` escaped,
// non-integers with exactly four decimals, integers as exact digits also beyond 2^53 (bigint). JSON.stringify can do
// none of these, hence a serializer of our own.

/** A number that is printed with four decimals even if it is whole (creationTimestamp, upTime). */
export class Decimal {
  constructor(readonly value: number) {}
}

/** An object that is shown often and never changes, so its text is made once. */
export class Prepared {
  #text: string | undefined;

  constructor(readonly object: ValueObject) {}

  get text(): string {
    this.#text ??= serialize(this.object);
    return this.#text;
  }
}

export interface ValueObject {
  readonly [key: string]: Value | undefined;
}
/** What a reply or an event may hold. Keys with the value undefined are left out. */
export type Value = null | boolean | number | bigint | string | Decimal | Prepared | readonly Value[] | ValueObject;

export interface Reply {
  readonly data: Value;
  readonly description: string;
  readonly status: "SUCCESS" | "FAIL";
  /** The caller's commandId. */
  readonly responseId?: string | undefined;
  /** Nodes of the group that should have answered too, and have not. */
  readonly unanswered?: readonly string[] | undefined;
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

// biome-ignore lint/suspicious/noControlCharactersInRegex: escaping them is the purpose
const ESCAPED = /["\\/\u0000-\u001f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const ESCAPED_BESIDE_SLASH = /["\\\u0000-\u001f]/;
const ALL_ESCAPED = new RegExp(ESCAPED, "g");

/** EMS prints the other control characters raw, which is invalid JSON. Reel writes them in the \u form. */
function serializeString(text: string): string {
  if (!ESCAPED.test(text)) return `"${text}"`;
  // Of all characters to escape, paths have only slashes.
  return ESCAPED_BESIDE_SLASH.test(text)
    ? `"${text.replace(ALL_ESCAPED, escapeCharacter)}"`
    : `"${text.replaceAll("/", "\\/")}"`;
}

export function serializeNumber(value: number): string {
  if (!Number.isFinite(value)) return "0";
  if (Number.isSafeInteger(value)) return value === 0 ? "0" : `${value}`;
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(4);
}

export function isValueArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isValueObject(value: Value): value is ValueObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Decimal) &&
    !(value instanceof Prepared) &&
    !Array.isArray(value)
  );
}

/** The keys that have a value, in ASCII order. */
export function sortedKeys(object: ValueObject): string[] {
  return inOrder(Object.keys(object)).filter((key) => object[key] !== undefined);
}

/** Most objects are written with their keys in order. */
function inOrder(keys: string[]): string[] {
  for (let at = 1; at < keys.length; at++) if ((keys[at - 1] ?? "") > (keys[at] ?? "")) return keys.sort();
  return keys;
}

export function serialize(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "string") return serializeString(value);
  if (typeof value === "number") return serializeNumber(value);
  if (typeof value === "boolean" || typeof value === "bigint") return value.toString();
  if (value instanceof Decimal) return (Number.isFinite(value.value) ? value.value : 0).toFixed(4);
  if (value instanceof Prepared) return value.text;
  if (isValueArray(value)) return `[${value.map(serialize).join(",")}]`;
  return serializeObject(value as ValueObject);
}

function serializeObject(object: ValueObject): string {
  let text = "";
  for (const key of inOrder(Object.keys(object))) {
    const value = object[key];
    if (value !== undefined) text += `${text === "" ? "{" : ","}${serializeString(key)}:${serialize(value)}`;
  }
  return text === "" ? "{}" : `${text}}`;
}

export function serializeReply(reply: Reply): string {
  return serialize({
    data: reply.data,
    description: reply.description,
    responseId: reply.responseId,
    status: reply.status,
    unanswered: reply.unanswered,
  });
}

/** Lists that are the whole `data` of a reply are null when empty. */
export function listOrNull(list: readonly Value[]): Value {
  return list.length === 0 ? null : list;
}
