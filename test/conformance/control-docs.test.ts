// The committed reference is what the command table says, and the client's types know every command and event.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { asyncApi, commandsMarkdown, withLimits } from "../../scripts/reference-docs.js";
import type { CommandData, CommandName, CommandParameters, EventName } from "../../src/client/control-protocol.js";
import { COMMANDS } from "../../src/control/commands/command-table.js";
import { EVENT_TYPES, type EventType } from "../../src/control/events/event-types.js";

const root = resolve(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")) as { version: string };

// Fails to compile where the client's types and the events differ.
const eventsMatch: [EventType] extends [EventName] ? ([EventName] extends [EventType] ? true : never) : never = true;
const dataMatch: keyof CommandParameters extends keyof CommandData ? true : never = true;

/** Every command that the client has types for; a missing or superfluous one does not compile. */
const TYPED: { [N in CommandName]: true } = {
  record: true,
  pullStream: true,
  shutdownStream: true,
  removeConfig: true,
  listConfig: true,
  getConfigInfo: true,
  listStreams: true,
  listStreamsIds: true,
  getStreamInfo: true,
  getStreamsCount: true,
  getInboundStreamsCount: true,
  isStreamRunning: true,
  listInboundStreams: true,
  listInboundStreamNames: true,
  setTimer: true,
  listTimers: true,
  removeTimer: true,
  listStorage: true,
  addStreamAlias: true,
  getLicenseId: true,
  serverStatus: true,
  listSegments: true,
  subscribe: true,
  version: true,
  help: true,
  quit: true,
};

function expectCommitted(path: string, text: string): void {
  const file = resolve(root, path);
  if (process.env.REEL_GOLDEN_UPDATE === "1") {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(
    existsSync(file) ? readFileSync(file, "utf8") : undefined,
    `${path} is not what is generated: npm run docs`,
  ).toBe(text);
}

describe("the reference", () => {
  it("docs/commands.md is what the table says", () => expectCommitted("docs/commands.md", commandsMarkdown()));
  it("docs/security.md has the limits of the configuration", () => {
    const page = readFileSync(resolve(root, "docs/security.md"), "utf8");
    expectCommitted("docs/security.md", withLimits(page));
  });
  it("docs/asyncapi.json is what the table says", () => expectCommitted("docs/asyncapi.json", asyncApi(version)));

  it("every reference in docs/asyncapi.json resolves", () => {
    const document = JSON.parse(asyncApi(version)) as Record<string, unknown>;
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(2 * (COMMANDS.length + EVENT_TYPES.length));
    for (const reference of references) {
      const found = reference
        .split("/")
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
      expect(found, reference).toBeDefined();
    }
  });

  it("the client's types know every command and event", () => {
    expect(COMMANDS.map((command) => command.name).sort()).toEqual(Object.keys(TYPED).sort());
    expect(eventsMatch && dataMatch).toBe(true);
  });
});
