// Why a server cannot start, in one sentence with what to do about it. What is no such failure is a fault of Reel's and
// keeps its stack.

import { resolve, sep } from "node:path";
import { ReelError } from "../base/reel-error.js";
import type { ServerConfig } from "./config-schema.js";
import { flagName } from "./flag-name.js";
import type { ListenerName } from "./listeners/listener-table.js";

const DEFAULT_MEDIA = "media";
const DEFAULT_STATE = ".reel";

/** A listener that could not be opened. */
export function listenFailure(name: ListenerName, address: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const flag = flagName(name);
  const what = LISTEN_REASONS[code ?? ""]?.(address, flag);
  return what === undefined ? error : new ReelError("badArgument", what, { address }, { cause: error });
}

const LISTEN_REASONS: Readonly<Record<string, (address: string, flag: string) => string>> = {
  EADDRINUSE: (address, flag) =>
    `another program, perhaps another Reel, listens on ${address}: stop it, or give Reel another port (${flag} HOST:PORT)`,
  EACCES: (address, flag) =>
    `this user may not listen on ${address}: take a port above 1023 (${flag} HOST:PORT), or give the service CAP_NET_BIND_SERVICE`,
  EADDRNOTAVAIL: (address, flag) =>
    `no interface of this machine has the address of ${address}: give Reel one that it has (${flag} HOST:PORT)`,
  ENOTFOUND: (address, flag) => `the host of ${address} is not known: give an address (${flag} HOST:PORT)`,
};

/** Says in a sentence what a file operation of the start met; undefined for what is none. */
export function explainStartFailure(error: unknown, config: ServerConfig): string | undefined {
  if (error instanceof ReelError && !(error.cause instanceof Error && "syscall" in error.cause)) return error.message;
  const failure = (error instanceof ReelError ? error.cause : error) as NodeJS.ErrnoException;
  const { code, path } = failure;
  if (code === undefined || path === undefined) return error instanceof ReelError ? error.message : undefined;
  const state = resolve(config.state?.folder ?? DEFAULT_STATE);
  const isState = `${resolve(path)}${sep}`.startsWith(state + sep);
  const [what, flag] = isState ? ["the state folder", "--state DIR"] : ["the media folder", "--media DIR"];
  const shown = isState ? state : mediaFolderOf(path, config);
  return `${what} ${shown} ${reasonOf(code, failure)}, or choose another (${flag})`;
}

function mediaFolderOf(path: string, config: ServerConfig): string {
  const folders = (config.media?.folders ?? [DEFAULT_MEDIA]).map((folder) => resolve(folder));
  return folders.find((folder) => resolve(path).startsWith(folder) || folder.startsWith(resolve(path))) ?? path;
}

function reasonOf(code: string, { message }: Error): string {
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return "is on a full disk: make room";
    case "EACCES":
    case "EPERM":
      return "may not be used by this user: change its owner";
    case "EROFS":
      return "is on a volume that is mounted read-only: mount it for writing";
    case "ENOTDIR":
    case "EEXIST":
      return "is a file, or lies below one: remove it";
    case "ENOENT":
      return "cannot be made by Reel: make it by hand";
    default:
      return `cannot be used (${message}): mend that`;
  }
}
