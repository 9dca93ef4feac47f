// The dashboard in Chromium, on a real server with ffmpeg publishers: login, each page, the forms, what changes while
// it is looked at, playback of what grows and of what is finished, viewers, dark and phone layouts.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FoundSegment } from "../../src/catalog/catalog-segment.js";
import type { RecorderEvents } from "../../src/recording/recorder-events.js";
import type { ReelServer } from "../../src/server/server.js";
import { makeClip } from "../support/clip.js";
import { DashboardBrowser, go, seriousFindings } from "../support/dashboard-browser.js";
import { effort } from "../support/effort.js";
import { ffprobe } from "../support/ffprobe.js";
import { startHttpServer } from "../support/http-server.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const TOKEN = "owner-token-of-this-test";
const VIEWER = { user: "eve", password: "looks" };
/** A deadline, not a duration. */
const SOON = { timeout: 20_000 };
const PAGES = ["#/now", "#/streams/cam1", "#/recordings", "#/configs", "#/events", "#/system"];
/** The colours are the same on all pages: in torture each is looked at in both, otherwise some in the dark one. */
const COLOURS = (["light", "dark"] as const).slice(0, effort(1, 2));
const DARK_PAGES = PAGES.slice(0, effort(2, PAGES.length));

const { path } = scratch();
let server: ReelServer;
let browser: DashboardBrowser;
let page: Page;

beforeAll(async () => {
  server = await startHttpServer(path("."), {
    listeners: { rtmp: "127.0.0.1:0" },
    control: { token: TOKEN, viewers: [VIEWER] },
  });
  const input = await makeClip({ seconds: 4 });
  // Finished files, of before the page is opened.
  for (const type of ["mp4", "ts"] as const)
    await server.recorder.record({ localStreamName: "short", pathToFile: "short", type, keepAlive: false });
  // Three files, the last of them behind a gap.
  await server.recorder.record({ localStreamName: "door", pathToFile: "door", type: "mp4", chunkLength: 1 });
  const door = { url: url("door"), input: await makeClip({ seconds: 1 }) };
  await Promise.all([
    publishWithFfmpeg({ url: url("short"), input, speed: 4 }).exited,
    publishWithFfmpeg({ ...door, input: await makeClip() }).exited,
  ]);
  await filesOf("door", 2);
  const gapBegan = Date.now();
  await until("a gap of half a second", () => Date.now() - gapBegan > 500);
  await publishWithFfmpeg(door).exited;
  await filesOf("door", 3);
  await server.recorder.record({ localStreamName: "cam1", pathToFile: "cam1", type: "mp4" });
  publishWithFfmpeg({ url: url("cam1"), input, loops: -1 });
  browser = await DashboardBrowser.open(`http://${server.addresses.http}/`);
  page = await browser.visit();
});

afterAll(async () => {
  await browser?.close();
  await stopPublishers();
  await server.close();
});

function url(stream: string): string {
  return `rtmp://${server.addresses.rtmp}/live/${stream}`;
}

/** Waits for so many finished files of a stream. */
function filesOf(stream: string, count: number): Promise<FoundSegment[]> {
  return until(`${count} files of ${stream}`, async () => {
    const { segments } = await server.recorder.catalog.query({ stream, state: "finished" });
    return segments.length >= count && segments;
  });
}

function row(name: string) {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
}

/** Seconds of the first video of the page. */
function playedTo(): Promise<number> {
  return page.evaluate<number>("document.querySelector('video')?.currentTime ?? -1");
}

/** As a field for a time wants it; the browser has the zone of this process. */
function localTime(ms: number): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

/** Waits until the video plays on behind `from`. */
async function plays(from: number): Promise<number> {
  return until(`the video plays beyond ${from} s`, async () => {
    const seconds = await playedTo();
    return seconds > from && seconds;
  });
}

describe("the login", () => {
  it("refuses wrong credentials in words, and lets right ones in by a cookie that no script reads", async () => {
    await page.getByLabel("Password or token").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await expect.poll(() => page.getByRole("alert").textContent(), SOON).toContain("not right");
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel("Password or token").fill(TOKEN);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Now" }).waitFor();
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(await page.context().cookies()).toMatchObject([{ httpOnly: true, sameSite: "Strict" }]);
  });
});

