// Reads a server's configuration. Flags win over the environment (REEL_*), which wins over reel.json.

import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { suggestion } from "../base/nearest-name.js";
import { ReelError } from "../base/reel-error.js";
import { checkConfig } from "./config-check.js";
import type { ServerConfig } from "./config-schema.js";
import { environmentName, flagName } from "./flag-name.js";
import { parseListenerAddress } from "./listener-address.js";
import { LISTENER_NAMES, type ListenerName } from "./listeners/listener-table.js";

const CONFIG_FILE = "reel.json";

/** Flags of `reel serve`; the environment has the same under REEL_ and upper case (`--json-cli` = REEL_JSON_CLI). */
export interface ConfigFlags extends Partial<Record<ListenerName, string>> {
  config?: string;
  media?: string;
  state?: string;
  workers?: string;
  logLevel?: string;
  logFile?: string;
  token?: string;
}

const FLAG_NAMES: readonly (keyof ConfigFlags)[] = [
  "config",
  "media",
  "state",
  ...LISTENER_NAMES,
  "workers",
  "logLevel",
  "logFile",
  "token",
];

/** Variables that other commands read, and those of the project's own tests. */
const OTHER_VARIABLES: readonly string[] = [
  "REEL_URL",
  "REEL_USER",
  "REEL_CLIP_FOLDER",
  "REEL_FUZZ_SECONDS",
  "REEL_GOLDEN_UPDATE",
  "REEL_KILL_AT",
  "REEL_SEED",
  "REEL_TORTURE",
];

/**
 * Reads, merges and checks. Paths in reel.json are relative to its folder, others to `cwd`. Throws ReelError
 * `badArgument`.
 */
export function loadConfig(flags: ConfigFlags, env: NodeJS.ProcessEnv, cwd: string): ServerConfig {
  const merged: ConfigFlags = { ...flagsFromEnvironment(env), ...definedOnly(flags) };
  const path = resolve(cwd, merged.config ?? CONFIG_FILE);
  const isThere = existsSync(path);
  if (!isThere && merged.config !== undefined)
    throw new ReelError("badArgument", `the configuration file ${path} does not exist`);
  const config: ServerConfig = isThere
    ? anchorPaths(parseConfigFile(readFileSync(path, "utf8"), path), dirname(path))
    : {};
  checkFlags(merged);
  const withFlags = applyFlags(config, merged, cwd);
  checkConfig(withFlags, "the flags or the environment");
  return withFlags;
}

/**
 * Reads the configuration of one server, at its start and again. A file that was there at the first time must be there
 * later: without it the server would go on without its credentials.
 */
export function configReader(flags: ConfigFlags, env: NodeJS.ProcessEnv, cwd: string): () => ServerConfig {
  let mustExist = false;
  return () => {
    const isThere = existsSync(resolve(cwd, CONFIG_FILE));
    const config = loadConfig(
      mustExist && !flags.config && !env.REEL_CONFIG ? { ...flags, config: CONFIG_FILE } : flags,
      env,
      cwd,
    );
    mustExist ||= isThere;
    return config;
  };
}

export function parseConfigFile(text: string, path: string): ServerConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ReelError("badArgument", `${path} is not JSON: ${(error as Error).message}`, {}, { cause: error });
  }
  const current = withCurrentNames(value);
  checkConfig(current, path);
  for (const [name, address] of Object.entries((current as ServerConfig).listeners ?? {}))
    parseListenerAddress(address, `${path}: listeners.${name}`);
  return current as ServerConfig;
}

/** Files of version 0.1 say `doors`. A file with both names is left as it is, so that the check reports it. */
function withCurrentNames(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("doors" in value) || "listeners" in value) return value;
  const { doors, ...rest } = value;
  return { ...rest, listeners: doors };
}

