// The servers that the benchmarks know, by the names of their command line.

import { bare } from "./bare.js";
import { nginxRtmp } from "./nginx-rtmp.js";
import { nodeMediaServer } from "./node-media-server.js";
import type { RecordingServer, RecordType } from "./recording-server.js";
import { reel, reelIngest, reelManifest } from "./reel.js";

const SERVERS: readonly RecordingServer[] = [
  reel,
  reelManifest,
  reelIngest(1),
  reelIngest(2),
  nginxRtmp("auto"),
  nginxRtmp("1"),
  nodeMediaServer,
  bare,
];

export interface Contestant {
  server: RecordingServer;
  type: RecordType;
}

/**
 * Each server with each type of `types` that it records, or else its own. One that is not installed is left out and
 * named, with the command that installs it, and the run ends with an exit code other than 0.
 */
export function contestants(names: readonly string[], types: readonly RecordType[]): Contestant[] {
  return names.flatMap((name) => {
    const server = SERVERS.find((candidate) => candidate.name === name);
    if (!server) throw new Error(`no server ${name}; there are ${SERVERS.map((known) => known.name).join(", ")}`);
    const missing = server.missing();
    if (missing !== undefined) {
      console.error(`left out, missing: ${missing}`);
      process.exitCode = 3;
      return [];
    }
    const own = types.filter((type) => server.types.includes(type));
    return (own.length > 0 ? own : server.types.slice(0, 1)).map((type) => ({ server, type }));
  });
}