describe("Now", () => {
  it("shows what a stream brings and what is made of it, and filters", async () => {
    await expect.poll(() => row("cam1").textContent(), SOON).toMatch(/H\.264 \+ AAC.*320×240.*\d+ kb\/s.*mp4/);
    await page.getByRole("searchbox").fill("nothing like it");
    await page.getByText("No stream fits the filter").waitFor();
    await page.getByRole("searchbox").fill("");
    await page.getByText("Live", { exact: true }).waitFor();
  });

  it("orders a recording by a form that shows its command, and shows the stream when it comes, untouched", async () => {
    await page.getByRole("button", { name: "Record", exact: true }).click();
    await page.getByLabel("Stream", { exact: true }).fill("cam2");
    await page.getByLabel("Container").selectOption("ts");
    await page.getByLabel("Minutes per file").fill("0.05");
    expect(await page.getByRole("dialog").locator("code").textContent()).toBe(
      "record localStreamName=cam2 pathToFile=cam2 type=ts chunkLength=3",
    );
    await page.getByRole("dialog").getByRole("button", { name: "Record", exact: true }).click();
    await expect.poll(() => row("cam2").textContent(), SOON).toContain("waiting");
    publishWithFfmpeg({ url: url("cam2"), input: await makeClip({ seconds: 4 }), loops: -1 });
    await expect.poll(() => row("cam2").textContent(), SOON).toMatch(/ts is recorded.*cam2/);
  });

  it("says in the form why the server refuses", async () => {
    await page.getByRole("button", { name: "Record", exact: true }).click();
    await page.getByLabel("Stream", { exact: true }).fill("cam3");
    await page.getByLabel("File, below the media folder").fill("/outside/of/it");
    await page.getByRole("dialog").getByRole("button", { name: "Record", exact: true }).click();
    await expect.poll(() => page.getByRole("alert").textContent(), SOON).toContain("Unable to record stream");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(() => page.evaluate("document.activeElement.matches('button.main')"), SOON).toBe(true);
  });
});

describe("a stream", () => {
  it("plays the recording that grows, and goes back to its beginning", async () => {
    await go(page, "#/streams/cam1");
    const begun = await plays(0.5);
    await plays(begun + 0.5);
    const seeked = page.evaluate<number>(
      "new Promise((done) => { const v = document.querySelector('video'); v.onseeked = () => done(v.currentTime); })",
    );
    await page.getByRole("button", { name: "From the beginning" }).click();
    expect(await seeked).toBeLessThan(0.5);
    await plays(await seeked);
    expect(server.recorder.outStreams().some(({ config }) => config.localStreamName === "cam1")).toBe(true);
  });

  it("draws its graphs, cuts the file, and lists the one that was closed", async () => {
    await expect.poll(() => page.locator(".chart canvas").count(), SOON).toBe(3);
    await page.getByRole("button", { name: "Cut now" }).click();
    expect(await page.getByRole("dialog").locator("code").textContent()).toMatch(/^cut id=\d+$/);
    await page.getByRole("dialog").getByRole("button", { name: "Cut now" }).click();
    const files = page.getByRole("region", { name: "Files" });
    await expect.poll(() => files.textContent(), SOON).toMatch(/cam1_\d+\.mp4.*growing.*cam1\.mp4.*finished/);
  });
});