/** What a flag, or its variable, cannot be: said with the flag's name. */
function checkFlags(flags: ConfigFlags): void {
  for (const name of LISTENER_NAMES) {
    const value = flags[name];
    if (value !== undefined) parseListenerAddress(value, flagName(name));
  }
  if (flags.workers !== undefined && !/^[0-9]+$/.test(flags.workers))
    throw new ReelError("badArgument", `--workers ${flags.workers} is no number of threads, from 1 to 64`);
}

/** Kubernetes and Docker tell every container of the services beside it: those of one named `reel` begin as ours do. */
function isServiceLink(name: string, value = ""): boolean {
  if (/_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name)) return true;
  if (/_PORT_[0-9]+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)$/.test(name)) return true;
  return /_PORT(_[0-9]+_(TCP|UDP|SCTP))?$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value);
}

/** Throws ReelError `badArgument` where a variable begins with REEL_ and is none of ours. */
function flagsFromEnvironment(env: NodeJS.ProcessEnv): ConfigFlags {
  const known = [...FLAG_NAMES.map(environmentName), ...OTHER_VARIABLES];
  for (const name of Object.keys(env)) {
    if (!name.startsWith("REEL_") || known.includes(name) || isServiceLink(name, env[name])) continue;
    const rest = suggestion(name, known) || `; known are ${FLAG_NAMES.map(environmentName).join(", ")}`;
    throw new ReelError("badArgument", `unknown environment variable ${name}${rest}`);
  }
  const flags: ConfigFlags = {};
  for (const name of FLAG_NAMES) {
    const value = env[environmentName(name)];
    if (value !== undefined && value !== "") flags[name] = value;
  }
  return flags;
}

function definedOnly(flags: ConfigFlags): ConfigFlags {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function anchorPaths(config: ServerConfig, folder: string): ServerConfig {
  const anchored = structuredClone(config);
  for (const rule of anchored.retention?.folders ?? []) rule.folder = resolve(folder, rule.folder);
  if (anchored.media?.folders) anchored.media.folders = anchored.media.folders.map((path) => resolve(folder, path));
  if (anchored.upload?.credentialsFile)
    anchored.upload.credentialsFile = resolve(folder, anchored.upload.credentialsFile);
  const { group } = anchored;
  if (group?.credentialsFile) group.credentialsFile = resolve(folder, group.credentialsFile);
  for (const file of ["ca", "certificate", "key"] as const)
    if (group?.tls?.[file]) group.tls[file] = resolve(folder, group.tls[file]);
  if (anchored.state?.folder) anchored.state.folder = resolve(folder, anchored.state.folder);
  if (anchored.pull?.fileFolders)
    anchored.pull.fileFolders = anchored.pull.fileFolders.map((path) => resolve(folder, path));
  if (anchored.log?.file) anchored.log.file = resolve(folder, anchored.log.file);
  if (anchored.tls) {
    anchored.tls.certificate = resolve(folder, anchored.tls.certificate);
    anchored.tls.key = resolve(folder, anchored.tls.key);
  }
  for (const sink of anchored.eventLogger?.sinks ?? [])
    if (sink.filename) sink.filename = resolve(folder, sink.filename);
  return anchored;
}

function applyFlags(config: ServerConfig, flags: ConfigFlags, cwd: string): ServerConfig {
  const result: ServerConfig = { ...config, listeners: { ...config.listeners } };
  const listeners = result.listeners ?? {};
  for (const name of LISTENER_NAMES) {
    const value = flags[name];
    if (value !== undefined) listeners[name] = value;
  }
  if (flags.media !== undefined) result.media = { ...config.media, folders: [resolve(cwd, flags.media)] };
  if (flags.state !== undefined) result.state = { ...config.state, folder: resolve(cwd, flags.state) };
  if (flags.workers !== undefined) result.workers = Number(flags.workers);
  if (flags.token !== undefined) result.control = { ...config.control, token: flags.token };
  if (flags.logLevel !== undefined) result.log = { ...result.log, level: flags.logLevel as never };
  if (flags.logFile !== undefined) result.log = { ...result.log, file: resolve(cwd, flags.logFile) };
  return result;
}
