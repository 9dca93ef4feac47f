// Builders of JSON Schema with TypeBox's types: `Static` reads a configuration's type from them. TypeBox itself is no
// part of a running server, since its 679 modules took 0.4 of the 1.05 s of CPU of a start. What is written here is
// what reel.json needs; `test/unit/server/schema-type.test.ts` holds it against TypeBox's own.

import type TypeBox from "typebox";

/** The keywords that say what a value can be; the rest describe. config-check.ts knows each. */
interface Bounds {
  readonly description?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly additionalProperties?: false;
  readonly title?: string;
}

/** A key that may be absent. It is no keyword of JSON Schema, so it does not show in the printed one. */
const OPTIONAL = "~optional";

const scalar =
  (type: string) =>
  (bounds: Bounds = {}) => ({ type, ...bounds });

function object(properties: Readonly<Record<string, object>>, bounds: Bounds = {}): object {
  const required = Object.keys(properties).filter((name) => !(OPTIONAL in (properties[name] ?? {})));
  return { type: "object", ...(required.length > 0 && { required }), properties, ...bounds };
}

/** As TypeBox's of the same names. */
export const Type = {
  String: scalar("string"),
  Integer: scalar("integer"),
  Number: scalar("number"),
  Boolean: scalar("boolean"),
  Unknown: (bounds: Bounds = {}) => ({ ...bounds }),
  Literal: (value: string | number | boolean) => ({ type: typeof value, const: value }),
  Enum: (values: readonly unknown[], bounds: Bounds = {}) => ({ enum: values, ...bounds }),
  Union: (anyOf: readonly object[], bounds: Bounds = {}) => ({ anyOf, ...bounds }),
  Array: (items: object, bounds: Bounds = {}) => ({ type: "array", items, ...bounds }),
  Object: object,
  /** Of any keys: the first argument is there for its type. */
  Record: (_key: object, value: object, bounds: Bounds = {}) => ({
    type: "object",
    patternProperties: { "^.*$": value },
    ...bounds,
  }),
  Optional: (schema: object) => Object.defineProperty({ ...schema }, OPTIONAL, { value: true }),
} as unknown as Pick<
  typeof TypeBox,
  | "String"
  | "Integer"
  | "Number"
  | "Boolean"
  | "Unknown"
  | "Literal"
  | "Enum"
  | "Union"
  | "Array"
  | "Object"
  | "Record"
  | "Optional"
>;
