// Publishers of MPEG-TS over TCP. Each connection is an in-stream.

import { TsTcpServer } from "../../ingest/mpegts/ts-tcp-server.js";
import { Type } from "../schema-type.js";
import { defineListener } from "./listener-entry.js";

/** ts1, ts2, … */
const DEFAULT_STREAM_NAME = "ts{n}";

export const listenTs = defineListener({
  description: "MPEG-TS over TCP publishers",
  carries: "media",
  defaultAddress: "off",
  title: "MPEG-TS publishers",
  options: {
    streamName: Type.Optional(
      Type.String({ description: "name of a connection's stream; {port} and {n} are replaced" }),
    ),
  },
  create({ ingest }, address, { streamName = DEFAULT_STREAM_NAME }) {
    const server = new TsTcpServer({ ...ingest, streamName });
    return { open: () => server.listen(address), close: () => server.close() };
  },
});
