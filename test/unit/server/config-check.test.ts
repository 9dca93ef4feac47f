// What is said of a configuration that cannot be: the key with its place, and what was probably meant.

import { describe, expect, it } from "vitest";
import { parseConfigFile } from "../../../src/server/config.js";

const sink = (entry: object): object => ({ eventLogger: { sinks: [{ type: "RPC", url: "http://h/" }, entry] } });

describe("a configuration", () => {
  it("takes every key of EMS's sinks", () => {
    const config = sink({
      type: "file",
      filename: "x.txt",
      format: "json",
      customData: { a: 1 },
      timestamp: true,
      appendTimestamp: true,
      appendInstance: true,
      fileChunkLength: 43200,
      fileChunkTime: "18:00:00",
      enabledEvents: ["inStreamCreated"],
    });
    expect(parseConfigFile(JSON.stringify(config), "reel.json")).toEqual(config);
  });

  it.each<[string, object, string]>([
    ["a key", { lsteners: {} }, "unknown key lsteners; did you mean listeners?"],
    ["a key deeper", { log: { levle: "info" } }, "unknown key log.levle; did you mean log.level?"],
    [
      "a key in a list",
      sink({ type: "file", filname: "x" }),
      "unknown key eventLogger.sinks.1.filname; did you mean eventLogger.sinks.1.filename?",
    ],
    ["a key like none", { log: { colour: true } }, "unknown key log.colour; known are level"],
    [
      "a value",
      { recording: { durability: "intervall" } },
      'recording.durability is "intervall", and can be none, close, interval; did you mean interval?',
    ],
    [
      "a value in a list",
      sink({ type: "rpc" }),
      'eventLogger.sinks.1.type is "rpc", and can be RPC, file; did you mean RPC?',
    ],
    ["a value like none", { log: { level: 7 } }, "log.level is 7, and can be debug, info, warn, error, silent"],
    ["a type", sink({ type: "file", filename: 3 }), "eventLogger.sinks.1.filename must be string"],
  ])("names %s that cannot be, and what was meant", (_name, config, message) => {
    expect(() => parseConfigFile(JSON.stringify(config), "reel.json")).toThrow(`reel.json: ${message}`);
  });
});
