// record (ems-record-spec §2.1). The recorder carries it out; this file has the parameters, the reply and the failures.

import { ReelError } from "../../base/reel-error.js";
import { CONTAINER_NAMES } from "../../container/table.js";
import type { RecordOptions } from "../../recording/record-config.js";
import { recordSettings } from "../replies/config-object.js";
import { success } from "../replies/reply.js";
import { defineCommand } from "./command.js";
import { CommandFailure, choice, flag, integer, text } from "./parameter.js";

/** What `preset=1` stands for. */
const PRESET_1 = {
  type: "mp4",
  chunkLength: 1800,
  waitForIDR: true,
  dateFolderStructure: true,
} as const satisfies Partial<RecordOptions>;
const SERVER_DEFAULT = "default" as const;

export const record = defineCommand({
  name: "record",
  description: "Records a live stream to files. The stream need not exist yet: the recording begins with it.",
  parameters: {
    localStreamName: text("Exact name of the stream to record."),
    pathToFile: text("Target path and base name, below a media folder; relative paths start at the first one."),
    type: choice(
      "File type: mp4, ts or flv.",
      CONTAINER_NAMES,
      "mp4",
      "Syntax error for type parameter. Type help for details",
    ),
    overwrite: flag("0: take the next free number where the file exists. 1: replace it.", false),
    keepAlive: flag("Keep the config, record again whenever the stream is available, also after a restart.", true),
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
  },
  takesVariables: true,
  shownKeys: ["chunkLength", "configId", "localStreamName", "pathToFile", "type"],
  async handle({ durability, ...args }, context, variables) {
    const options: RecordOptions = { ...args, ...(args.preset === 1 ? PRESET_1 : {}), variables };
    if (durability !== SERVER_DEFAULT) options.durability = durability;
    try {
      const entry = await context.recorder.record(options);
      return success("Recording Stream", recordSettings(entry.config, entry.computedPathToFile, context.mp4BinPath));
    } catch (error) {
      if (error instanceof ReelError)
        throw new CommandFailure(`Unable to record stream. ${error.message}`, { cause: error });
      throw error;
    }
  },
});
