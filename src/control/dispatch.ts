// The one dispatch behind every transport: finds the command, runs it, answers. It never rejects: a fault
// inside becomes a FAIL and a log line. cliRequest and cliResponse are sent for every command (ems-record-spec §6.2),
// passwords masked.

import { maskProxy, maskUri } from "../base/credentials.js";
import type { Logger } from "../base/logger.js";
import type { CommandContext } from "./commands/command.js";
import { findCommand } from "./commands/command-table.js";
import type { CommandRequest } from "./commands/grammar.js";
import { CommandFailure } from "./commands/parameter.js";
import type { EventBus } from "./events/event-bus.js";
import { fail, type Reply, type Value, type ValueObject } from "./replies/reply.js";

export type DispatchContext = Omit<CommandContext, "subscribe">;

export class Dispatch {
  constructor(
    private readonly context: DispatchContext,
    private readonly bus: EventBus,
    private readonly logger: Logger,
  ) {}

  async execute(request: CommandRequest, subscribe?: CommandContext["subscribe"]): Promise<Reply> {
    this.bus.emit("cliRequest", () => requestPayload(request));
    const reply = await this.#run(request, subscribe);
    const answered = request.commandId === undefined ? reply : { ...reply, responseId: request.commandId };
    this.bus.emit("cliResponse", () => ({ ...answered }));
    return answered;
  }

  async #run(request: CommandRequest, subscribe: CommandContext["subscribe"]): Promise<Reply> {
    const command = findCommand(request.command);
    if (!command)
      return fail(`command ${maskUri(request.command.toLowerCase())} not known. Type help for list of commands`);
    try {
      return await command.run(request, { ...this.context, subscribe });
    } catch (error) {
      if (error instanceof CommandFailure) return fail(error.message);
      this.logger.warn({ err: error, command: command.name }, "a command failed inside");
      return fail(`Internal error. The server's log says what happened to ${command.name}`);
    }
  }
}

/** Parameters as typed, lists as arrays. A value that may hold a password stays text and is masked. */
function requestPayload(request: CommandRequest): ValueObject {
  const parameters: Record<string, Value> = Object.create(null);
  for (const { name, items, text } of request.parameters) {
    if (name.toLowerCase() === "httpproxy") parameters[name] = maskProxy(text);
    else parameters[name] = items.length > 1 && !text.includes("://") ? items : maskUri(text);
  }
  return { command: maskUri(request.command), parameters };
}
