// Every command. Transports, help, human-readable replies, docs/commands.md and the client's types follow this table.

import type { Command } from "./command.js";
import { cut } from "./cut.js";
import { drain } from "./group-commands.js";
import { pullStream } from "./pull-stream.js";
import * as queries from "./queries.js";
import { record } from "./record.js";
import * as retentionCommands from "./retention-commands.js";
import * as rules from "./rule-commands.js";
import * as server from "./server-commands.js";
import * as statusCommands from "./status-commands.js";
import { removeConfig, shutdownStream } from "./stopping.js";
import { upload } from "./upload-commands.js";

export const COMMANDS: readonly Command[] = [
  record,
  pullStream,
  shutdownStream,
  removeConfig,
  queries.listConfig,
  queries.getConfigInfo,
  queries.listStreams,
  queries.listStreamsIds,
  queries.getStreamInfo,
  queries.getStreamsCount,
  queries.getInboundStreamsCount,
  queries.isStreamRunning,
  queries.listInboundStreams,
  queries.listInboundStreamNames,
  server.setTimer,
  server.listTimers,
  server.removeTimer,
  server.listStorage,
  server.addStreamAlias,
  server.getLicenseId,
  statusCommands.serverStatus,
  statusCommands.listSegments,
  cut,
  rules.recordRule,
  rules.removeRule,
  rules.listRules,
  retentionCommands.hold,
  retentionCommands.release,
  retentionCommands.listHolds,
  retentionCommands.retention,
  upload,
  drain,
  server.subscribe,
  server.ping,
  server.version,
  server.help,
  server.quit,
];

const BY_NAME: ReadonlyMap<string, Command> = new Map(COMMANDS.map((command) => [command.name.toLowerCase(), command]));

/** Names of commands match in any case. */
export function findCommand(name: string): Command | undefined {
  return BY_NAME.get(name.toLowerCase());
}
