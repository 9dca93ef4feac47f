// RTMP publishers over TLS, with the certificate of the `tls` section and the publish keys of RTMP.

import { createServer } from "node:tls";
import { ReelError } from "../../base/reel-error.js";
import { RtmpServer } from "../../ingest/rtmp/rtmp-server.js";
import { defineListener } from "./listener-entry.js";

const HANDSHAKE_MS = 10_000;

export const listenRtmps = defineListener({
  description: "RTMP publishers over TLS",
  carries: "media",
  defaultAddress: "off",
  title: "RTMPS publishers",
  showAddress: (address) => `rtmps://${address}`,
  options: {},
  create({ ingest, limits, tls, publishKeys }, address) {
    if (!tls)
      throw new ReelError("badArgument", "RTMPS needs a certificate: set tls.certificate and tls.key in reel.json");
    const server = new RtmpServer({
      ...ingest,
      options: { publishKeys, maxConnections: limits.rtmpConnections, maxPublishes: limits.publishesPerConnection },
      createServer: () => {
        const secure = createServer({ ...tls.pair, handshakeTimeout: HANDSHAKE_MS });
        secure.maxConnections = limits.rtmpConnections;
        tls.keepRenewed(secure);
        return secure;
      },
    });
    return {
      open: () => server.listen(address),
      close: () => server.close(),
      setPublishKeys: (keys) => server.setPublishKeys(keys),
    };
  },
});
