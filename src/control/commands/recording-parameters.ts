// How something is recorded: the parameters that `record` and `recordRule` share, and what the recorder is told by
// them.

import { CONTAINER_NAMES } from "../../container/table.js";
import { TEMPLATE_FIELDS } from "../../recording/naming/path-template.js";
import type { RecordOptions } from "../../recording/record-config.js";
import { DEFAULT_PRIORITY, MAX_PRIORITY, RETENTION_SCOPES } from "../../recording/retention-rule.js";
import { type From, LAST_POINT } from "../../stream/past.js";
import type { Arguments, CommandContext } from "./command.js";
import {
  CommandFailure,
  choice,
  flag,
  integer,
  NO_DEFAULT,
  optionalInteger,
  optionalText,
  type Parameter,
  text,
} from "./parameter.js";

/** What `preset=1` stands for. */
const PRESET_1 = {
  type: "mp4",
  chunkLength: 1800,
  waitForIDR: true,
  dateFolderStructure: true,
} as const satisfies Partial<RecordOptions>;
const SERVER_DEFAULT = "default" as const;

/** Seconds below zero, or the name of a point. */
function from(description: string): Parameter<From | undefined> {
  return {
    ...optionalText(description),
    fallback: undefined,
    parse({ text: raw }, name) {
      const word = raw.trim();
      if (word === "") return undefined;
      if (word.toLowerCase() === LAST_POINT.toLowerCase()) return LAST_POINT;
      if (/^(-\d{1,6}(\.\d{1,3})?|0)$/.test(word)) return Math.abs(Number(word));
      throw new CommandFailure(
        `Syntax error. Parameter ${name} is invalid. It is a number of seconds such as -15, or ${LAST_POINT}`,
      );
    },
  };
}

/** Undefined where it is not given. */
function optionalFlag(description: string): Parameter<boolean | undefined> {
  const { parse, ...rest } = flag(description, false);
  return { ...rest, parse, fallback: undefined, defaultText: NO_DEFAULT };
}

/** Of a retention rule. */
function bound(description: string, max: number = Number.MAX_SAFE_INTEGER): Parameter<number | undefined> {
  return optionalInteger(`${description}; 0 = no such bound. Default: retention of reel.json.`, max);
}

/** Where files go, and what kind they are. */
export const TARGET_PARAMETERS = {
  pathToFile: text(
    `Target path and base name, below a media folder; relative paths start at the first one. May have the fields ${TEMPLATE_FIELDS.join(" ")} (of the start of each file, by the clock of zone); folders that they name are made.`,
  ),
  type: choice(
    "File type: mp4, ts or flv.",
    CONTAINER_NAMES,
    "mp4",
    "Syntax error for type parameter. Type help for details",
  ),
  overwrite: flag("0: take the next free number where the file exists. 1: replace it.", false),
};

export const RECORDING_PARAMETERS = {
  chunkLength: integer("Seconds per file; 0 = one file.", 0, 0, 999_999),
  waitForIDR: flag("Start and cut only where decoding can start.", true),
  winQtCompat: flag("Use 32-bit header fields in MP4 wherever the values fit.", true),
  dateFolderStructure: flag(
    "Treat pathToFile as a base folder for <stream>/<YYYYMMDD>/<stream>-<YYYYMMDD>-<HHMMSS>.<type>.",
    false,
  ),
  hasAudio: flag("0: record video only.", true),
  preset: integer("1: mp4 in chunks of 1800 s with waitForIDR and dateFolderStructure.", 0, 0, 99_999),
  durability: choice(
    "How hard to try to get data to the disk: none, close or interval; default is the server's.",
    [SERVER_DEFAULT, "none", "close", "interval"],
    SERVER_DEFAULT,
  ),
  from: from(
    `Begin before the command: -15 at the random access point at or before 15 s ago, ${LAST_POINT} at the newest one; preRecord of reel.json says how much is kept, and a rule with from keeps as much of its streams. Of a stream that is yet to come without effect.`,
  ),
  retainSeconds: bound("Delete its files so many seconds after their end"),
  retainBytes: bound("Keep so many bytes of its files, the newest"),
  retainSegments: bound("Keep so many of its files, the newest"),
  retainFreeBytes: bound("Delete its oldest files while its volume has fewer bytes free"),
  retainFreePercent: bound("The same, in percent of the volume", 99),
  copyTo: {
    ...optionalText("A second media folder: each finished file is copied there, under the same path."),
    fallback: undefined,
    parse: ({ text: raw }) => raw.trim() || undefined,
  } as Parameter<string | undefined>,
  manifest: optionalFlag(
    "1: write a manifest beside each file (SHA-256 of its media, chained from file to file), for reel verify --manifest. Default: recording.manifest of reel.json.",
  ),
  upload: optionalFlag(
    "1: upload its finished files to the bucket of reel.json; 0: do not. Default: upload.all of reel.json.",
  ),
  retainFor: choice(
    "Whose files the bounds count together: those of the config, of its stream whatever made them, or of all configs of its rule.",
    RETENTION_SCOPES,
    "config",
  ),
  priority: integer(
    "Recordings of the lowest priority are stopped first where a volume fills up and nothing is left to delete.",
    DEFAULT_PRIORITY,
    0,
    MAX_PRIORITY,
  ),
  zone: optionalText(
    "Whose local time pathToFile, alignTo and schedule mean, as Europe/Berlin; default: the server's.",
  ),
  alignTo: integer(
    "Cut where the local clock passes a multiple of so many seconds (a part of a day: 3600 = the full hour), at the first random access point at or after it; the event has the offset.",
    0,
    0,
    86_400,
  ),
  maxBytes: integer(
    "Cut at the first random access point behind so many bytes of media; 0 = no such bound.",
    0,
    0,
    Number.MAX_SAFE_INTEGER,
  ),
  duration: integer(
    "Seconds from the command, after which the recording ends and its config is gone; the same command again begins them anew. 0 = it stays.",
    0,
    0,
    31_622_400,
  ),
  schedule: optionalText(
    "When it records, as Mon-Fri@08:00-18:00@Europe/Berlin: days, times and a zone, lists with commas, several with semicolons; default: always.",
  ),
};

type Given = Arguments<typeof TARGET_PARAMETERS & typeof RECORDING_PARAMETERS>;

/** Throws CommandFailure where files are to be uploaded and the server does not know where to. */
export function mustHaveBucket(what: string, { upload }: Pick<Given, "upload">, { uploads }: CommandContext): void {
  if (upload && !uploads)
    throw new CommandFailure(`Unable to ${what}. upload=1 needs a bucket: see upload of reel.json`);
}

/** `pathToFile` is among them. */
export function recordingOptions(given: Given, variables: Readonly<Record<string, string>>) {
  const {
    retainSeconds,
    retainBytes,
    retainSegments,
    retainFreeBytes,
    retainFreePercent,
    retainFor,
    durability,
    ...args
  } = given;
  return {
    ...args,
    ...(args.preset === 1 ? PRESET_1 : {}),
    ...(durability === SERVER_DEFAULT ? {} : { durability }),
    retain: {
      seconds: retainSeconds,
      bytes: retainBytes,
      segments: retainSegments,
      freeBytes: retainFreeBytes,
      freePercent: retainFreePercent,
      scope: retainFor,
    },
    variables,
  } satisfies Partial<RecordOptions>;
}
