// Which settings of a new configuration differ from those in force, by their names in reel.json (`rtmp.publishKeys`).

import { isDeepStrictEqual } from "node:util";
import type { ServerConfig } from "./config-schema.js";

/** These change without a restart. */
const LIVE: ReadonlySet<string> = new Set([
  "log.level",
  "rtmp.publishKeys",
  "control.token",
  "control.user",
  "control.password",
  "control.viewers",
]);

export interface ChangedSettings {
  readonly live: readonly string[];
  readonly needRestart: readonly string[];
}

export function changedSettings(before: ServerConfig, after: ServerConfig): ChangedSettings {
  const changed = [...new Set([...settingsOf(before), ...settingsOf(after)])].filter(
    (name) => !isDeepStrictEqual(settingOf(before, name), settingOf(after, name)),
  );
  return {
    live: changed.filter((name) => LIVE.has(name)),
    needRestart: changed.filter((name) => !LIVE.has(name)),
  };
}

/** `section.key` of each section, the name alone of what is no section. */
function settingsOf(config: ServerConfig): string[] {
  return Object.entries(config).flatMap(([section, value]) =>
    isSection(value) ? Object.keys(value).map((key) => `${section}.${key}`) : [section],
  );
}

function settingOf(config: ServerConfig, name: string): unknown {
  const [section = "", key] = name.split(".");
  const value: unknown = (config as Record<string, unknown>)[section];
  return key === undefined ? value : isSection(value) ? value[key] : undefined;
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
