// The server itself, its timers and its storage (ems-record-spec §2.8, §2.9), and subscribe, which is ours.

import { basename } from "node:path";
import { suggestion } from "../../base/nearest-name.js";
import { EVENT_TYPES, type EventType, findEventType } from "../events/event-types.js";
import { fail, listOrNull, success, type ValueObject } from "../replies/reply.js";
import { type Command, defineCommand } from "./command.js";
import { parseTimerValue } from "./command-timers.js";
import { CommandFailure, list, mandatoryId, NO_DEFAULT, optionalInteger, text } from "./parameter.js";

/**
 * EMS's Web UI refuses servers whose release, without its dots, compares below 170: this is the level whose interface
 * Reel speaks.
 */
const EMULATED_RELEASE = "2.0.0";

export const version = defineCommand({
  name: "version",
  description: "Tells the version.",
  parameters: {},
  shownKeys: ["banner", "buildDate", "buildNumber", "codeName", "releaseNumber"],
  handle: (_args, { identity }) =>
    success("Version", {
      banner: `Reel ${identity.version}, a live-stream recorder with the control interface of EvoStream Media Server ${EMULATED_RELEASE}`,
      branchName: identity.branch,
      buildDate: `${new Date(identity.buildMs).toISOString().slice(0, 19)}.000`,
      buildNumber: identity.version,
      codeName: "Reel",
      hash: identity.hash,
      releaseNumber: EMULATED_RELEASE,
    }),
});

const COMMAND_ID: ValueObject = {
  defaultValue: NO_DEFAULT,
  description: "Comes back as responseId.",
  mandatory: false,
  name: "commandId",
};

const NODE: ValueObject = {
  defaultValue: NO_DEFAULT,
  description: "Name of the node of the group that carries it out.",
  mandatory: false,
  name: "node",
};

function describe(command: Command, isInGroup: boolean): ValueObject {
  const parameters = Object.entries(command.parameters).map(([name, parameter]) => ({
    defaultValue: parameter.defaultText,
    description: parameter.description,
    mandatory: parameter.mandatory,
    name,
  }));
  return {
    command: command.name,
    deprecated: false,
    description: command.description,
    parameters: [...parameters, COMMAND_ID, ...(isInGroup && !command.isChannelOnly ? [NODE] : [])],
  };
}

export const help = defineCommand({
  name: "help",
  description: "Lists the commands.",
  parameters: {},
  shownKeys: ["command", "defaultValue", "description", "mandatory", "name", "parameters"],
  handle: (_args, { commands, group }) =>
    success(
      "Available commands",
      commands.map((command) => describe(command, group !== undefined)),
    ),
});

export const ping = defineCommand({
  name: "ping",
  description: "Answers, and nothing else. For clients that want to know whether their connection still stands.",
  parameters: {},
  isQuiet: true,
  handle: () => success("Pong", null),
});

export const quit = defineCommand({
  name: "quit",
  description: "Ends the connection.",
  parameters: {},
  handle: () => success("Bye!", null),
});

export const setTimer = defineCommand({
  name: "setTimer",
  description: "Arms a timer that sends timerTriggered events.",
  parameters: {
    value: text("Seconds between triggers (1-86399), or HH:MM:SS, or YYYY-MM-DDTHH:MM:SS, both UTC, for one trigger."),
  },
  takesVariables: true,
  handle({ value }, { timers, clock }, variables) {
    const parsed = parseTimerValue(value, clock.wallMs());
    if (!parsed && /^\d+$/.test(value))
      throw new CommandFailure("Syntax error. Parameter value is invalid. Range: 1 - 86399");
    if (!parsed) throw new CommandFailure("Syntax error. Parameter value is invalid");
    const timer = timers.set(parsed, variables);
    if (!timer) throw new CommandFailure("Unable to set timer. There are too many; remove some with removeTimer");
    return success("Custom timer enqueued", timer);
  },
});

export const listTimers = defineCommand({
  name: "listTimers",
  description: "Lists the armed timers.",
  parameters: {},
  handle: (_args, { timers }) => success("List of armed timers", listOrNull(timers.list())),
});

export const removeTimer = defineCommand({
  name: "removeTimer",
  description: "Disarms a timer.",
  parameters: { id: mandatoryId("Timer id.") },
  handle({ id }, { timers }) {
    const timer = timers.remove(id);
    return timer ? success("Timer removed", timer) : fail("Timer not found");
  },
});

export const listStorage = defineCommand({
  name: "listStorage",
  description: "Lists the media folders.",
  parameters: {},
  handle: (_args, { recorder }) =>
    success(
      "Available storages",
      listOrNull(
        recorder.mediaFolders.map((mediaFolder) => ({
          description: "Media folder of recordings",
          mediaFolder,
          name: basename(mediaFolder) || mediaFolder,
        })),
      ),
    ),
});

export const getLicenseId = defineCommand({
  name: "getLicenseId",
  description: "Answers what EMS's Web UI asks for; Reel needs no license.",
  parameters: {},
  handle: (_args, { identity }) => success("getLicenseId", { licenseId: identity.licenseId }),
});

export const addStreamAlias = defineCommand({
  name: "addStreamAlias",
  description: "Always fails: aliases guard playback, and Reel has none.",
  parameters: { localStreamName: text("Stream name."), aliasName: text("Alias.") },
  handle: () => fail("Unable to set stream alias"),
});

export const subscribe = defineCommand({
  name: "subscribe",
  description: "Sends events over this WebSocket connection from now on; again replaces the choice.",
  parameters: {
    events: list("Types of events, separated by commas; all where not given."),
    since: optionalInteger(
      "Sequence of the last recordChunkClosed or segmentDeleted seen: those that were missed come first.",
      Number.MAX_SAFE_INTEGER,
    ),
  },
  isChannelOnly: true,
  async handle({ events, since }, context) {
    if (!context.subscribe)
      throw new CommandFailure("subscribe needs the WebSocket channel: ws://<host>:<http port>/ws");
    const types = new Set<EventType>();
    for (const name of events) {
      const type = findEventType(name);
      if (!type)
        throw new CommandFailure(
          `Syntax error. Parameter events is invalid. There is no event ${name}${suggestion(name, EVENT_TYPES)}; ` +
            `known are ${EVENT_TYPES.join(", ")}`,
        );
      types.add(type);
    }
    if (types.size === 0) for (const type of EVENT_TYPES) types.add(type);
    const subscribed = await context.subscribe({ types, since });
    return success("Subscribed", { events: [...subscribed.types], since: subscribed.since });
  },
});
