// The command line, ems-record-spec §1.1, and values, §1.2.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_LINE_BYTES, parseCommandLine } from "../../../../src/control/commands/grammar.js";
import { looksLikeJson, parseJsonCommand } from "../../../../src/control/commands/json-command.js";
import { CommandFailure, flag, integer, parseInteger } from "../../../../src/control/commands/parameter.js";
import { Decimal, serialize, type Value } from "../../../../src/control/replies/reply.js";
import { LineReader } from "../../../../src/control/transports/line-reader.js";

function pairs(line: string): Record<string, string> {
  return Object.fromEntries((parseCommandLine(line)?.parameters ?? []).map(({ name, text }) => [name, text]));
}

/** A value as a client has to write it in a command line. */
function escapeValue(value: string): string {
  return value.replace(/[\\ =,]/g, "\\$&");
}

describe("a command line", () => {
  it("is split at spaces and tabs, however many", () => {
    const request = parseCommandLine("  record\t a=1   b=2\t\t");
    expect(request?.command).toBe("record");
    expect(pairs("  record\t a=1   b=2\t\t")).toEqual({ a: "1", b: "2" });
    expect(parseCommandLine(" \t ")).toBeUndefined();
  });

  it.each([
    ["x uri=rtmp://h/a?b=c=d", { uri: "rtmp://h/a?b=c=d" }],
    ["x a\\=b=c", { "a=b": "c" }],
    ["x a=b\\ c", { a: "b c" }],
    ["x a=b\\,c,d", { a: "b,c,d" }],
    ["x a=\\\\\\\\server\\share", { a: "\\\\server\\share" }],
    ["x pathtofile=C:\\EvoStream\\media\\myRecord", { pathtofile: "C:\\EvoStream\\media\\myRecord" }],
    ["x pathtofile=C:\\media\\ type=mp4", { pathtofile: "C:\\media type=mp4" }],
    ["x a=\\", { a: "\\" }],
    ['x a="b c"', { a: '"b' }],
    ["x a=1 A=2 a=3", { a: "3", A: "2" }],
    ["x novalue a=", { a: "" }],
  ])("%s", (line, expected) => {
    expect(pairs(line)).toEqual(expected);
  });

  it("an unescaped comma makes a list, an escaped one does not", () => {
    expect(parseCommandLine("x a=b,c\\,d,")?.parameters[0]?.items).toEqual(["b", "c,d", ""]);
  });

  it("any value survives escaping", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }).filter((value) => !/[\t\r\n]/.test(value)),
        (value) => {
          expect(pairs(`x v=${escapeValue(value)} w=1`)).toEqual({ v: value, w: "1" });
        },
      ),
    );
  });

  it("the last commandId counts", () => {
    expect(parseCommandLine("x commandid=1 COMMANDID=2")?.commandId).toBe("2");
  });
});

describe("the JSON form", () => {
  it("takes strings, numbers, booleans and lists; null is not given", () => {
    const parsed = parseJsonCommand(
      '{"command":"record","parameters":{"a":"b\\\\ c","n":60,"t":true,"l":["x","y"],"z":null},"commandId":7}',
    );
    if ("failure" in parsed) throw new Error(parsed.failure);
    expect(parsed.request.parameters.map(({ name, text }) => [name, text])).toEqual([
      ["a", "b\\ c"],
      ["n", "60"],
      ["t", "true"],
      ["l", "x,y"],
    ]);
    expect(parsed.request.commandId).toBe("7");
  });

  it.each(["{", "[1]", "{}", '{"command":1}', '{"command":"x","parameters":[]}'])("%s fails", (text) => {
    const parsed = parseJsonCommand(text);
    expect("failure" in parsed && parsed.failure.startsWith("Syntax error. Invalid JSON")).toBe(true);
  });

  it("is told from a line by its first character", () => {
    expect([looksLikeJson(" \n{"), looksLikeJson("x {")]).toEqual([true, false]);
  });
});

describe("values", () => {
  const raw = (text: string): { name: string; text: string; items: string[] } => ({ name: "p", text, items: [text] });
  it.each([
    ["1", true],
    ["true", true],
    ["TRUE", true],
    ["2", true],
    ["-1", true],
    ["0", false],
    ["00", false],
    ["false", false],
    ["", false],
  ])("flag %j is %s", (text, expected) => {
    expect(flag("", true).parse(raw(text), "p")).toBe(expected);
  });
  it.each(["yes", "on", "1x", "0x1"])("flag %j fails", (text) => {
    expect(() => flag("", true).parse(raw(text), "p")).toThrow(
      new CommandFailure("Syntax error. Parameter p is invalid"),
    );
  });
  it.each(["", "01", "+1", "-1", "1.0", "1e3", " ", "9007199254740993"])("integer %j fails", (text) => {
    expect(() => integer("", 0, 0, 5).parse(raw(text), "p")).toThrow("Syntax error. Parameter p is invalid");
  });
  it("signed integers may be negative, within their range", () => {
    expect(parseInteger("-2", "p", -2, 5)).toBe(-2);
    expect(() => parseInteger("-3", "p", -2, 5)).toThrow("Range: -2 - 5");
  });
});

describe("the serializer", () => {
  it("orders keys by ASCII at every level, escapes slashes, prints four decimals and exact integers", () => {
    const value: Value = {
      b: 1,
      _x: 'a/b\\"\n\u0001é',
      B: [new Decimal(27154.915), new Decimal(3), 1.5, 5712338184231190528n, 2 ** 53],
      a: { d: null, c: true },
      u: undefined,
    };
    expect(serialize(value)).toBe(
      '{"B":[27154.9150,3.0000,1.5000,5712338184231190528,9007199254740992],"_x":"a\\/b\\\\\\"\\n\\u0001é","a":{"c":true,"d":null},"b":1}',
    );
  });

  it("what it writes is JSON of the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const integral = JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
          typeof item === "number" ? Math.trunc(item) || 0 : item,
        ) as Value;
        expect(JSON.parse(serialize(integral))).toEqual(integral);
      }),
    );
  });
});

describe("the line reader", () => {
  it("gives the same lines wherever the bytes are split", () => {
    const bytes = Buffer.from("version\r\nhelp\rlistStreams\n\r\n\nrecord a=é\r\nrest");
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const reader = new LineReader();
        const lines: string[] = [];
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        for (let i = 1; i < edges.length; i++) lines.push(...reader.push(bytes.subarray(edges[i - 1], edges[i])));
        expect([...lines, ...reader.end()]).toEqual(["version", "help", "listStreams", "record a=é", "rest"]);
      }),
    );
  });

  it("takes a line of 16 KiB and not one byte more", () => {
    const right = new LineReader();
    expect(right.push(Buffer.from(`${"x".repeat(MAX_LINE_BYTES)}\n`))).toHaveLength(1);
    expect(right.isOverlong).toBe(false);
    const wrong = new LineReader();
    expect(wrong.push(Buffer.from("ok\n"))).toEqual(["ok"]);
    expect(wrong.push(Buffer.alloc(MAX_LINE_BYTES, 120))).toEqual([]);
    expect(wrong.push(Buffer.from("x\nversion\n"))).toEqual([]);
    expect(wrong.isOverlong).toBe(true);
  });
});
