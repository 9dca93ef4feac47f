// Names as tokens of subjects and keys.

import fc from "fast-check";
import { expect, it } from "vitest";
import { checkGroupName, decodeToken, encodeToken, GroupSubjects } from "../../../src/group/subjects.js";

it("makes one token of any name, and the name of that token", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }), (name) => {
      // A lone surrogate is no character, and no name from outside has one.
      fc.pre(!/\p{Surrogate}/u.test(name));
      const token = encodeToken(name);
      expect(token).toMatch(/^[-/_=.a-zA-Z0-9]+$/);
      expect(token).not.toContain(".");
      expect(decodeToken(token)).toBe(name);
    }),
  );
});

it("gives two names two tokens, also where one looks like a token", () => {
  expect(encodeToken("a=2Eb")).not.toBe(encodeToken("a.b"));
  expect(encodeToken("cam 1>*.é")).toBe("cam=201=3E=2A=2E=C3=A9");
  expect(decodeToken("a.b")).toBeUndefined();
  expect(decodeToken("a=2e")).toBeUndefined();
  expect(decodeToken("=41")).toBeUndefined();
  expect(decodeToken("=FF")).toBeUndefined();
});

it("reads the epoch of a claim back, and takes nothing else for one", () => {
  const subjects = new GroupSubjects("g");
  const key = { configId: 12, localStreamName: "cam.1" };
  expect(subjects.claim(key, 3)).toBe("reel.g.claim.cam=2E1.12.3");
  expect(subjects.parseClaim(subjects.claim(key, 3))).toEqual({ configId: 12, epoch: 3 });
  for (const subject of ["reel.h.claim.a.1.1", "reel.g.claim.a.1", "reel.g.claim.a.0.1", "reel.g.claim.a.1.1.1"])
    expect(subjects.parseClaim(subject)).toBeUndefined();
});

it("refuses a group's name that would be more than one token, or another group's subjects", () => {
  for (const name of ["", "a.b", "a b", ">", "*", "x".repeat(33)])
    expect(() => checkGroupName(name)).toThrow(/group\.name is 1 to 32 letters/);
  checkGroupName("studio_2-a");
});
