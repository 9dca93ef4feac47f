// No server at all, but what each one has to do: bytes from sockets into files (bare-process.ts). What it costs is the
// kernel's, and a floor for all.

import { readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RecordingServer, ServerProcess, untilQuiet, waitFor } from "./recording-server.js";

const PROGRAM = fileURLToPath(new URL("bare-process.ts", import.meta.url));

export const bare: RecordingServer = {
  name: "bare",
  types: ["flv"],
  missing: () => undefined,
  async start({ folder }) {
    const media = join(folder, "media");
    await mkdir(media);
    const server = new ServerProcess(process.execPath, [...process.execArgv, PROGRAM, media], { cwd: process.cwd() });
    await waitFor("bytes are taken", server, () => server.output.trim() !== "");
    return {
      title: "bytes from socket to file, no more",
      pid: server.pid,
      port: Number(server.output),
      app: "live",
      hasFrames: false,
      // Its files are numbered, not named: all of them are the first stream's.
      filesOf: (stream) => (Number(stream.slice(1)) === 0 ? readdirSync(media).map((name) => join(media, name)) : []),
      growingFile: () => undefined,
      settled: () => untilQuiet(media),
      stop: () => server.stop("SIGKILL"),
    };
  },
};
