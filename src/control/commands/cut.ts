// cut: a new file, now.

import { success } from "../replies/reply.js";
import { defineCommand } from "./command.js";
import { CommandFailure, optionalStreamId, optionalText, requireIdOrName } from "./parameter.js";

export const cut = defineCommand({
  name: "cut",
  description:
    "Ends the file of a recording, or of all recordings of a source, at the next random access point, and goes on in a new one.",
  parameters: {
    id: optionalStreamId("Stream id of a recording, as in listStreams; wins over localStreamName."),
    localStreamName: optionalText("Name of the source."),
  },
  shownKeys: ["configId", "localStreamName", "outStreamId"],
  reach: "stream",
  handle({ id, localStreamName }, { recorder }) {
    requireIdOrName({ id, localStreamName });
    const isMeant = ({ id: own, config }: { id: number; config: { localStreamName: string } }): boolean =>
      id === undefined ? config.localStreamName === localStreamName : own === id;
    const cutOnes = recorder.outStreams().filter((out) => isMeant(out) && recorder.cutOutStream(out.id));
    if (cutOnes.length === 0) throw new CommandFailure("No recording runs that could be cut");
    return success(
      "Files are cut",
      cutOnes.map(({ id: outStreamId, config }) => ({
        configId: config.configId,
        localStreamName: config.localStreamName,
        outStreamId,
      })),
    );
  },
});
