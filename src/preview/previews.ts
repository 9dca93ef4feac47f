// Live previews of pulled RTSP streams for the dashboard, by node-rtsp-stream's own purpose: the camera is read once
// more, and transcoded to what JSMpeg shows. One ffmpeg for each watched stream, a bounded number of them. The address
// comes from the pull config: whoever watches names a stream, and nothing else.

import type { ChannelModule, ChannelPeer } from "../base/channels.js";
import { maskCredentials } from "../base/credentials.js";
import type { Logger } from "../base/logger.js";
import { asReelError, ReelError } from "../base/reel-error.js";
import { type Collector, gauge, type Sample } from "../base/samples.js";
import { systemTimers, type Timers } from "../base/timers.js";
import { FfmpegProcess } from "../ingest/ffmpeg/ffmpeg-process.js";
import { FfmpegProgram } from "../ingest/ffmpeg/ffmpeg-program.js";
import type { Clock } from "../time/units.js";
import { Preview, type PreviewEvents, type PreviewProcess, TRY_AGAIN } from "./preview.js";
import { DEFAULT_PREVIEW_WIDTH, previewInput, previewOutput } from "./preview-arguments.js";

export const PREVIEW_PATH = "/preview/";
/** Close code of what will never be there; 4000 to 4999 are ours. */
export const NOT_PREVIEWED = 4404;
/** A camera that is silent for so long is given up. */
const TIMEOUT_MS = 10_000;
/** Of pull configs that were removed meanwhile. */
const CHECK_MS = 2000;

export interface PreviewOptions {
  /** Transcoded at a time. */
  readonly streams: number;
  /** Wider pictures are made smaller. */
  readonly width?: number | undefined;
  /** The URI of the pull config of a stream; undefined where there is none. */
  readonly uriOf: (stream: string) => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: Timers;
  /** Default: `ffmpeg` on the PATH. */
  readonly ffmpegPath?: string | undefined;
}

export class Previews implements ChannelModule, Collector {
  readonly name = "preview";
  readonly path = PREVIEW_PATH;
  readonly #program: FfmpegProgram;
  readonly #timers: Timers;
  /** By stream. */
  readonly #running = new Map<string, { readonly preview: Preview; readonly uri: string }>();
  #cancelCheck: (() => void) | undefined;
  #isClosed = false;
  #onIdle: (() => void)[] = [];

  constructor(private readonly options: PreviewOptions) {
    this.#program = new FfmpegProgram(options.ffmpegPath);
    this.#timers = options.timers ?? systemTimers;
  }

  /** The path of a stream's preview; undefined where it has none. */
  pathOf(stream: string): string | undefined {
    return this.#uriOf(stream) === undefined ? undefined : `${PREVIEW_PATH}${encodeURIComponent(stream)}`;
  }

  open(stream: string, peer: ChannelPeer): () => void {
    try {
      return this.#find(stream).join(peer);
    } catch (error) {
      // Whatever it is (a full folder for temporary files, no descriptors): nothing else may suffer for a preview.
      const { code, message } = asReelError(error);
      peer.close(code === "notFound" ? NOT_PREVIEWED : TRY_AGAIN, message);
      return () => {};
    }
  }

  collect(): readonly Sample[] {
    const watchers = [...this.#running.values()].reduce((sum, { preview }) => sum + preview.watchers, 0);
    return [
      gauge("reel_previews", "Streams that are transcoded for the dashboard.", this.#running.size),
      gauge("reel_preview_watchers", "Who watches them.", watchers),
    ];
  }

  /** Resolves when no ffmpeg is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelCheck?.();
    for (const { preview } of this.#running.values()) preview.end();
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    this.#program.close();
  }

  /** Throws ReelError: `notFound` where there will be none, others where it is worth another try. */
  #find(stream: string): Preview {
    const running = this.#running.get(stream);
    if (running) return running.preview;
    const uri = this.#uriOf(stream);
    if (uri === undefined) throw new ReelError("notFound", "only streams that are pulled over RTSP have a preview");
    if (this.#isClosed) throw new ReelError("closed", "the server stops");
    const { streams } = this.options;
    if (this.#running.size >= streams)
      throw new ReelError("limit", `${streams} streams are watched already: preview.streams`);
    const preview = new Preview(
      (events) => this.#start(stream, uri, events),
      this.#timers,
      () => this.#forget(stream),
    );
    this.#running.set(stream, { preview, uri });
    this.#cancelCheck ??= this.#timers.after(CHECK_MS, () => this.#check());
    return preview;
  }

  #start(stream: string, uri: string, events: PreviewEvents): PreviewProcess {
    const { width = DEFAULT_PREVIEW_WIDTH, clock, logger } = this.options;
    return new FfmpegProcess(
      {
        wrapperPath: this.#program.wrapper(),
        ffmpegPath: this.#program.find(),
        inputOptions: previewInput(TIMEOUT_MS),
        outputOptions: previewOutput(width),
        uri,
        logger,
        clock,
        name: stream,
      },
      // Viewers see the reason, which may name the path of the camera.
      { onBytes: events.onBytes, onExit: (reason) => events.onExit(shown(reason)) },
    );
  }

  #uriOf(stream: string): string | undefined {
    const uri = this.options.uriOf(stream);
    return uri !== undefined && /^rtsps?:\/\//i.test(uri) ? uri : undefined;
  }

  #forget(stream: string): void {
    this.#running.delete(stream);
    if (this.#running.size > 0) return;
    this.#cancelCheck?.();
    this.#cancelCheck = undefined;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #check(): void {
    for (const [stream, { preview, uri }] of this.#running) if (this.#uriOf(stream) !== uri) preview.end();
    this.#cancelCheck = this.#timers.after(CHECK_MS, () => this.#check());
  }
}

function shown(reason: string): string {
  return maskCredentials(reason).replace(/rtsps?:\/\/\S+/gi, "the camera");
}
