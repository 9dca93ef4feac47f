// docs/evostream.md tells of every command and every configuration key of EMS whether Reel has it, and what to use
// instead: held against the commands of EMS's interface, the command table, and the schema of reel.json.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { findCommand } from "../../src/control/commands/command-table.js";
import { EMS_COMMAND_NAMES } from "../../src/control/commands/ems-command-names.js";
import { EventSinkSchema, ServerConfigSchema } from "../../src/server/config-schema.js";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../docs/evostream.md"), "utf8");

/** The cells of a section's tables, without their heads. */
function rowsOf(heading: string): string[][] {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  const rows = lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return rows.filter((_, at) => !/^-+$/.test(rows[at]?.[0] ?? "") && !/^-+$/.test(rows[at + 1]?.[0] ?? ""));
}

/** What stands in backquotes. */
const quoted = (cell = ""): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");

describe("Moving from EvoStream", () => {
  const commands = rowsOf("Commands").flatMap(([names = "", verdict = "", instead = ""]) =>
    names.split(", ").map((name) => ({ name, verdict, instead })),
  );

  it("names every command of EMS once", () => {
    expect(commands.map(({ name }) => name).sort()).toEqual([...EMS_COMMAND_NAMES].sort());
  });

  it("calls served what is served, and says for everything else what to use", () => {
    for (const { name, verdict, instead } of commands) {
      expect([name, verdict]).toEqual([name, expect.stringMatching(/^(served|different|refused)$/)]);
      expect([name, verdict !== "refused"]).toEqual([name, findCommand(name) !== undefined]);
      if (verdict !== "served") expect([name, instead]).toEqual([name, expect.stringMatching(/\w{3}/)]);
    }
  });

  /** The keys that the reference of EMS's record interface names (ems-record-spec §1.4, §3.9, §6.1). */
  const KEYS = [
    ...["acceptors", "inboundJsonCli", "inboundAsciiCli", "inboundHttpJsonCli", "useLengthPadding"],
    ...["pushPullPersistenceFile", "eventLogger.sinks", "customData", "enabledEvents", "type", "url", "filename"],
    ...[
      "serializerType",
      "format",
      "timestamp",
      "appendTimestamp",
      "appendInstance",
      "fileChunkLength",
      "fileChunkTime",
    ],
  ];
  const keys = [...rowsOf("Configuration"), ...rowsOf("Event sinks")];

  it("names every configuration key, and keys of reel.json that exist", () => {
    const named = keys.flatMap(([key]) => quoted(key));
    expect(KEYS.filter((key) => !named.includes(key))).toEqual([]);
    const ours = rowsOf("Configuration").flatMap(([, key]) => quoted(key));
    expect(ours.length).toBeGreaterThan(8);
    expect(ours.filter((key) => !isKnown(ServerConfigSchema, key))).toEqual([]);
    for (const [key, own, text] of keys) expect([key, `${own}${text}`]).toEqual([key, expect.stringMatching(/\w{3}/)]);
  });

  it("names every key of a sink", () => {
    const named = rowsOf("Event sinks").flatMap(([key]) => quoted(key));
    expect(named.sort()).toEqual(Object.keys(EventSinkSchema.properties).sort());
  });
});

function isKnown(schema: object, path: string): boolean {
  const found = path
    .split(".")
    .reduce<unknown>(
      (at, key) => (at as { properties?: Record<string, unknown> } | undefined)?.properties?.[key],
      schema,
    );
  return found !== undefined;
}
