// What becomes of the configs of rules when rules, streams and restarts come and go.

import { describe, expect, it } from "vitest";
import { configured, openRecorder, publish, reopen } from "../../../support/open-recorder.js";
import { until } from "../../../support/until.js";

const rule = (pattern: string, more: object = {}) =>
  ({ pattern, pathToFile: "{stream}", type: "ts", ...more }) as const;

describe("configs of rules", () => {
  it("go with their rule over a restart, or give way to one that stands in front by then", async () => {
    const all = rule("*", { chunkLength: 60 });
    let recorder = await openRecorder({ rules: [rule("old")] });
    await recorder.rules.add(all);
    for (const name of ["old", "cam", "lobby"]) (await publish(recorder, name)).stream.end("test");
    await until("all have ended", () => recorder.outStreams().length === 0);
    expect(configured(recorder)).toEqual(["old", "cam", "lobby"]);
    recorder = await reopen(recorder, { rules: [rule("cam", { chunkLength: 7 })] });
    expect(configured(recorder)).toEqual(["cam", "lobby"]);
    expect(recorder.configs().map(({ config }) => config.chunkLength)).toEqual([60, 60]);
    const { stream } = await publish(recorder, "cam");
    expect(recorder.configs().map(({ config }) => [config.localStreamName, config.chunkLength])).toEqual([
      ["lobby", 60],
      ["cam", 7],
    ]);
    stream.end("test");
  });

  it("are all ended by removeRule, and no others", async () => {
    const recorder = await openRecorder();
    const { rule: made } = await recorder.rules.add(rule("*"));
    await recorder.rules.add(rule("b", { also: true, pathToFile: "also/{stream}" }));
    await recorder.record({ localStreamName: "a", pathToFile: "own", type: "ts" });
    const sources = [await publish(recorder, "a"), await publish(recorder, "b")];
    expect(recorder.rules.remove(made.ruleId)?.entries.length).toBe(2);
    expect(recorder.configs().map(({ config }) => config.pathToFile)).toEqual(["own", "also/{stream}"]);
    expect(recorder.rules.remove(made.ruleId)).toBeUndefined();
    for (const { stream } of sources) stream.end("test");
  });

  it("make room for a new stream only where they wait for one that is gone", async () => {
    const recorder = await openRecorder({ maxConfigs: 3 });
    await recorder.rules.add(rule("*"));
    await recorder.record({ localStreamName: "mine", pathToFile: "mine", type: "ts" });
    const live = await publish(recorder, "live");
    (await publish(recorder, "gone")).stream.end("test");
    await until("it has ended", () => recorder.outStreams().length === 1);
    expect(configured(recorder)).toEqual(["mine", "live", "gone"]);
    const next = await publish(recorder, "next");
    expect(configured(recorder)).toEqual(["mine", "live", "next"]);
    const refused: string[] = [];
    recorder.on("segmentFailed", ({ localStreamName, code }) => refused.push(`${localStreamName} ${code}`));
    const last = await publish(recorder, "last");
    expect([configured(recorder), refused]).toEqual([["mine", "live", "next"], ["last limit"]]);
    for (const { stream } of [live, next, last]) stream.end("test");
  });
});
