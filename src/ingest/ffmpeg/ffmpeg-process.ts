// One ffmpeg that turns a source into MPEG-TS, through node-rtsp-stream's muxer. Its errors and its
// exit are owned here; its words go to the log without credentials; it is made to wait by leaving its stdout unread;
// `onExit` comes when it is gone and all is read.

import Mpeg1Muxer from "node-rtsp-stream/mpeg1muxer.js";
import { maskCredentials } from "../../base/credentials.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { Clock } from "../../time/units.js";
import { BEGIN_INPUT, END_INPUT } from "./ffmpeg-wrapper.js";
import { LineSplitter } from "./line-splitter.js";

export interface FfmpegOptions {
  wrapperPath: string;
  ffmpegPath: string;
  inputOptions: readonly string[];
  /** None may have a name of an input option: both are keys of one object. */
  outputOptions: Readonly<Record<string, string>>;
  uri: string;
  logger: Logger;
  clock: Clock;
  /** Of the stream, for the log. */
  name: string;
}

export interface FfmpegEvents {
  onBytes(chunk: Uint8Array): void;
  onExit(reason: string): void;
}

/** After SIGTERM ffmpeg says goodbye to its source (cameras count sessions); then it has to go. */
const TERM_GRACE_MS = 1000;
const LOG_LINES_PER_SECOND = 5;
/** `[rtsp @ 0x55d0c8a3e2c0]`: an address in ffmpeg's memory tells nothing, and makes equal lines differ. */
const POINTER = /\s*@ 0x[0-9a-f]+/gi;

export class FfmpegProcess {
  #muxer: Mpeg1Muxer;
  #lastLine = "";
  #isStopped = false;
  #killTimer: NodeJS.Timeout | undefined;
  #spawnError: string | undefined;
  #hasDelivered = false;

  constructor(options: FfmpegOptions, events: FfmpegEvents) {
    // Keys without a value become single arguments; integer keys, which would change places, do not occur.
    const ffmpegOptions: Record<string, string> = {
      ...options.outputOptions,
      [BEGIN_INPUT]: "",
      [options.ffmpegPath]: "",
    };
    for (let i = 0; i < options.inputOptions.length; i++) {
      const option = options.inputOptions[i] ?? "";
      const value = options.inputOptions[i + 1];
      const hasValue = value !== undefined && !value.startsWith("-");
      ffmpegOptions[option] = hasValue ? value : "";
      if (hasValue) i++;
    }
    ffmpegOptions[END_INPUT] = "";
    this.#muxer = startMuxer({ url: options.uri, ffmpegPath: options.wrapperPath, ffmpegOptions });
    const child = this.#muxer.stream;
    // The library's own listener prints to our stderr.
    child.removeAllListeners("exit");
    child.on("error", (error) => {
      this.#spawnError = error.message;
    });
    // the exit tells what there is to tell
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on("error", () => {});
    this.#muxer.on("mpeg1data", (chunk) => {
      this.#hasDelivered = true;
      if (!this.#isStopped) events.onBytes(chunk);
    });
    this.#listen(options);
    child.on("close", (code, signal) => {
      clearTimeout(this.#killTimer);
      events.onExit(this.#exitReason(code, signal));
    });
  }

  get pid(): number | undefined {
    return this.#muxer.stream.pid;
  }

  pause(): void {
    this.#muxer.stream.stdout.pause();
  }

  resume(): void {
    this.#muxer.stream.stdout.resume();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const child = this.#muxer.stream;
    // Unread output would keep ffmpeg, and our `close`, waiting.
    child.stdout.resume();
    child.kill("SIGTERM");
    this.#killTimer = setTimeout(() => {
      child.kill("SIGKILL");
      // Where `ffmpeg` is a script, a child of its own may hold the pipes open: we let go of them, or `close` would
      // never come.
      for (const pipe of child.stdio) pipe?.destroy();
    }, TERM_GRACE_MS);
  }

  #listen({ logger, clock, name }: FfmpegOptions): void {
    const limit = new LogLimit(clock, LOG_LINES_PER_SECOND);
    const lines = new LineSplitter((line) => {
      this.#lastLine = maskCredentials(line.replace(POINTER, ""));
      const text = `ffmpeg: ${this.#lastLine}`;
      // What it says of a source that does not answer is the reason of its exit, and comes again with every attempt.
      if (this.#hasDelivered) limit.pass((suppressed) => logger.warn({ stream: name, suppressed }, text));
      else logger.debug({ stream: name }, text);
    });
    this.#muxer.on("ffmpegStderr", (data) => lines.push(data));
  }

  #exitReason(code: number | null, signal: NodeJS.Signals | null): string {
    if (this.#spawnError) return `ffmpeg could not be started: ${this.#spawnError}`;
    if (this.#isStopped) return "closed";
    if (code === 0) return "the source has ended";
    const how = signal ? `was ended by ${signal}` : `ended with ${code}`;
    return this.#lastLine === "" ? `ffmpeg ${how}` : `ffmpeg ${how}: ${this.#lastLine}`;
  }
}

/**
 * Throws ReelError `io` where there are no descriptors left. Node then gives a child without pipes, on which the
 * library's constructor throws, and announces the error on that child: with nobody listening to it, it would end the
 * server. So the object is made first, to have the child in any case.
 */
function startMuxer(options: ConstructorParameters<typeof Mpeg1Muxer>[0]): Mpeg1Muxer {
  const muxer: Mpeg1Muxer = Object.create(Mpeg1Muxer.prototype);
  try {
    Reflect.apply(Mpeg1Muxer, muxer, [options]);
    return muxer;
  } catch (cause) {
    muxer.stream?.on("error", () => {});
    throw new ReelError(
      "io",
      "ffmpeg could not be started: no descriptors are left for its pipes (ulimit -n)",
      {},
      { cause },
    );
  }
}
