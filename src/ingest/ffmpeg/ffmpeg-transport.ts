// Sources that ffmpeg reads for us: HTTP (HLS and progressive), SRT, files at live pace. One process each, 40 to
// 60 MB: right for odd sources, wrong for hundreds of cameras.

import { realpathSync, statSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { Clock, Millis } from "../../time/units.js";
import type { ByteConnection, ByteTransport, TransportEvents } from "../mpegts/byte-transport.js";
import type { SourceRequest } from "../source.js";
import { hostOf, requirePort, schemeOf } from "../source-uri.js";
import { inputOptions, OUTPUT_OPTIONS, SCHEME_RULES } from "./ffmpeg-arguments.js";
import { FfmpegProcess } from "./ffmpeg-process.js";
import { FfmpegProgram } from "./ffmpeg-program.js";

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
  #program: FfmpegProgram;
  #processes = new Set<FfmpegProcess>();
  #onIdle: (() => void)[] = [];

  constructor(options: FfmpegTransportOptions) {
    this.#options = options;
    this.#program = new FfmpegProgram(options.ffmpegPath);
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
    this.#program.find();
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
    // Looked up again for every connection: a file may have been replaced by a link.
    const source = scheme === "file" ? `file:${this.#checkFile(uri)}` : request.uri;
    let isConnected = false;
    const ffmpeg = new FfmpegProcess(
      {
        wrapperPath: this.#program.wrapper(),
        ffmpegPath: this.#program.find(),
        inputOptions: inputOptions(request, scheme, this.#options.timeoutMs),
        outputOptions: OUTPUT_OPTIONS,
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
    this.#program.close();
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
}

function isBelow(path: string, folder: string): boolean {
  try {
    return path.startsWith(realpathSync(folder) + sep);
  } catch {
    return false;
  }
}
