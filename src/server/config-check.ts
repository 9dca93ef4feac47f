// What is wrong with a configuration, in words: unknown keys with the nearest known one, values with their place and,
// where there is a choice, what there is to choose from. Lists are walked too: `eventLogger.sinks.0.filname`.

import { suggestion } from "../base/nearest-name.js";
import { ReelError } from "../base/reel-error.js";
import { ServerConfigSchema } from "./config-schema.js";

/** Throws ReelError `badArgument`; `where` says what was read. */
export function checkConfig(value: unknown, where: string): void {
  const fault = findFault(ServerConfigSchema, value);
  if (fault) throw new ReelError("badArgument", `${where}: ${fault}`);
}

/** A schema as it is walked: the keywords that schema-type.ts can write. */
interface Walked {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Walked>>;
  readonly patternProperties?: Readonly<Record<string, Walked>>;
  readonly required?: readonly string[];
  readonly items?: Walked;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Walked[];
  readonly const?: unknown;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
}

/** The first fault of a value, with its place; undefined where there is none. */
export function findFault(schema: object, value: unknown, place = ""): string | undefined {
  const walked: Walked = schema;
  const choices = choicesOf(walked);
  if (choices) return choices.includes(value) ? undefined : wrongChoice(place, value, choices);
  if (walked.anyOf) {
    if (walked.anyOf.some((each) => findFault(each, value, place) === undefined)) return undefined;
    return says(place, `must be ${walked.anyOf.map(({ type }) => type).join(" or ")}`);
  }
  const { type } = walked;
  if (type !== undefined && !isOfType(value, type)) return says(place, `must be ${type}`);
  if (typeof value === "string") return says(place, faultOfText(walked, value));
  if (typeof value === "number") return says(place, faultOfNumber(walked, value));
  if (type === "array") return faultOfList(walked, value as readonly unknown[], place);
  return type === "object" ? faultOfObject(walked, value as object, place) : undefined;
}

function choicesOf({ enum: listed, anyOf }: Walked): readonly unknown[] | undefined {
  if (listed) return listed;
  return anyOf?.every((choice) => "const" in choice) ? anyOf.map((choice) => choice.const) : undefined;
}

function wrongChoice(place: string, value: unknown, choices: readonly unknown[]): string {
  const nearest = typeof value === "string" ? suggestion(value, choices.map(String)) : "";
  return `${place} is ${JSON.stringify(value)}, and can be ${choices.join(", ")}${nearest}`;
}

function says(place: string, fault: string | undefined): string | undefined {
  return fault && `${place || "the whole"} ${fault}`;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return Number.isFinite(value);
    default:
      return typeof value === type;
  }
}

function faultOfText({ minLength = 0, maxLength = Infinity, pattern }: Walked, text: string): string | undefined {
  const length = [...text].length;
  if (length < minLength) return `must have at least ${minLength} character${minLength === 1 ? "" : "s"}`;
  if (length > maxLength) return `must have at most ${maxLength} characters`;
  return pattern && !new RegExp(pattern, "u").test(text) ? `must match ${pattern}` : undefined;
}

function faultOfNumber({ minimum = -Infinity, maximum = Infinity }: Walked, value: number): string | undefined {
  if (value < minimum) return `must be >= ${minimum}`;
  return value > maximum ? `must be <= ${maximum}` : undefined;
}

function faultOfList({ items, minItems = 0 }: Walked, list: readonly unknown[], place: string): string | undefined {
  if (list.length < minItems) return says(place, `must have at least ${minItems} item${minItems === 1 ? "" : "s"}`);
  for (const [index, item] of list.entries()) {
    const fault = items && findFault(items, item, below(place, String(index)));
    if (fault) return fault;
  }
  return undefined;
}

function faultOfObject(schema: Walked, value: object, place: string): string | undefined {
  const { properties, patternProperties = {}, required = [] } = schema;
  const [others] = Object.values(patternProperties);
  for (const [key, inner] of Object.entries(value)) {
    const known = properties && Object.hasOwn(properties, key) ? properties[key] : others;
    if (!known) return unknownKey(place, key, Object.keys(properties ?? {}));
    const fault = findFault(known, inner, below(place, key));
    if (fault) return fault;
  }
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  return missing.length > 0 ? says(place, `lacks ${missing.join(", ")}`) : undefined;
}

function unknownKey(place: string, key: string, names: readonly string[]): string {
  const nearest = suggestion(key, names).replace("did you mean ", `did you mean ${place === "" ? "" : `${place}.`}`);
  return `unknown key ${below(place, key)}${nearest || `; known are ${names.join(", ")}`}`;
}

function below(place: string, key: string): string {
  return place === "" ? key : `${place}.${key}`;
}
