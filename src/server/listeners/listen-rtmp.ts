// RTMP publishers.

import { RtmpServer } from "../../ingest/rtmp/rtmp-server.js";
import { Type } from "../schema-type.js";
import { defineListener } from "./listener-entry.js";

export const listenRtmp = defineListener({
  description: "RTMP publishers",
  carries: "media",
  defaultAddress: "127.0.0.1:1935",
  title: "RTMP publishers",
  options: {
    publishKeys: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'stream name (or "*") → key that publishers give as ?key=…',
      }),
    ),
  },
  create({ ingest, limits }, address, { publishKeys }) {
    const server = new RtmpServer({
      ...ingest,
      options: { publishKeys, maxConnections: limits.rtmpConnections, maxPublishes: limits.publishesPerConnection },
    });
    return {
      open: () => server.listen(address),
      close: () => server.close(),
      setPublishKeys: (keys) => server.setPublishKeys(keys),
    };
  },
});
