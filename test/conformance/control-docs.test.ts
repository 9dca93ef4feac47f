// The committed reference is what the command table says, and the client's types know every command and event.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { describedRoutes, httpMarkdown, openApi } from "../../scripts/http-docs.js";
import { asyncApi, commandsMarkdown, withLimits } from "../../scripts/reference-docs.js";
import type { CommandData, CommandName, CommandParameters } from "../../src/client/control-protocol.js";
import type { EventName } from "../../src/client/event-payloads.js";
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
  recordRule: true,
  removeRule: true,
  cut: true,
  listRules: true,
  hold: true,
  release: true,
  listHolds: true,
  retention: true,
  upload: true,
  drain: true,
  subscribe: true,
  ping: true,
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

function referencesOf(document: object): string[] {
  return [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1] ?? "");
}

/** References that lead to nothing. */
function unresolved(document: object): string[] {
  const found = (reference: string) =>
    reference.split("/").reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
  return referencesOf(document).filter((reference) => found(reference) === undefined);
}

describe("the reference", () => {
  it("docs/commands.md is what the table says", () => expectCommitted("docs/commands.md", commandsMarkdown()));
  it("docs/security.md has the limits of the configuration", () => {
    const page = readFileSync(resolve(root, "docs/security.md"), "utf8");
    expectCommitted("docs/security.md", withLimits(page));
  });
  it("docs/asyncapi.json is what the table says", () => expectCommitted("docs/asyncapi.json", asyncApi(version)));

  it("docs/openapi.json is what the tables say", () => expectCommitted("docs/openapi.json", openApi(version)));
  it("docs/http.md is what the tables say", () => expectCommitted("docs/http.md", httpMarkdown()));

  it("docs/openapi.json has every route and command, and its references resolve", () => {
    const document = JSON.parse(openApi(version)) as { paths: Record<string, object> };
    const wanted = [
      ...new Set(describedRoutes().map(({ path }) => path.replace(/:(\w+)/g, "{$1}").replace("*", "{path}"))),
      ...COMMANDS.filter((command) => !command.isChannelOnly).map(({ name }) => `/${name}`),
    ];
    expect(Object.keys(document.paths).sort()).toEqual(wanted.sort());
    expect(wanted).toContain("/healthz");
    expect(unresolved(document)).toEqual([]);
  });

  it("every reference in docs/asyncapi.json resolves", () => {
    const document = JSON.parse(asyncApi(version)) as Record<string, unknown>;
    expect(referencesOf(document).length).toBeGreaterThan(2 * (COMMANDS.length + EVENT_TYPES.length));
    expect(unresolved(document)).toEqual([]);
  });

  it("the client's types know every command and event", () => {
    expect(COMMANDS.map((command) => command.name).sort()).toEqual(Object.keys(TYPED).sort());
    expect(eventsMatch && dataMatch).toBe(true);
  });
});
