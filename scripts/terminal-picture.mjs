// Makes docs/terminal.svg, the picture of the README: a real server, real publishers, and what the command line
// printed. `npm run build && node scripts/terminal-picture.mjs`.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { publishFlv, RtmpPublisher } from "../dist/ingest/rtmp/publish-client.js";
import { parseFlvFile } from "../dist/media/flv/flv-tag.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const REEL = join(root, "dist/cli/reel.js");
const PICTURE = join(root, "docs/terminal.svg");
const RECORD_MS = 25_000;
const COLUMNS = 96;

const STREAMS = [
  ["entrance", "mp4", 10],
  ["loading-dock", "mp4", 10],
  ["studio-a", "ts", 600],
  ["studio-b", "flv", 600],
];

const folder = mkdtempSync(join(tmpdir(), "reel-picture-"));
const ready = join(folder, "ready.json");
const listeners = "--http 127.0.0.1:0 --rtmp 127.0.0.1:0 --rtsp off --json-cli off --ascii-cli off --log-level warn";
const server = spawn(process.execPath, [REEL, "serve", "--ready-file", ready, ...listeners.split(" ")], {
  cwd: folder,
  stdio: "ignore",
});

async function addresses() {
  for (;;) {
    try {
      return JSON.parse(readFileSync(ready, "utf8"));
    } catch {
      await delay(50);
    }
  }
}

function reel(line, http) {
  const env = { ...process.env, REEL_URL: `ws://${http}/ws`, COLUMNS: String(COLUMNS), NO_COLOR: "1" };
  const { stdout } = spawnSync(process.execPath, [REEL, ...line.split(" ")], { cwd: folder, env, encoding: "utf8" });
  const text = stdout
    .replaceAll(folder, "/srv")
    .replace(/-{30,}/, (rule) => rule.slice(folder.length - "/srv".length))
    .trim();
  return [`$ npx reel ${line}`, ...text.split("\n"), ""];
}

async function publish(url, signal) {
  const tags = [...parseFlvFile(readFileSync(join(root, "assets/clip.flv")))];
  const lengthMs = 4267;
  const publisher = await RtmpPublisher.open(url);
  for (let offsetMs = 0; !signal.aborted; offsetMs += lengthMs)
    await publishFlv(publisher, tags, { paced: true, offsetMs, signal });
  await publisher.close();
}

function svg(lines) {
  const [charWidth, lineHeight, margin] = [7.83, 18, 16];
  const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * charWidth + 2 * margin);
  const height = lines.length * lineHeight + 2 * margin + 8;
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const rows = lines.map((line, at) => {
    const style = line.startsWith("$ ") ? ' class="typed"' : "";
    return `<text x="${margin}" y="${margin + 14 + at * lineHeight}"${style} xml:space="preserve">${escaped(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dce2}.typed{fill:#8fd694;font-weight:bold}</style>
<rect width="${width}" height="${height}" rx="8" fill="#1c2128"/>
${rows.filter((_, at) => lines[at] !== "").join("\n")}
</svg>
`;
}

const stop = new AbortController();
try {
  const { http, rtmp } = await addresses();
  const lines = [];
  for (const [name, type, chunk] of STREAMS) {
    const typed = reel(
      `send record localStreamName=${name} pathToFile=${name} type=${type} chunkLength=${chunk}`,
      http,
    );
    if (lines.length === 0) lines.push(...typed);
  }
  const published = STREAMS.map(([name]) => publish(`rtmp://${rtmp}/live/${name}`, stop.signal));
  await delay(RECORD_MS);
  lines.push(...reel("status", http), ...reel("ls --stream entrance", http));
  stop.abort();
  await Promise.all(published);
  writeFileSync(PICTURE, svg(lines.slice(0, -1)));
} finally {
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
