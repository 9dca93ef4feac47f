// Who guesses credentials: by address, after how many, for how long, and who is not meant.

import { describe, expect, it } from "vitest";
import { type Logger, silentLogger } from "../../../../src/base/logger.js";
import { LONGEST_WAIT_MS, WrongCredentials } from "../../../../src/control/security/wrong-credentials.js";

const ALL = { token: "owner-token", viewers: [{ user: "eve", password: "looks" }] };
const OWNER = { token: "owner-token" };

function rig() {
  const time = { nowMs: 1_000_000 };
  const lines: Record<string, unknown>[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => void lines.push(fields as Record<string, unknown>) };
  const judge = new WrongCredentials({ monotonicMs: () => time.nowMs }, logger);
  const show = (token: string, address = "10.0.0.9"): number | "right" | "wrong" => {
    const found = judge.holderOf({ token }, ALL, address);
    return found === undefined ? "wrong" : "waitMs" in found ? found.waitMs : "right";
  };
  let guesses = 0;
  return { time, lines, judge, show, guess: (address?: string) => show(`guess-${++guesses}`, address) };
}

describe("an address that shows wrong credentials", () => {
  it("waits longer for each that is new, from the sixth on, half a minute at most", () => {
    const { time, show, guess } = rig();
    expect(Array.from({ length: 5 }, () => guess())).toEqual(Array(5).fill("wrong"));
    const waits = Array.from({ length: 8 }, () => {
      const waitMs = guess();
      if (typeof waitMs !== "number") return waitMs;
      // Nothing is looked at meanwhile, the right ones neither.
      expect(show(OWNER.token)).toBe(waitMs);
      time.nowMs += waitMs;
      expect(guess()).toBe("wrong");
      return waitMs;
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, ...Array(3).fill(LONGEST_WAIT_MS)]);
    time.nowMs += LONGEST_WAIT_MS;
    expect(show(OWNER.token)).toBe("right");
  });

  it("begins anew when it has been quiet", () => {
    const { time, guess } = rig();
    for (let i = 0; i < 5; i++) guess();
    time.nowMs += 15 * 60_000 + 1;
    expect(Array.from({ length: 5 }, () => guess())).toEqual(Array(5).fill("wrong"));
  });

  it("makes no other one wait, but the rest of its IPv6 network", () => {
    const { guess } = rig();
    for (let i = 0; i < 6; i++) guess("2001:db8::1");
    expect(guess("2001:db8:0:0:ffff::2")).toBe(1000);
    expect(guess("2001:db8:0:1::1")).toBe("wrong");
    for (let i = 0; i < 6; i++) guess("::ffff:10.0.0.9");
    expect([guess("10.0.0.9"), guess("10.0.0.8")]).toEqual([1000, "wrong"]);
  });

  it("is told in the log, without what it showed", () => {
    const { lines, guess } = rig();
    for (let i = 0; i < 5; i++) guess();
    expect(lines[0]).toEqual({ address: "10.0.0.9", mistakes: 1, waitMs: 0, suppressed: 0 });
    expect(lines).toHaveLength(2);
  });
});

describe("who is not meant", () => {
  it("are programs that show the same old token all the time", () => {
    const { lines, show } = rig();
    for (let i = 0; i < 100; i++) expect(show("old-token")).toBe("wrong");
    expect(show(OWNER.token)).toBe("right");
    expect(lines).toHaveLength(1);
  });

  it("are those of the same address that have shown right ones before", () => {
    const { judge, show, guess } = rig();
    expect(show(OWNER.token)).toBe("right");
    for (let i = 0; i < 5; i++) guess();
    guess();
    expect([guess(), show(OWNER.token)]).toEqual([1000, "right"]);
    expect(judge.holderOf({ user: "eve", password: "looks" }, ALL, "10.0.0.9")).toEqual({ waitMs: 1000 });
    // Once right is not for ever.
    expect(judge.holderOf(OWNER, { token: "another" }, "10.0.0.9")).toBeUndefined();
    expect(show(OWNER.token)).toBe(2000);
  });

  it("are forgotten, the first of them first, where a thousand addresses come", () => {
    const { show, guess } = rig();
    for (let i = 0; i < 6; i++) guess();
    for (let i = 0; i < 999; i++) show(OWNER.token, `10.1.${i >> 8}.${i & 255}`);
    expect(guess()).toBe(1000);
    for (let i = 0; i < 1000; i++) show(OWNER.token, `10.2.${i >> 8}.${i & 255}`);
    expect(guess()).toBe("wrong");
  });
});