describe("a stream that is stopped", () => {
  it("is recorded no more, and its file is finished", async () => {
    await go(page, "#/streams/cam2");
    await page.getByRole("button", { name: "Stop" }).click();
    expect(await page.getByRole("dialog").locator("code").textContent()).toMatch(
      /^shutdownStream id=\d+ permanently=1$/,
    );
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await page.getByText("Nothing records it now.").waitFor();
    await filesOf("cam2", 1);
    expect(server.recorder.configs().some(({ config }) => config.localStreamName === "cam2")).toBe(false);
  });

  it("has a ledger of its gaps, told as they come", async () => {
    await go(page, "#/streams/door");
    const gaps = page.getByRole("region", { name: "Gaps" });
    await expect.poll(() => gaps.textContent(), SOON).toContain("The server remembers none");
    const gap = { cause: "lag", track: null, dtsMs: 0, durationMs: 2000, frames: 1234, bytes: 5e6 } as const;
    const place = { localStreamName: "door", path: "/media/door_x.mp4", configId: 1, outStreamId: 1, sequence: 1 };
    server.recorder.emit("gap", gap, place as unknown as RecorderEvents["gap"][1]);
    await expect.poll(() => gaps.textContent(), SOON).toMatch(/lag2\.0 s1,2345\.00 MBdoor_x\.mp4/);
  });
});

