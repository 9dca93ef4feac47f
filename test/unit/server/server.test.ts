// The composition root: which listeners are open, and what a refused start leaves.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import type { ServerConfig } from "../../../src/server/config-schema.js";
import { LISTENER_NAMES, type ListenerName } from "../../../src/server/listeners/listener-table.js";
import { ReelServer } from "../../../src/server/server.js";
import { certificateFiles } from "../../support/test-certificate.js";

const ANY_PORT = "127.0.0.1:0";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-server-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function configOf(listeners: Partial<Record<ListenerName, string>>): ServerConfig {
  return {
    media: { folders: [join(folder, "media")] },
    state: { folder: join(folder, "state") },
    workers: 1,
    arena: { maximumMib: 64 },
    listeners: { ...Object.fromEntries(LISTENER_NAMES.map((name) => [name, "off"])), ...listeners },
  };
}

/** True where something accepts connections. */
function isOpen(address: string): Promise<boolean> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => resolve(true)).on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
    socket.unref();
  });
}

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

describe("a server", () => {
  it("opens every listener that is not off, writes the ready file with them, and closes them all", async () => {
    const all = Object.fromEntries(LISTENER_NAMES.map((name) => [name, ANY_PORT]));
    const tls = await certificateFiles(folder);
    const server = await ReelServer.start({ ...configOf(all), tls }, silentLogger);
    const readyFile = join(folder, "ready.json");
    server.writeReadyFile(readyFile);
    const { pid, ...addresses } = JSON.parse(await readFile(readyFile, "utf8")) as Record<string, string>;
    expect(pid).toBe(process.pid);
    expect(Object.keys(addresses)).toEqual([...LISTENER_NAMES]);
    for (const [name, address] of Object.entries(addresses))
      expect([name, await isOpen(address)]).toEqual([name, true]);
    await server.close();
    for (const [name, address] of Object.entries(addresses))
      expect([name, await isOpen(address)]).toEqual([name, false]);
  });

  it("leaves out a listener that is off", async () => {
    const server = await ReelServer.start(configOf({ jsonCli: ANY_PORT }), silentLogger);
    expect(Object.keys(server.addresses)).toEqual(["jsonCli"]);
    await server.close();
  });

  it("keeps its settings where new ones would leave HTTP open to the network", async () => {
    const open = { ...configOf({ http: "0.0.0.0:0" }), control: { token: "a-long-token" } };
    const server = await ReelServer.start(open, silentLogger);
    const [, port] = (server.addresses.http ?? "").split(":");
    const status = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/healthz`)).status;
    expect(() => server.reconfigure({ ...open, control: {} })).toThrow("control.token");
    expect(await status()).toBe(401);
    await server.close();
  });

  it("opens none where one would be open to others without protection, and gives its folders back", async () => {
    const rtmp = await freeAddress();
    const refused = configOf({ rtmp, asciiCli: "0.0.0.0:0" });
    await expect(ReelServer.start(refused, silentLogger)).rejects.toMatchObject({
      code: "badArgument",
      message: expect.stringContaining("asciiCli on 0.0.0.0"),
    });
    expect(await isOpen(rtmp)).toBe(false);
    await (await ReelServer.start(configOf({}), silentLogger)).close();
  });

  it("closes those that are open where one cannot be opened", async () => {
    const rtmp = await freeAddress();
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    await expect(
      ReelServer.start(configOf({ rtmp, http: ANY_PORT, asciiCli: `127.0.0.1:${port}` }), silentLogger),
    ).rejects.toMatchObject({ code: "badArgument", cause: { code: "EADDRINUSE" } });
    expect(await isOpen(rtmp)).toBe(false);
    taken.close();
  });

  it("gives its folders back where a protection cannot be read", async () => {
    const config = { ...configOf({}), control: { allowAddresses: ["nowhere"] } };
    await expect(ReelServer.start(config, silentLogger)).rejects.toMatchObject({ code: "badArgument" });
    await (await ReelServer.start(configOf({}), silentLogger)).close();
  });
});
