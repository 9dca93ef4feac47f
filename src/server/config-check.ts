// What is wrong with a configuration, in words: unknown keys with the nearest known one, values with their place and,
// where there is a choice, what there is to choose from. Lists are walked too: `eventLogger.sinks.0.filname`.

import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { suggestion } from "../base/nearest-name.js";
import { ReelError } from "../base/reel-error.js";
import { ServerConfigSchema } from "./config-schema.js";

/** Throws ReelError `badArgument`; `where` says what was read. */
export function checkConfig(value: unknown, where: string): void {
  const fault = findFault(ServerConfigSchema, value, "");
  if (fault) throw new ReelError("badArgument", `${where}: ${fault}`);
  const [first] = Value.Errors(ServerConfigSchema, value);
  if (!first) return;
  const place = first.instancePath.slice(1).replaceAll("/", ".") || "the whole";
  throw new ReelError("badArgument", `${where}: ${place} ${first.message}`);
}

interface Walked {
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly items?: TSchema;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly { readonly const?: unknown }[];
}

/** Finds an unknown key or a value outside its choices. The schema's own check reports everything else. */
function findFault(schema: TSchema, value: unknown, prefix: string): string | undefined {
  const { properties, items } = schema as Walked;
  const choices = choicesOf(schema as Walked);
  if (choices) return choices.includes(value) ? undefined : wrongChoice(prefix, value, choices);
  if (items && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const fault = findFault(items, item, prefix === "" ? String(index) : `${prefix}.${index}`);
      if (fault) return fault;
    }
    return undefined;
  }
  if (!properties || typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    const known = properties[key];
    if (!known) {
      const names = Object.keys(properties);
      const nearest = suggestion(key, names).replace(
        "did you mean ",
        `did you mean ${prefix === "" ? "" : `${prefix}.`}`,
      );
      return `unknown key ${path}${nearest || `; known are ${names.join(", ")}`}`;
    }
    const fault = findFault(known, inner, path);
    if (fault) return fault;
  }
  return undefined;
}

function choicesOf({ enum: listed, anyOf }: Walked): readonly unknown[] | undefined {
  if (listed) return listed;
  return anyOf?.every((choice) => "const" in choice) ? anyOf.map((choice) => choice.const) : undefined;
}

function wrongChoice(place: string, value: unknown, choices: readonly unknown[]): string {
  const nearest = typeof value === "string" ? suggestion(value, choices.map(String)) : "";
  return `${place} is ${JSON.stringify(value)}, and can be ${choices.join(", ")}${nearest}`;
}
