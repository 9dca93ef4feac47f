// ffmpegs that behave badly, as scripts: whatever they do, their source ends, and with it the server can.

import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import { inputOptions } from "../../../../src/ingest/ffmpeg/ffmpeg-arguments.js";
import { FfmpegTransport } from "../../../../src/ingest/ffmpeg/ffmpeg-transport.js";
import { systemClock } from "../../../../src/time/units.js";
import { sourceRequest } from "../../../support/pull-fixture.js";
import { until } from "../../../support/until.js";

const request = sourceRequest({ uri: "http://127.0.0.1:1/x", keepAlive: false });
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "reel-bad-ffmpeg-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("an ffmpeg", () => {
  it("is gone, and the transport closes, where it is a script whose child keeps the pipes open", async () => {
    const ffmpegPath = join(folder, "ffmpeg");
    const fifo = `${ffmpegPath}.fifo`;
    execFileSync("mkfifo", [fifo]);
    writeFileSync(ffmpegPath, '#!/bin/sh\ntrap "" TERM\necho started\ncat "$0.fifo" &\nwhile :; do sleep 1; done\n', {
      mode: 0o700,
    });
    const transport = new FfmpegTransport({
      maxFfmpegs: 10,
      logger: silentLogger,
      clock: systemClock,
      timeoutMs: 1000,
      ffmpegPath,
    });
    const events: string[] = [];
    const connection = transport.open(request, new URL(request.uri), {
      onConnected: () => events.push("connected"),
      onBytes: () => {},
      onClosed: (reason) => events.push(reason),
    });
    await until("it runs", () => events.length > 0);
    connection.close();
    try {
      await until("it is gone", () => transport.processCount === 0, 10_000);
      await transport.close();
      expect(events).toEqual(["connected", "closed"]);
    } finally {
      closeSync(openSync(fifo, "r+")); // the child reads this to its end
    }
  });

  it("is given the agent that was asked for, whatever its name", () => {
    for (const agent of ["constructor", "__proto__", "toString"]) {
      const options = inputOptions({ ...request, emulateUserAgent: agent }, "http", 1000);
      expect(options.slice(options.indexOf("-user_agent"))).toEqual(["-user_agent", agent]);
    }
    expect(inputOptions({ ...request, emulateUserAgent: "FMLE" }, "http", 1000).at(-1)).toBe(
      "FMLE/3.0 (compatible; FMSc/1.0)",
    );
  });
});
