// Commands that come while others are under way: they count, and are the same where they say the same.

import { describe, expect, it } from "vitest";
import { configured, openRecorder, publish } from "../../support/open-recorder.js";

const wish = (name: string, more: object = {}) =>
  ({ localStreamName: name, pathToFile: name, type: "ts", ...more }) as const;

describe("commands under way at once", () => {
  it("make no more configs than there may be, live streams or not", async () => {
    const recorder = await openRecorder({ maxConfigs: 3 });
    const { stream } = await publish(recorder, "live");
    const names = ["a", "live", "b", "live", "c"];
    const results = await Promise.allSettled(names.map((name) => recorder.record(wish(name))));
    expect(results.map(({ status }) => status).sort()).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
    ]);
    expect(results.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "limit" } });
    expect(configured(recorder).length).toBe(3);
    stream.end("test");
  });

  it("give back their places where they fail", async () => {
    const recorder = await openRecorder({ maxConfigs: 1 });
    for (let i = 0; i < 3; i++)
      await expect(recorder.record(wish("cam", { pathToFile: "../../outside" }))).rejects.toMatchObject({
        code: "badPath",
      });
    await recorder.record(wish("cam"));
    expect(configured(recorder)).toEqual(["cam"]);
  });

  it("with one duration are one recording, however many come", async () => {
    const recorder = await openRecorder();
    const { stream } = await publish(recorder, "cam");
    const motion = wish("cam", { duration: 60 });
    const entries = await Promise.all(
      [motion, motion, wish("cam", { duration: 61 }), motion].map((one) => recorder.record(one)),
    );
    const [first, second, other, third] = entries.map(({ config }) => config.configId);
    expect([second, third]).toEqual([first, first]);
    expect(other).not.toBe(first);
    expect(recorder.outStreams().length).toBe(2);
    stream.end("test");
  });

  it("with one duration are tried one after the other where the first fails", async () => {
    const recorder = await openRecorder();
    const { stream } = await publish(recorder, "cam");
    const motion = wish("cam", { duration: 60, pathToFile: "../../outside" });
    const results = await Promise.allSettled([motion, motion].map((one) => recorder.record(one)));
    expect(results.map((result) => result.status === "rejected" && result.reason.code)).toEqual(["badPath", "badPath"]);
    stream.end("test");
  });
});
