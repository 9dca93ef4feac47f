// What a command is: one entry of the command table (command-table.ts). Parsing, validation, help, human-readable
// replies and the reference all derive from it.

import type { ControlView } from "../control-view.js";
import type { EventSubscription, Subscribed } from "../events/event-types.js";
import type { GroupPort } from "../group/group-port.js";
import type { Reach } from "../group/reach.js";
import type { Reply } from "../replies/reply.js";
import type { CommandTimers } from "./command-timers.js";
import type { CommandRequest, RawParameter } from "./grammar.js";
import { CommandFailure, type Parameter } from "./parameter.js";
import { readVariables, type Variables } from "./user-variables.js";

// biome-ignore format: one line says it
export type Arguments<P> = { readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never };
export type ParameterTable = Readonly<Record<string, Parameter<unknown>>>;

/** What handlers work on. */
export interface CommandContext extends ControlView {
  readonly timers: CommandTimers;
  /** The table itself, for help. */
  readonly commands: readonly Command[];
  readonly identity: ServerIdentity;
  /** undefined where the server is alone. */
  readonly group: GroupPort | undefined;
  /** Subscribes the connection that the command came by; undefined on channels that carry no events. */
  readonly subscribe: ((subscription: EventSubscription) => Promise<Subscribed>) | undefined;
}

/** What version and getLicenseId answer. */
export interface ServerIdentity {
  readonly version: string;
  /** Unix milliseconds. */
  readonly buildMs: number;
  readonly branch: string;
  readonly hash: string;
  readonly licenseId: string;
}

export interface Command {
  readonly name: string;
  readonly description: string;
  readonly parameters: ParameterTable;
  /** Takes user variables (`_x`). */
  readonly takesVariables: boolean;
  /** Keys that human-readable replies show; undefined = all (spec §5). */
  readonly shownKeys: readonly string[] | undefined;
  /** True for a command that only the WebSocket channel carries. */
  readonly isChannelOnly: boolean;
  /** True for one that nobody is told of (cliRequest, cliResponse), and that keeps no login from standing idle. */
  readonly isQuiet: boolean;
  /** Which nodes of a group carry it out. */
  readonly reach: Reach;
  run(request: CommandRequest, context: CommandContext): Reply | Promise<Reply>;
}

interface Definition<P extends ParameterTable> {
  name: string;
  description: string;
  parameters: P;
  takesVariables?: boolean;
  shownKeys?: readonly string[];
  isChannelOnly?: boolean;
  isQuiet?: boolean;
  reach?: Reach;
  handle(args: Arguments<P>, context: CommandContext, variables: Variables): Reply | Promise<Reply>;
}

export function defineCommand<P extends ParameterTable>(definition: Definition<P>): Command {
  const { name, description, parameters, takesVariables = false, shownKeys } = definition;
  const { isChannelOnly = false, isQuiet = false, reach = "here" } = definition;
  return {
    name,
    description,
    parameters,
    takesVariables,
    shownKeys,
    isChannelOnly,
    isQuiet,
    reach,
    run: (request, context) =>
      definition.handle(
        parseArguments(parameters, request),
        context,
        takesVariables ? readVariables(request.parameters) : {},
      ),
  };
}

/** Values by canonical name. Unknown parameters are ignored; if one is repeated, the last counts. */
function parseArguments<P extends ParameterTable>(table: P, request: CommandRequest): Arguments<P> {
  const hasMandatory = Object.values(table).some((parameter) => parameter.mandatory);
  if (hasMandatory && !request.hasArguments) throw new CommandFailure("Syntax error. No parameters provided");
  const given = new Map<string, RawParameter>();
  for (const raw of request.parameters) given.set(raw.name.toLowerCase(), raw);
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(table)) {
    const raw = given.get(name.toLowerCase());
    if (raw?.isUnusable || (!raw && parameter.mandatory))
      throw new CommandFailure(`Syntax error. Parameter ${name} is invalid`);
    values[name] = raw ? parameter.parse(raw, name) : parameter.fallback;
  }
  return values as Arguments<P>;
}
