// A page with hls.js, its server, and a way through it to Reel, so that all is of one origin. What the player reports
// is kept.

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const HLS_JS = join(import.meta.dirname, "../peers/node_modules/hls.js/dist/hls.min.js");

export interface PlayerReport {
  what: string;
  time: number;
  error?: string;
  /** Of a walk. */
  decoded?: Decoded;
}

/** What came out of the decoders. */
export interface Decoded {
  /** Where the pictures lie in the player's time, in seconds: each was looked at. */
  shown: number[];
  /** When all of it was played, those that came too late to be shown among them. */
  pictures: number;
  /** Of sound, as it went in. */
  audioBytes: number;
  /** Where the player has put the parts of the list. */
  parts: { start: number; duration: number; wallMs: number; file: number }[];
}

// Goes from picture to picture, paused, over what is buffered (with a step of 0 not at all); then plays all of it, four
// times as fast.
const WALK = `
const settled = (name) => new Promise((done) => v.addEventListener(name, done, { once: true }));
let newest;
const look = (_, { mediaTime }) => { newest = mediaTime; v.requestVideoFrameCallback(look); };
v.requestVideoFrameCallback(look);
const pictureAt = async (time, last) => {
  newest = undefined;
  const seeked = settled("seeked");
  v.currentTime = time;
  await seeked;
  // The browser may show the one before it for a moment.
  for (let turn = 0; newest === undefined ? turn < 100 : newest === last && turn < 10; turn++)
    await new Promise((done) => setTimeout(done, 10));
  return newest;
};
const walk = async (stepSeconds) => {
  const shown = [];
  for (let range = 0; stepSeconds > 0 && range < v.buffered.length; range++) {
    for (let time = v.buffered.start(range); time < v.buffered.end(range); ) {
      const picture = await pictureAt(time + 0.001, shown.at(-1));
      if (picture !== undefined && picture !== shown.at(-1)) shown.push(picture);
      time = Math.max(time, picture ?? 0) + stepSeconds;
    }
  }
  const counts = () => [v.webkitDecodedFrameCount, v.webkitAudioDecodedByteCount];
  // Decoders run ahead, until they rest.
  let before;
  do {
    before = counts();
    await new Promise((done) => setTimeout(done, 300));
  } while (String(counts()) !== String(before));
  await pictureAt(v.buffered.start(0) + 0.001);
  const ended = settled("ended");
  v.playbackRate = 4;
  await v.play();
  await ended;
  report("walked", undefined, {
    shown,
    pictures: counts()[0] - before[0],
    audioBytes: counts()[1] - before[1],
    parts: hls.levels[0].details.fragments.map(({ start, duration, programDateTime, cc }) => ({ start, duration, wallMs: programDateTime, file: cc })),
  });
};`;

const PAGE = `<!doctype html><video id="v" muted></video><script src="/hls.js"></script><script>
const v = document.getElementById("v");
const report = (what, error, decoded) => fetch("/report", { method: "POST", body: JSON.stringify({ what, time: v.currentTime, error, decoded }) });
const hls = new Hls({ enableWorker: false });
hls.on(Hls.Events.ERROR, (_, data) => report(data.fatal ? "fatal" : "problem", data.details + " " + (data.error && data.error.message)));
v.addEventListener("playing", () => report("playing"));
v.addEventListener("seeked", () => report("seeked"));
v.addEventListener("ended", () => report("ended"));
v.addEventListener("error", () => report("fatal", v.error.message));
let last = -1;
v.addEventListener("timeupdate", () => { if (Math.abs(v.currentTime - last) > 0.4) { last = v.currentTime; report("time"); } });
setInterval(async () => {
  const command = await (await fetch("/command")).text();
  if (command) new Function("v", "hls", "walk", command)(v, hls, walk);
}, 200);
const looking = setInterval(() => {
  const list = hls.levels[0]?.details;
  const ranges = v.buffered;
  if (!list || ranges.length === 0 || ranges.end(ranges.length - 1) < list.edge - 0.2) return;
  clearInterval(looking);
  report("all");
}, 50);
${WALK}
hls.loadSource("/list");
hls.attachMedia(v);
if (!location.hash) v.play();
</script>`;

export class PlayerPage {
  readonly reports: PlayerReport[] = [];
  #commands: string[] = [];
  readonly #server: Server;

  private constructor(
    private readonly target: URL,
    private readonly list: string,
  ) {
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
  }

  /** `list`: path of the playlist at the target. */
  static async start(target: string, list: string): Promise<PlayerPage> {
    if (!existsSync(HLS_JS)) throw new Error("the tests need hls.js: npm ci --prefix test/peers");
    const page = new PlayerPage(new URL(target), list);
    page.#server.listen(0, "127.0.0.1");
    await once(page.#server, "listening");
    return page;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** JavaScript that the page runs, with `v` and `hls`. */
  run(command: string): void {
    this.#commands.push(command);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = "/" } = incoming;
    if (url === "/") response.setHeader("Content-Type", "text/html").end(PAGE);
    else if (url === "/hls.js") response.end(readFileSync(HLS_JS));
    else if (url === "/command") response.end(this.#commands.shift() ?? "");
    else if (url === "/list") response.writeHead(302, { Location: this.list }).end();
    else if (url === "/report") {
      this.reports.push(JSON.parse(await text(incoming)) as PlayerReport);
      response.end();
    } else this.#forward(incoming, response);
  }

  #forward({ url, headers }: IncomingMessage, response: ServerResponse): void {
    const { range } = headers;
    const path = url ?? "/";
    const onward = request(new URL(path, this.target), { headers: range ? { range } : {} }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    onward.end();
  }
}
