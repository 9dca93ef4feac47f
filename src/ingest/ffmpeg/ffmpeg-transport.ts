// Sources that ffmpeg reads for us: HTTP (HLS and progressive), SRT, files at live pace. One process each, 40 to
// 60 MB: right for odd sources, wrong for hundreds of cameras.

import { accessSync, constants, existsSync, mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { Clock, Millis } from "../../time/units.js";
import type { ByteConnection, ByteTransport, TransportEvents } from "../mpegts/byte-transport.js";
import type { SourceRequest } from "../source.js";
import { hostOf, requirePort, schemeOf } from "../source-uri.js";
import { inputOptions, SCHEME_RULES } from "./ffmpeg-arguments.js";
import { FfmpegProcess } from "./ffmpeg-process.js";
import { writeWrapper } from "./ffmpeg-wrapper.js";

export interface FfmpegTransportOptions {
  logger: Logger;
  clock: Clock;
  /** Default: `ffmpeg` on the PATH. */
  ffmpegPath?: string | undefined;
  /** file: URIs may name files below these only; none = no file: at all. */
  fileFolders?: readonly string[] | undefined;
  maxFfmpegs: number;
  /** A network operation of ffmpeg's may take this long. */
  timeoutMs: Millis;
}

export class FfmpegTransport implements ByteTransport {
  readonly schemes = Object.keys(SCHEME_RULES);
  #options: FfmpegTransportOptions;
  #folder: string | undefined;
  #wrapperPath = "";
  #processes = new Set<FfmpegProcess>();
  #onIdle: (() => void)[] = [];

  constructor(options: FfmpegTransportOptions) {
    this.#options = options;
  }

  sourceType(scheme: string): string {
    return SCHEME_RULES[scheme]?.sourceType ?? "INTS";
  }

  get processCount(): number {
    return this.#processes.size;
  }

  check(uri: URL): void {
    const scheme = schemeOf(uri);
    if (scheme === "file") this.#checkFile(uri);
    else if (hostOf(uri) === "") throw new ReelError("badArgument", `${uri.protocol}// needs a host`);
    if (scheme === "srt") requirePort(uri);
    this.#findFfmpeg();
    this.#checkCount();
  }

  #checkCount(): void {
    const { maxFfmpegs } = this.#options;
    if (this.#processes.size < maxFfmpegs) return;
    throw new ReelError(
      "limit",
      `${maxFfmpegs} ffmpeg processes run already: end some pulls, or raise limits.ffmpegProcesses`,
    );
  }

  open(request: SourceRequest, uri: URL, events: TransportEvents): ByteConnection {
    this.#checkCount();
    const scheme = schemeOf(uri);
    // Looked up again for every connection: a file may have been replaced by a link, ffmpeg may have been removed.
    const source = scheme === "file" ? `file:${this.#checkFile(uri)}` : request.uri;
    let isConnected = false;
    const ffmpeg = new FfmpegProcess(
      {
        wrapperPath: this.#prepareWrapper(),
        ffmpegPath: this.#findFfmpeg(),
        inputOptions: inputOptions(request, scheme, this.#options.timeoutMs),
        uri: source,
        logger: this.#options.logger,
        clock: this.#options.clock,
        name: request.localStreamName,
      },
      {
        onBytes: (chunk) => {
          const reader = `ffmpeg, because ${scheme} is not read natively`;
          if (!isConnected) events.onConnected({ farIp: hostOf(uri), farPort: Number(uri.port), reader });
          isConnected = true;
          events.onBytes(chunk);
        },
        onExit: (reason) => {
          this.#processes.delete(ffmpeg);
          events.onClosed(reason);
          if (this.#processes.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
        },
      },
    );
    this.#processes.add(ffmpeg);
    return { flow: { pause: () => ffmpeg.pause(), resume: () => ffmpeg.resume() }, close: () => ffmpeg.stop() };
  }

  async close(): Promise<void> {
    for (const ffmpeg of this.#processes) ffmpeg.stop();
    if (this.#processes.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }

  /** Below a configured folder, links resolved. Returns the real path. */
  #checkFile(uri: URL): string {
    const folders = this.#options.fileFolders ?? [];
    if (folders.length === 0)
      throw new ReelError(
        "badPath",
        "file: sources are off; name the folders that they may come from in pull.fileFolders",
      );
    let path: string;
    try {
      path = realpathSync(fileURLToPath(uri));
    } catch (error) {
      throw new ReelError(
        "badPath",
        "no such file; a file: URI has an absolute path and no host, as in file:///media/clip.mp4",
        {},
        { cause: error },
      );
    }
    if (!folders.some((folder) => isBelow(path, folder)))
      throw new ReelError("badPath", "the file is outside the folders of pull.fileFolders");
    if (!statSync(path).isFile()) throw new ReelError("badPath", "not a file");
    return path;
  }

  #prepareWrapper(): string {
    // Cleaners of temporary folders remove what nobody has touched for some days, and a source comes back after months.
    if (!this.#folder || !existsSync(this.#wrapperPath)) {
      this.#folder = mkdtempSync(join(tmpdir(), "reel-ffmpeg-"));
      this.#wrapperPath = writeWrapper(this.#folder);
    }
    return this.#wrapperPath;
  }

  #findFfmpeg(): string {
    const wanted = this.#options.ffmpegPath ?? "ffmpeg";
    const candidates = wanted.includes(sep)
      ? [wanted]
      : (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, wanted));
    const found = candidates.find(isExecutable);
    if (!found)
      throw new ReelError(
        "notFound",
        `this kind of source needs ffmpeg, which is not installed (${wanted}): apt-get install ffmpeg`,
      );
    return found;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isBelow(path: string, folder: string): boolean {
  try {
    return path.startsWith(realpathSync(folder) + sep);
  } catch {
    return false;
  }
}
