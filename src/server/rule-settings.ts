// `rules` of reel.json: what recordRule takes, as JSON. Schema and reading follow the command's own parameters.

import type { TSchema } from "typebox";
import { ReelError } from "../base/reel-error.js";
import { CommandFailure, type Parameter } from "../control/commands/parameter.js";
import { RULE_PARAMETERS, ruleOptions } from "../control/commands/rule-commands.js";
import type { RuleOptions } from "../recording/rules/record-rule.js";
import { Type } from "./schema-type.js";

type RuleSetting = Readonly<Record<string, string | number | boolean>>;

const SCALAR = {
  string: (options: Record<string, unknown>) => Type.String(options),
  integer: (options: Record<string, unknown>) => Type.Integer(options),
  boolean: (options: Record<string, unknown>) => Type.Boolean(options),
  list: (options: Record<string, unknown>) => Type.String(options),
} as const;

function schemaOf(name: string, { type, description, range, mandatory }: Parameter<unknown>): TSchema {
  const bounds = range ? { minimum: range.min, maximum: range.max } : {};
  // Seconds, or the name of a point.
  const schema =
    name === "from"
      ? Type.Union([Type.Number(), Type.String()], { description })
      : SCALAR[type]({ description, ...bounds, ...(mandatory && type === "string" && { minLength: 1 }) });
  return mandatory ? schema : Type.Optional(schema);
}

export const RulesSchema = Type.Array(
  Type.Object(
    Object.fromEntries(Object.entries(RULE_PARAMETERS).map(([name, parameter]) => [name, schemaOf(name, parameter)])),
    { additionalProperties: false },
  ),
  { description: "streams that are recorded without a command, as recordRule takes them; the first that matches" },
);

/** Of settings that the schema has passed. Throws ReelError `badArgument` that names the rule. */
export function readRules(settings: readonly unknown[] = [], hasBucket = true): RuleOptions[] {
  return (settings as readonly RuleSetting[]).map((setting, place) => {
    try {
      const given = Object.entries(RULE_PARAMETERS).map(([name, parameter]) => [
        name,
        parsed(setting, name, parameter),
      ]);
      const options = ruleOptions(Object.fromEntries(given), {});
      if (options.upload && !hasBucket) throw new CommandFailure("upload needs a bucket: see upload of reel.json");
      return options;
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      throw new ReelError("badArgument", `rules[${place}] of reel.json: ${error.message}`, {}, { cause: error });
    }
  });
}

function parsed(setting: RuleSetting, name: string, parameter: Parameter<unknown>): unknown {
  const value = setting[name];
  if (value === undefined) return parameter.fallback;
  const text = typeof value === "boolean" ? String(Number(value)) : String(value);
  return parameter.parse({ name, text, items: [text] }, name);
}
