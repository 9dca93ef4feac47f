// The schema of reel.json and its check are ours, since TypeBox takes longer to load than the server. Here TypeBox
// itself says whether both are right: the builders write what its own write, and the check takes and refuses the same
// values.

import fc from "fast-check";
import TypeBox from "typebox";
import { Value } from "typebox/value";
import { describe, expect, it } from "vitest";
import { findFault } from "../../../src/server/config-check.js";
import { ServerConfigSchema } from "../../../src/server/config-schema.js";
import { Type } from "../../../src/server/schema-type.js";
import { effort, seed } from "../../support/effort.js";

const build = (builders: typeof Type) =>
  builders.Object(
    {
      text: builders.String({ minLength: 2, maxLength: 4, pattern: "^[a-c]*$", description: "text" }),
      count: builders.Optional(builders.Integer({ minimum: 1, maximum: 9 })),
      share: builders.Optional(builders.Number({ minimum: 0.5 })),
      isOn: builders.Optional(builders.Boolean()),
      any: builders.Optional(builders.Unknown({ description: "anything" })),
      choice: builders.Enum(["a", "b"], { description: "of two" }),
      either: builders.Optional(builders.Union([builders.Literal("RPC"), builders.Literal("file")])),
      point: builders.Union([builders.Number(), builders.String()], { description: "of two types" }),
      list: builders.Array(builders.Object({ name: builders.String() }, { additionalProperties: false }), {
        minItems: 1,
      }),
      keys: builders.Record(builders.String(), builders.Integer({ minimum: 0 }), { description: "by name" }),
    },
    { additionalProperties: false, title: "all of them" },
  );

interface Node {
  type?: string;
  properties?: Record<string, Node>;
  patternProperties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  enum?: unknown[];
  anyOf?: Node[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
}

const FOREIGN = fc.constantFrom<unknown>(null, true, "", "x", "RPC", -1, 0, 1.5, 1e9, [], {}, ["x"], { x: 1 });

/** Values that a schema takes, or nearly. */
function near(node: Node): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: fitting(node) }, { weight: 1, arbitrary: FOREIGN });
}

function fitting(node: Node): fc.Arbitrary<unknown> {
  if (node.enum) return fc.constantFrom(...node.enum);
  if ("const" in node) return fc.constant(node.const);
  if (node.anyOf) return fc.oneof(...node.anyOf.map(fitting));
  switch (node.type) {
    case "string":
      return fc.oneof({ weight: 5, arbitrary: fc.stringMatching(/^[a-c_.-]{1,9}$/) }, fc.string({ maxLength: 70 }));
    case "integer":
    case "number": {
      const [min, max] = [Math.ceil(node.minimum ?? 0), node.maximum ?? 1e6];
      const ends = fc.constantFrom(min, max, min - 1, max + 1);
      return fc.oneof({ weight: 5, arbitrary: fc.integer({ min, max }) }, { weight: 1, arbitrary: ends });
    }
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(near(node.items ?? {}), { maxLength: 3 });
    case "object":
      return fittingObject(node);
    default:
      return FOREIGN;
  }
}

function fittingObject({ properties, patternProperties, required = [] }: Node): fc.Arbitrary<unknown> {
  if (patternProperties) {
    const [inner] = Object.values(patternProperties);
    return fc.dictionary(fc.string({ maxLength: 5 }), near(inner ?? {}), { maxKeys: 3 });
  }
  const known = Object.fromEntries(Object.entries(properties ?? {}).map(([name, inner]) => [name, near(inner)]));
  const whole = fc.record(known, { requiredKeys: required });
  const short = fc.record(known, { requiredKeys: [] });
  const long = whole.map((value) => ({ ...value, xyz: 1 }));
  return fc.oneof({ weight: 40, arbitrary: whole }, { weight: 1, arbitrary: short }, { weight: 1, arbitrary: long });
}

describe("the schema of reel.json", () => {
  it("is built as TypeBox builds it", () => {
    expect(JSON.stringify(build(Type))).toBe(JSON.stringify(build(TypeBox)));
  });

  it("takes and refuses what TypeBox takes and refuses", () => {
    // Section by section: of whole files nearly none would be without a fault.
    const sections: readonly object[] = [...Object.values(ServerConfigSchema.properties), build(Type)];
    const tried = sections.map((schema) => fitting(schema).map((value): [object, unknown] => [schema, value]));
    const counts = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(fc.oneof(...tried), ([schema, value]) => {
        const isTaken = Value.Check(schema, value);
        counts[isTaken ? "taken" : "refused"]++;
        expect(findFault(schema, value) === undefined).toBe(isTaken);
      }),
      { seed, numRuns: effort(1000, 50_000) },
    );
    expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(100);
  });
});
