// Makes assets/dashboard-*.png, the pictures of the README: a real server with publishers of ffmpeg's test pictures, in
// Debian's Chromium. `npm run build && node scripts/dashboard-pictures.mjs`; with a folder behind it, one picture of
// every page, light, dark and on a phone, goes there.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { connect } from "../dist/client/control-client.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const [everything] = process.argv.slice(2);
const RECORD_MS = 75_000;
/** Name, size, frames a second, container, seconds of a file. */
const STREAMS = [
  ["entrance", "640x360", 25, "mp4", 20],
  ["loading-dock", "640x360", 25, "mp4", 20],
  ["car-park-north", "480x270", 15, "mp4", 30],
  ["car-park-south", "480x270", 15, "mp4", 30],
  ["studio-a", "640x360", 25, "ts", 600],
  ["studio-b", "320x180", 25, "flv", 600],
];
const PAGES = ["now", "streams/entrance", "recordings", "configs", "events", "system"];

const folder = mkdtempSync(join(tmpdir(), "reel-pictures-"));
const children = [];

function start(program, args, options = {}) {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], { stdio: "ignore", ...options });
  children.push(child);
  return child;
}

function clip([name, size, rate], index) {
  const path = join(folder, `${name}.flv`);
  const picture = ["testsrc2", "smptehdbars", "mandelbrot", "rgbtestsrc", "testsrc", "smptebars"][index];
  const input = ["-f", "lavfi", "-i", `${picture}=size=${size}:rate=${rate}`, "-f", "lavfi", "-i", "sine=440:r=48000"];
  const codecs = ["-t", "8", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", String(rate)];
  spawnSync("ffmpeg", ["-v", "error", "-y", ...input, ...codecs, "-b:v", "600k", "-c:a", "aac", path]);
  return path;
}

function publish(url, path) {
  return start("ffmpeg", ["-v", "error", "-re", "-stream_loop", "-1", "-i", path, "-c", "copy", "-f", "flv", url]);
}

async function main() {
  const ready = join(folder, "ready.json");
  const listeners = "--http 127.0.0.1:0 --rtmp 127.0.0.1:0 --rtsp off --json-cli off --ascii-cli off --log-level warn";
  start(process.execPath, [join(root, "dist/cli/reel.js"), "serve", "--ready-file", ready, ...listeners.split(" ")], {
    cwd: folder,
  });
  const addresses = await (async () => {
    for (;;) {
      try {
        return JSON.parse(readFileSync(ready, "utf8"));
      } catch {
        await delay(50);
      }
    }
  })();
  const client = await connect({ url: `ws://${addresses.http}/ws` });
  for (const [localStreamName, , , type, chunkLength] of STREAMS)
    await client.record({ localStreamName, pathToFile: localStreamName, type, chunkLength });
  await client.record({ localStreamName: "workshop", pathToFile: "workshop", type: "mp4" });
  await client.pullStream({ uri: "rtsp://127.0.0.1:9/yard", localStreamName: "yard" });
  const urlOf = (name) => `rtmp://${addresses.rtmp}/live/${name}`;
  const clips = STREAMS.map(clip);
  const publishers = STREAMS.map(([name], index) => publish(urlOf(name), clips[index]));
  // One source that is gone for some seconds, and one that hangs.
  await delay(RECORD_MS / 3);
  publishers[1].kill("SIGKILL");
  await delay(6000);
  publish(urlOf("loading-dock"), clips[1]);
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--mute-audio", "--autoplay-policy=no-user-gesture-required"],
  });
  const look = async (hash, path, options = {}) => {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 760 },
      colorScheme: "light",
      ...options,
    });
    const page = await context.newPage();
    await page.goto(`http://${addresses.http}/#/${hash}`);
    // Graphs are made of what the page has seen.
    await delay(hash === "now" || hash.startsWith("streams") ? RECORD_MS / 2 : 4000);
    await page.screenshot({ path });
    await context.close();
  };
  const assets = join(root, "assets");
  await Promise.all([
    look("now", join(assets, "dashboard-now.png")),
    look("streams/entrance", join(assets, "dashboard-stream.png")),
  ]);
  if (everything) {
    mkdirSync(everything, { recursive: true });
    const phone = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true };
    for (const hash of PAGES) {
      const name = join(everything, hash.replace("/", "-"));
      await Promise.all([
        look(hash, `${name}-dark.png`, { colorScheme: "dark" }),
        look(hash, `${name}-phone.png`, phone),
        look(hash, `${name}.png`),
      ]);
    }
  }
  await browser.close();
  await client.close();
}

try {
  await main();
} finally {
  for (const child of children) child.kill("SIGKILL");
  await delay(500);
  rmSync(folder, { recursive: true, force: true });
}
