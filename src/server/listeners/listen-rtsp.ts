// RTSP publishers (ANNOUNCE and RECORD), with the publish keys of RTMP.

import { RtspServer } from "../../ingest/rtsp/rtsp-server.js";
import { defineListener } from "./listener-entry.js";

export const listenRtsp = defineListener({
  description: "RTSP publishers",
  carries: "media",
  defaultAddress: "127.0.0.1:8554",
  title: "RTSP publishers",
  showAddress: (address) => `rtsp://${address}`,
  options: {},
  create({ ingest, limits, publishKeys }, address) {
    const server = new RtspServer({ ...ingest, options: { publishKeys, maxConnections: limits.rtspConnections } });
    return {
      open: () => server.listen(address),
      close: () => server.close(),
      setPublishKeys: (keys) => server.setPublishKeys(keys),
    };
  },
});
