// Patterns of rules: globs by level, regular expressions, and neither can be kept busy by a name.

import { describe, expect, it } from "vitest";
import { namePattern } from "../../../../src/recording/rules/name-pattern.js";

const matches = (pattern: string, names: readonly string[]): string[] => names.filter(namePattern(pattern));

describe("a glob", () => {
  const names = ["cam", "cam/", "cam/1", "cam/12", "cam/1/low", "lobby/1", "cam.1"];

  it("stays in its level with *, and leaves it with **", () => {
    expect(matches("cam/*", names)).toEqual(["cam/", "cam/1", "cam/12"]);
    expect(matches("cam/**", names)).toEqual(["cam/", "cam/1", "cam/12", "cam/1/low"]);
    expect(matches("**/low", names)).toEqual(["cam/1/low"]);
    expect(matches("*", names)).toEqual(["cam", "cam.1"]);
    expect(matches("**", names)).toEqual(names);
  });

  it("takes one character with ?, and everything else as it is", () => {
    expect(matches("cam/?", names)).toEqual(["cam/1"]);
    expect(matches("cam?1", names)).toEqual(["cam.1"]);
    expect(matches("cam.1", names)).toEqual(["cam.1"]);
    expect(matches("c*m/*1*", names)).toEqual(["cam/1", "cam/12"]);
    expect(matches("[c]am", ["cam", "[c]am"])).toEqual(["[c]am"]);
    expect(matches("cam", names)).toEqual(["cam"]);
  });

  it("of many stars says the same as one of few", () => {
    expect(matches("c*m*/*w", names)).toEqual([]);
    expect(matches("c*m*/*/*w", names)).toEqual(["cam/1/low"]);
    expect(matches("*c*a*m*", names)).toEqual(["cam", "cam.1"]);
    expect(matches("*a*m*?1", names)).toEqual(["cam.1"]);
    expect(matches("cam/*1*?*", names)).toEqual(["cam/12"]);
    expect(matches("cam/**1**2**", [...names, "lobby/12"])).toEqual(["cam/12"]);
  });

  it("is walked in bounded time, whatever the name", () => {
    const pattern = namePattern(`${"*a".repeat(200)}b`);
    expect(pattern("a".repeat(255))).toBe(false);
    expect(pattern(`${"a".repeat(250)}b`)).toBe(true);
  });
});

describe("a regular expression", () => {
  it("is over the whole name only where it says so, with the flags i and u", () => {
    expect(matches("/^cam\\d+$/", ["cam1", "xcam1", "cam"])).toEqual(["cam1"]);
    expect(matches("/CAM/i", ["xcam1", "kam"])).toEqual(["xcam1"]);
    expect(matches("/^(?:front|back)-[a-z]+$/", ["front-door", "side-door"])).toEqual(["front-door"]);
  });

  it("is refused where it is none, or could take for ever", () => {
    expect(() => namePattern("/(/")).toThrow(/pattern: Invalid regular expression/);
    expect(() => namePattern("/a/g")).toThrow("/a/g: the flags of a pattern are i and u");
    const endless = ["(a+)+b", "(a|a)*b", "((a*)b)*", "(?:a{2,}){3}", "^.*.*.*.*x", ".*.*.*x", "^a|.*.*x"];
    endless.push("(a?){30}a{30}", "a?".repeat(40), "(a|a)".repeat(40), "^a{0,99}a{0,99}a{0,99}a{0,99}b", "^(a??)*b");
    for (const source of endless) expect(() => namePattern(`/${source}/`), source).toThrow(/can take for ever/);
    const bounded = ["[+*](\\+\\|)+", "^.*-.*-.*$", "^(a|b|c|d|e|f|g|h)(1|2|3)?$", "(?<n>x)?(?!y)", "\\p{L}+\\u{61}+"];
    bounded.push(Array.from({ length: 60 }, (_, at) => `cam${at}`).join("|"), "^[a-z]+?/\\d{1,4}$");
    for (const source of bounded) expect(() => namePattern(`/${source}/u`), source).not.toThrow();
    expect(() => namePattern("")).toThrow("pattern is empty: * is every name without a slash, ** every name");
  });
});
