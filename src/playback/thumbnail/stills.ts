// A picture as JPEG, by ffmpeg: it gets one access unit or a little more on its stdin, may open nothing else, and has
// ten seconds. A few run at a time, at low priority, since recording comes first.

import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { KeyedQueue } from "../../base/keyed-queue.js";

export type StillFormat = "mp4" | "mpegts";

export type Still =
  | { readonly jpeg: Buffer }
  /** `missing`: there is no ffmpeg; `busy`: too many wait; `failed`: what it said. */
  | { readonly fault: "missing" | "busy" | "failed"; readonly message: string };

const AT_A_TIME = 2;
const MAX_WAITING = 32;
const MAX_JPEG_BYTES = 8 * 1024 * 1024;
const MAX_SAID = 2000;
const PATIENCE_MS = 10_000;

export class Stills {
  readonly #turns = new KeyedQueue<"ffmpeg">(AT_A_TIME);
  #waiting = 0;

  constructor(private readonly program = "ffmpeg") {}

  /** `media` is made when its turn has come. `width`: at most so many pixels; the height follows. */
  async make(media: () => Promise<Buffer>, format: StillFormat, width: number): Promise<Still> {
    if (this.#waiting >= MAX_WAITING)
      return { fault: "busy", message: "too many thumbnails are being made: ask again in a moment" };
    this.#waiting++;
    try {
      return await this.#turns.run("ffmpeg", async () => run(this.program, await media(), format, width));
    } finally {
      this.#waiting--;
    }
  }
}

function run(program: string, media: Buffer, format: StillFormat, width: number): Promise<Still> {
  const { promise, resolve } = deferred<Still>();
  const args = [
    "-v",
    "error",
    "-nostdin",
    "-protocol_whitelist",
    "pipe",
    "-threads",
    "1",
    "-f",
    format,
    "-i",
    "pipe:0",
  ];
  const picture = ["-map", "0:v:0", "-frames:v", "1", "-vf", `scale='min(${width},iw)':-2`, "-pix_fmt", "yuvj420p"];
  const output = ["-threads", "1", "-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1"];
  const child = spawn(program, [...args, ...picture, ...output], { stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let said = "";
  child.once("error", (error: NodeJS.ErrnoException) => {
    clearTimeout(timer);
    const isMissing = error.code === "ENOENT";
    const message = isMissing ? "thumbnails need ffmpeg, which is not installed" : `ffmpeg: ${error.message}`;
    resolve({ fault: isMissing ? "missing" : "failed", message });
  });
  child.once("spawn", () => lowerPriority(child.pid));
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > MAX_JPEG_BYTES) child.kill("SIGKILL");
    else chunks.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-MAX_SAID);
  });
  child.once("close", (code) => {
    clearTimeout(timer);
    const jpeg = Buffer.concat(chunks);
    if (code === 0 && jpeg.byteLength > 0) resolve({ jpeg });
    else
      resolve({ fault: "failed", message: `ffmpeg made no picture of it: ${said.trim() || `it ended with ${code}`}` });
  });
  // It may have its picture before all is read.
  child.stdin.on("error", () => undefined);
  child.stdin.end(media);
  return promise;
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already.
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