describe("Recordings", () => {
  it("plays finished files, MP4 by the browser itself", async () => {
    await go(page, "#/recordings");
    await page.getByRole("button", { name: "Play short.mp4" }).click();
    await plays(0.3);
    expect(await page.evaluate("document.querySelector('video').src")).toContain("/media/short.mp4");
    await page.keyboard.press("Escape");
  });

  it("plays finished MPEG-TS", async () => {
    await page.getByRole("button", { name: "Play short.ts" }).click();
    await plays(0.3);
    expect(await page.evaluate("document.querySelector('video').src")).toMatch(/^blob:/);
    await page.keyboard.press("Escape");
  });

  it("plays from the line of time, where it was clicked", async () => {
    await page
      .locator(".timeline")
      .getByRole("button", { name: /^Play cam1/ })
      .first()
      .click();
    await plays(0.3);
    await page.keyboard.press("Escape");
  });

  it("exports a clip as a file", async () => {
    await page.getByRole("button", { name: "Export a clip" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Stream").selectOption("short");
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByText("Download").click()]);
    expect(download.suggestedFilename()).toMatch(/^short_.*\.mp4$/);
    expect(await download.failure()).toBeNull();
    await page.keyboard.press("Escape");
  });

  it("exports a clip of three files and the gap between them, which plays beyond the gap", async () => {
    const files = await filesOf("door", 3);
    const [first, second, third] = files as [FoundSegment, FoundSegment, FoundSegment];
    const gapMs = third.startedMs - second.startedMs - second.durationMs;
    expect(gapMs).toBeGreaterThan(100);
    await page.getByRole("button", { name: "Export a clip" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Stream").selectOption("door");
    const fromMs = Math.floor(first.startedMs / 1000) * 1000;
    await dialog.getByLabel("From").fill(localTime(fromMs));
    await dialog.getByLabel("To").fill(localTime(Math.ceil((third.startedMs + third.durationMs) / 1000) * 1000));
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByText("Download").click()]);
    const { video, durationMs } = await ffprobe(await download.path());
    expect(video?.packets).toHaveLength(75);
    expect(durationMs).toBeGreaterThan(3000 + gapMs);
    // The browser plays it from where the link leads.
    await page.evaluate(`(() => {
      const video = document.createElement("video");
      Object.assign(video, { muted: true, src: ${JSON.stringify(download.url())} });
      document.querySelector("dialog").prepend(video);
      video.playbackRate = 4;
      return video.play();
    })()`);
    await plays((third.startedMs - fromMs) / 1000 + 0.5);
    await page.keyboard.press("Escape");
  });

  it("deletes a file once that is confirmed", async () => {
    await page.getByRole("button", { name: "Delete short.ts" }).click();
    await page.getByRole("button", { name: "Keep" }).click();
    expect(await page.getByRole("button", { name: "Delete short.ts" }).count()).toBe(1);
    await page.getByRole("button", { name: "Delete short.ts" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => page.getByRole("button", { name: "Delete short.ts" }).count(), SOON).toBe(0);
    const { segments } = await server.recorder.catalog.query({ stream: "short" });
    expect(segments.map(({ container, state }) => `${container} ${state}`).sort()).toEqual([
      "mp4 finished",
      "ts deleted",
    ]);
  });
});

describe("Configs", () => {
  it("adds a pull, shows why it fails and when it is tried again, and removes it", async () => {
    await go(page, "#/configs");
    await page.getByRole("button", { name: "Pull" }).click();
    await page.getByLabel("Address").fill("rtsp://root:hidden-word@127.0.0.1:9/none");
    await page.getByLabel("Name of the stream here").fill("yard");
    await page.getByRole("dialog").getByRole("button", { name: "Pull" }).click();
    const pulls = page.getByRole("region", { name: "Pull configs" });
    await expect.poll(() => pulls.textContent(), SOON).toMatch(/yard.*ECONNREFUSED.*within/);
    expect(await page.content()).not.toContain("hidden-word");
    await go(page, "#/now");
    await expect
      .poll(() => row("yard").locator(".sub").getAttribute("title"), SOON)
      .toBe("to be pulled from rtsp://127.0.0.1:9");
    // What does not fit ends with an ellipsis.
    const cut = await page.evaluate(`(() => {
      const source = document.querySelector(".sub[title^='to be pulled']");
      return [source.scrollWidth > source.clientWidth, getComputedStyle(source).textOverflow];
    })()`);
    expect(cut).toEqual([true, "ellipsis"]);
    await go(page, "#/configs");
    await pulls.getByRole("button", { name: /^Remove config/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect.poll(() => pulls.textContent(), SOON).toContain("None");
  });
});

describe("Events and System", () => {
  it("lists what happened, filters, and shows an event as it was sent", async () => {
    await go(page, "#/events");
    await page.getByRole("searchbox").fill("segmentDeleted");
    await page.getByRole("button", { name: "segmentDeleted" }).click();
    await expect.poll(() => page.getByRole("complementary").textContent(), SOON).toContain('"cause": "request"');
  });

  it("shows the configuration without its secrets", async () => {
    await go(page, "#/system");
    await page.getByText("Can record").waitFor();
    const configuration = await page.getByRole("region", { name: "Configuration" }).textContent();
    expect(configuration).toContain('"token": "***"');
    expect(configuration).not.toContain(TOKEN);
    expect(configuration).not.toContain(VIEWER.password);
  });
});

describe("every page", () => {
  it.each(PAGES)("%s has no serious finding of axe", async (hash) => {
    await go(page, hash);
    await page.getByRole("heading", { level: 1 }).waitFor();
    for (const colorScheme of COLOURS) {
      await page.emulateMedia({ colorScheme });
      expect(await seriousFindings(page)).toEqual([]);
    }
  });

  it("fits a phone: nothing is wider than it", async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.emulateMedia({ colorScheme: "dark" });
    for (const hash of PAGES) {
      await go(page, hash);
      await page.getByRole("heading", { level: 1 }).waitFor();
      expect([hash, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([hash, 390]);
      if (DARK_PAGES.includes(hash)) expect(await seriousFindings(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it("is reached by keyboard, and tells the server's time beside the viewer's", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.getByRole("heading", { name: "Recordings" }).waitFor();
    expect(await page.title()).toBe("Recordings · Reel");
    const elsewhere = await browser.visit("#/now", {
      timezoneId: "Asia/Kathmandu",
      storageState: await page.context().storageState(),
    });
    await elsewhere.getByTitle("by the server's clock").first().waitFor();
    await elsewhere.context().close();
  });
});

// They wait for the server more than for the browser, so they share that.
describe.concurrent("pages of their own", () => {
  it("keeps few of hundreds of streams in the page, and puts what lost most on top, in red", async ({ expect }) => {
    const other = await browser.visit("#/now", {
      storageState: await page.context().storageState(),
      prepare: async (tab) => {
        await tab.route(/\/api\/streams\?node=all$/, async (route) => {
          const { streams } = (await (await route.fetch()).json()) as { streams: { recordings: object[] }[] };
          const many = Array.from({ length: 400 }, (_, i) => ({
            ...streams[0],
            ...{ id: 1000 + i, name: `s${String(i).padStart(3, "0")}` },
            recordings: streams[0]?.recordings.map((recording) => ({
              ...recording,
              losses: i === 250 ? [{ cause: "lag", gaps: 1, frames: 12, bytes: 100, durationMs: 500 }] : [],
            })),
          }));
          await route.fulfill({ json: { streams: many } });
        });
      },
    });
    const rows = other.locator(".streams .virtual-body [role=row]");
    await expect.poll(() => other.getByRole("link", { name: "s000", exact: true }).count(), SOON).toBe(1);
    expect(await rows.count()).toBeLessThan(60);
    await other.getByRole("button", { name: "Losses" }).click();
    await expect.poll(() => rows.first().textContent(), SOON).toMatch(/^s250.*12 frames/);
    expect(await rows.first().locator(".bad").count()).toBe(1);
    await other.evaluate("document.querySelector('.virtual-body').scrollTop = 1e6");
    const count = await other.locator(".streams").getAttribute("aria-rowcount");
    await expect.poll(() => rows.last().getAttribute("aria-rowindex"), SOON).toBe(count);
    expect(await rows.count()).toBeLessThan(60);
    await other.context().close();
  });

  it("lists older files of a day with many", async ({ expect }) => {
    const start = Date.now();
    const files = Array.from({ length: 450 }, (_, i) => ({
      ...{ sequence: i + 1, stream: "many", file: `/media/many_${i}.mp4`, type: "mp4", state: "finished" },
      ...{ start: new Date(start - i).toISOString(), end: new Date(start - i).toISOString(), durationMs: 1, bytes: 1 },
      ...{ gaps: 0, lost: null, isMissing: false, links: {} },
    }));
    const other = await browser.visit("#/recordings", {
      storageState: await page.context().storageState(),
      prepare: async (tab) => {
        await tab.route(/\/api\/recordings/, (route) => route.fulfill({ json: { recordings: files, cursor: null } }));
      },
    });
    const list = other.getByRole("region", { name: "Files" });
    for (const shown of [200, 400, 450]) {
      await expect.poll(() => list.locator("tbody tr").count(), SOON).toBe(shown);
      if (shown < files.length) await list.getByRole("button", { name: "Show older ones" }).click();
    }
    expect(await list.getByRole("button", { name: "Show older ones" }).count()).toBe(0);
    await other.context().close();
  });

  it("shows viewers everything and no button that changes it, and the server refuses them what they would send", async ({
    expect,
  }) => {
    const theirs = await browser.visit("#/streams/cam1");
    await theirs.getByLabel("User").fill(VIEWER.user);
    await theirs.getByLabel("Password or token").fill(VIEWER.password);
    await theirs.getByRole("button", { name: "Log in" }).click();
    await theirs.getByText("Live", { exact: true }).first().waitFor();
    await theirs.getByRole("heading", { name: "cam1" }).waitFor();
    await theirs.getByRole("region", { name: "Files" }).getByText("finished").first().waitFor();
    for (const name of ["Record", "Cut now", "Stop", /^Delete/])
      expect(await theirs.getByRole("button", { name, exact: true }).count()).toBe(0);
    const asked = await theirs.evaluate<number>(
      "fetch('/removeConfig', { method: 'POST', headers: { 'Reel-Request': 'x' }, body: '{\"id\":1}' }).then(({ status }) => status)",
    );
    expect(asked).toBe(403);
    await theirs.getByRole("button", { name: "Log out" }).click();
    await theirs.getByLabel("Password or token").waitFor();
    await theirs.context().close();
  });

  it("connects again where the channel was cut, and says so meanwhile", async ({ expect }) => {
    const channels: { close(): Promise<void> }[] = [];
    const other = await browser.visit("#/now", {
      storageState: await page.context().storageState(),
      prepare: (tab) =>
        tab.routeWebSocket(/\/ws$/, (channel) => {
          channel.connectToServer();
          channels.push(channel);
        }),
    });
    await other.getByText("Live", { exact: true }).waitFor();
    await channels[0]?.close();
    await other.getByText("Connection lost, trying again").waitFor();
    await other.getByText("Live", { exact: true }).waitFor();
    expect(channels).toHaveLength(2);
    await other.context().close();
  });
});

it("found nothing to complain of, in the browser's own words", () => {
  expect(browser.complaints).toEqual([]);
});
