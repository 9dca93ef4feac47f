// hls.js in headless Chromium plays what grows, MP4 or MPEG-TS: from its live end, back from its beginning, and on when
// the file has been finished and the next one grows.

import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { ContainerName } from "../../src/container/table.js";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import type { ReelServer } from "../../src/server/server.js";
import { type Chromium, openChromium } from "../support/chromium.js";
import { makeClip } from "../support/clip.js";
import { isTorture } from "../support/effort.js";
import { startHttpServer } from "../support/http-server.js";
import { publishLooped } from "../support/looped-publisher.js";
import { PlayerPage, type PlayerReport } from "../support/player-page.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const { path } = scratch();
let server: ReelServer;
let page: PlayerPage | undefined;
let browser: Chromium | undefined;
let isOver = false;

beforeAll(async () => {
  server = await startHttpServer(path("."), { listeners: { rtmp: "127.0.0.1:0" } });
});
afterEach(async () => {
  isOver = true;
  await browser?.close();
  await page?.close();
});
afterAll(() => server.close());

/** Waits for a report of the player behind the first `from`; a fatal error of the player ends the wait. */
function reported(from: number, what: string, is: (report: PlayerReport) => boolean): Promise<PlayerReport> {
  return until(
    what,
    () => {
      const fatal = page?.reports.find((report) => report.what === "fatal");
      if (fatal) throw new Error(`the player gave up: ${JSON.stringify(page?.reports.slice(-20))}`);
      return page?.reports.slice(from).find(is);
    },
    60_000,
  );
}

/** MPEG-TS takes as long again. */
const TYPES: readonly ContainerName[] = isTorture ? ["mp4", "ts"] : ["mp4"];

it.each(TYPES)(
  "plays growing %s, rewinds to its beginning, and goes on over the cut",
  { timeout: 240_000 },
  async (type) => {
    isOver = false;
    const tags = [...parseFlvFile(await readFile(await makeClip({ seconds: 2, video: { bFrames: 2 } })))];
    await server.recorder.record({ localStreamName: type, pathToFile: type, type, chunkLength: 5 });
    const publishing = publishLooped(`rtmp://${server.addresses.rtmp}/live/${type}`, tags, () => isOver);
    page = await PlayerPage.start(`http://${server.addresses.http}`, `/hls/${type}/index.m3u8`);
    browser = await openChromium(page.url);
    // It is recorded all the while.
    await reported(0, "playing", ({ what }) => what === "playing");
    const begun = await reported(0, "half a second of progress", ({ what, time }) => what === "time" && time > 0.5);
    const before = page.reports.length;
    await reported(before, "more than two seconds", ({ time }) => time > 2);
    expect(server.recorder.outStreams()).toHaveLength(1);

    const rewound = page.reports.length;
    page.run("v.currentTime = 0.1");
    await reported(rewound, "the seek", ({ what, time }) => what === "seeked" && time < 1);
    await reported(
      rewound,
      "progress from the beginning",
      ({ what, time }) => what === "time" && time > 0.6 && time < 2,
    );

    // Beyond 5 s the next file plays, behind a discontinuity.
    const onward = page.reports.length;
    page.run("v.currentTime = 4");
    await reported(onward, "the second file", ({ time }) => time > 5.5);
    const { segments } = await server.recorder.catalog.query({ stream: type });
    expect(segments[0]?.state).toBe("finished");
    expect(segments.length).toBeGreaterThan(1);
    expect(page.reports.filter(({ what }) => what === "fatal")).toEqual([]);
    expect(begun.time).toBeGreaterThan(0.5);
    isOver = true;
    await publishing;
  },
);
