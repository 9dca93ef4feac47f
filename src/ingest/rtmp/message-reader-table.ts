// The message reader of each codec. One that RTMP cannot carry has none.

import type { CodecName } from "../../media/codec/codec-entry.js";
import { H264MessageReader } from "./h264-message-reader.js";
import type { MessageReader, MessageReaderContext } from "./message-reader.js";
import { WholeMessageReader } from "./whole-message-reader.js";

export const MESSAGE_READERS: Readonly<Record<CodecName, ((context: MessageReaderContext) => MessageReader) | null>> = {
  h264: (context) => new H264MessageReader(context),
  aac: (context) => new WholeMessageReader(context),
};
