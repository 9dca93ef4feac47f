// The one dispatch behind every transport: finds the command, runs it, answers. It never rejects: a fault
// inside becomes a FAIL and a log line. cliRequest and cliResponse are sent for every command (ems-record-spec §6.2)
// but a quiet one, passwords masked. What is refused, and what is ignored, has a line in the log.

import { maskCredentials, maskProxy, maskUri } from "../base/credentials.js";
import { LogLimit } from "../base/log-limit.js";
import type { Logger } from "../base/logger.js";
import { suggestion } from "../base/nearest-name.js";
import type { Command, CommandContext } from "./commands/command.js";
import { findCommand } from "./commands/command-table.js";
import type { CommandRequest } from "./commands/grammar.js";
import { CommandFailure } from "./commands/parameter.js";
import type { EventBus } from "./events/event-bus.js";
import { GroupDispatch } from "./group/group-dispatch.js";
import { fail, type Reply, type Value, type ValueObject } from "./replies/reply.js";

export type DispatchContext = Omit<CommandContext, "subscribe">;

const REFUSED_LINES_PER_SECOND = 20;
/** Names come from outside, and there are no more than so many mistakes to learn from. */
const MAX_IGNORED_NAMES = 200;

export class Dispatch {
  readonly #refusals: LogLimit;
  /** Command and parameter, each told once. */
  readonly #ignored = new Set<string>();
  readonly #group: GroupDispatch | undefined;

  constructor(
    private readonly context: DispatchContext,
    private readonly bus: EventBus,
    private readonly logger: Logger,
  ) {
    this.#refusals = new LogLimit(context.clock, REFUSED_LINES_PER_SECOND);
    this.#group = context.group && new GroupDispatch(context.group, (request) => this.#runHere(request));
  }

  async execute(request: CommandRequest, subscribe?: CommandContext["subscribe"]): Promise<Reply> {
    const isTold = !findCommand(request.command)?.isQuiet;
    if (isTold) this.bus.emit("cliRequest", () => requestPayload(request));
    const reply = await this.#run(request, subscribe);
    if (reply.status === "FAIL") this.#tellRefusal(request.command, reply.description);
    const answered = request.commandId === undefined ? reply : { ...reply, responseId: request.commandId };
    if (isTold) this.bus.emit("cliResponse", () => ({ ...answered }));
    return answered;
  }

  #tellRefusal(command: string, reason: string): void {
    this.#refusals.pass((suppressed) =>
      this.logger.info({ command: maskUri(command), reason: maskCredentials(reason), suppressed }, "command refused"),
    );
  }

  /** EMS ignores unknown parameters, and clients send obsolete ones; a mistyped one should still be found. */
  #tellIgnored(command: Command, request: CommandRequest): void {
    for (const name of unknownParameters(command, request)) {
      if (this.#group && name.toLowerCase() === "node") continue;
      const key = `${command.name} ${name.toLowerCase()}`;
      if (this.#ignored.has(key) || this.#ignored.size >= MAX_IGNORED_NAMES) continue;
      this.#ignored.add(key);
      const nearest = suggestion(name, Object.keys(command.parameters));
      this.logger.info({ command: command.name, parameter: maskUri(name) }, `parameter ignored${nearest}`);
    }
  }

  async #run(request: CommandRequest, subscribe: CommandContext["subscribe"]): Promise<Reply> {
    const command = findCommand(request.command);
    if (!command)
      return fail(`command ${maskUri(request.command.toLowerCase())} not known. Type help for list of commands`);
    this.#tellIgnored(command, request);
    // What belongs to one connection is carried out where that is.
    return this.#group && !command.isChannelOnly
      ? this.#group.run(command, request)
      : this.#runHere(request, subscribe);
  }

  async #runHere(request: CommandRequest, subscribe?: CommandContext["subscribe"]): Promise<Reply> {
    const command = findCommand(request.command);
    if (!command) return fail(`command ${maskUri(request.command)} is not one of this node's version`);
    try {
      return await command.run(request, { ...this.context, subscribe });
    } catch (error) {
      if (error instanceof CommandFailure) return fail(error.message);
      this.logger.warn({ err: error, command: command.name }, "a command failed inside");
      return fail(`Internal error. The server's log says what happened to ${command.name}`);
    }
  }
}

/** The names of a request that its command does not take. */
export function unknownParameters(command: Command, request: CommandRequest): string[] {
  const known = new Set(["commandid", ...Object.keys(command.parameters).map((name) => name.toLowerCase())]);
  return request.parameters
    .map(({ name }) => name)
    .filter((name) => !known.has(name.toLowerCase()) && !(command.takesVariables && name.startsWith("_")));
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
