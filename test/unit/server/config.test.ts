// Where the configuration comes from: reel.json, the environment, the flags; and the files of version 0.1.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configReader, loadConfig, parseConfigFile } from "../../../src/server/config.js";
import { ServerConfigSchema } from "../../../src/server/config-schema.js";
import { environmentName, flagName } from "../../../src/server/flag-name.js";
import { parseListenerAddress } from "../../../src/server/listener-address.js";
import { LISTENER_NAMES } from "../../../src/server/listeners/listener-table.js";

describe("reel.json", () => {
  it("of version 0.1 says doors; both names at once are refused", () => {
    const doors = { http: "127.0.0.1:1", jsonCli: "off", asciiCli: "off", rtmp: "127.0.0.1:2", ts: "[::1]:3" };
    expect(parseConfigFile(JSON.stringify({ doors, workers: 2 }), "reel.json")).toEqual({
      listeners: doors,
      workers: 2,
    });
    expect(() => parseConfigFile(JSON.stringify({ doors, listeners: doors }), "reel.json")).toThrow(
      "unknown key doors",
    );
  });

  it("is checked: an unknown key is named with the nearest known one, a wrong value with its place", () => {
    expect(() => parseConfigFile('{"listeners":{"jsoncli":"off"}}', "x.json")).toThrow(
      "x.json: unknown key listeners.jsoncli; did you mean listeners.jsonCli?",
    );
    expect(() => parseConfigFile('{"listeners":{"rtmp":"everywhere"}}', "x.json")).toThrow("x.json: listeners.rtmp");
    expect(() => parseConfigFile('{"ts":{"streamName":1}}', "x.json")).toThrow("x.json: ts.streamName");
  });

  it("has an address for every listener and a section for those with options", () => {
    const { properties } = ServerConfigSchema;
    expect(Object.keys(properties.listeners.properties)).toEqual([...LISTENER_NAMES]);
    expect(Object.keys(properties.rtmp.properties)).toEqual(["publishKeys"]);
    expect(Object.keys(properties.ts.properties)).toEqual(["streamName"]);
    expect(properties).not.toHaveProperty("jsonCli");
  });
});

describe("every listener", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "reel-config-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each(LISTENER_NAMES)("%s: the flag wins over the environment, the environment over the file", async (name) => {
    await writeFile(join(folder, "reel.json"), JSON.stringify({ listeners: { [name]: "127.0.0.1:1" } }));
    const environment = { [environmentName(name)]: "127.0.0.1:2" };
    expect(loadConfig({}, {}, folder).listeners?.[name]).toBe("127.0.0.1:1");
    expect(loadConfig({}, environment, folder).listeners?.[name]).toBe("127.0.0.1:2");
    expect(loadConfig({ [name]: "off" }, environment, folder).listeners?.[name]).toBe("off");
  });

  it("has a flag and a variable, those of version 0.1 among them", () => {
    expect(LISTENER_NAMES.map((name) => [flagName(name), environmentName(name)])).toEqual([
      ["--rtmp", "REEL_RTMP"],
      ["--rtmps", "REEL_RTMPS"],
      ["--rtsp", "REEL_RTSP"],
      ["--ts", "REEL_TS"],
      ["--http", "REEL_HTTP"],
      ["--json-cli", "REEL_JSON_CLI"],
      ["--ascii-cli", "REEL_ASCII_CLI"],
    ]);
  });

  it("addresses are read with brackets, without a host, and as off", () => {
    expect(parseListenerAddress("[::1]:80")).toEqual({ host: "::1", port: 80 });
    expect(parseListenerAddress(":80")).toEqual({ host: "127.0.0.1", port: 80 });
    expect(parseListenerAddress("off")).toBeUndefined();
    expect(() => parseListenerAddress("h:65536")).toThrow(
      "h:65536 is not HOST:PORT with a port from 0 to 65535, nor off",
    );
  });
});

describe("the environment", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "reel-config-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("may name services beside it, as Kubernetes and Docker do", () => {
    const links = {
      REEL_SERVICE_HOST: "10.0.0.1",
      REEL_SERVICE_PORT: "1935",
      REEL_SERVICE_PORT_RTMP: "1935",
      REEL_PORT: "tcp://10.0.0.1:1935",
      REEL_PORT_1935_TCP: "tcp://10.0.0.1:1935",
      REEL_PORT_1935_TCP_PROTO: "tcp",
      REEL_PORT_1935_TCP_PORT: "1935",
      REEL_PORT_1935_TCP_ADDR: "10.0.0.1",
      REEL_HTTP_PORT: "tcp://10.0.0.1:80",
    };
    expect(loadConfig({}, links, folder)).toEqual(loadConfig({}, {}, folder));
  });

  it.each([{ REEL_PORT: "1935" }, { REEL_HTTP_PORT: "8080" }, { REEL_SERVICE: "x" }])(
    "is refused where it means us: %o",
    (environment) => {
      expect(() => loadConfig({}, environment, folder)).toThrow("unknown environment variable");
    },
  );

  it("a reel.json that was read once must be there the next time; one may come", async () => {
    const read = configReader({}, {}, folder);
    expect(read().workers).toBeUndefined();
    await writeFile(join(folder, "reel.json"), '{"workers":2}');
    expect(read().workers).toBe(2);
    await rm(join(folder, "reel.json"));
    expect(read).toThrow("reel.json does not exist");
  });
});
