// Live pictures of a pulled camera, recorded or not: the server transcodes them while somebody looks, JSMpeg decodes
// them here. A hidden page does not look. The player is part of this file's own script.

import JSMpeg, { type Demuxer, type Source } from "@cycjimmy/jsmpeg-player";
import { useEffect, useRef, useState } from "preact/hooks";
import { channelUrl } from "../state/api.js";
import { askSession } from "../state/session.js";
import { isVisible } from "../state/visibility.js";

const RETRY_MS = 2000;
/** Close codes of the server: there is no preview of this stream; the login has ended. */
const NOT_PREVIEWED = 4404;
const LOGIN_ENDED = 1008;

export interface PreviewProps {
  readonly stream: string;
  /** Of the WebSocket. */
  readonly path: string;
}

export function Preview({ stream, path }: PreviewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [note, setNote] = useState("");
  const seen = isVisible.value;
  useEffect(() => {
    const element = canvas.current;
    if (!element || !seen) return undefined;
    setNote("Asking the camera …");
    const player = new JSMpeg.Player(path, {
      canvas: element,
      source: sourceOf(channelUrl(path), setNote),
      audio: false,
      disableGl: true,
      // The page's policy allows scripts, and no WebAssembly.
      disableWebAssembly: true,
      pauseWhenHidden: false,
    });
    return () => player.destroy();
  }, [path, seen]);
  return (
    <div class="player">
      <canvas ref={canvas} width={640} height={360} role="img" aria-label={`Camera of ${stream}, live`} />
      <p class="player-note" role="status">
        {note}
      </p>
    </div>
  );
}

/** Comes back where the camera or the server fails, and says why it has nothing. */
function sourceOf(url: string, tell: (note: string) => void): new () => Source {
  return class implements Source {
    readonly streaming = true;
    readonly completed = false;
    readonly progress = 0;
    established = false;
    #socket: WebSocket | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #demuxer: Demuxer | undefined;

    connect(demuxer: Demuxer): void {
      this.#demuxer = demuxer;
    }

    start(): void {
      const socket = new WebSocket(url);
      this.#socket = socket;
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => {
        if (!this.established) tell("");
        this.established = true;
        this.#demuxer?.write(data as ArrayBuffer);
      };
      socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    }

    resume(): void {}

    destroy(): void {
      clearTimeout(this.#timer);
      const socket = this.#socket;
      this.#socket = undefined;
      if (socket) socket.onclose = null;
      socket?.close();
    }

    #closed(code: number, reason: string): void {
      this.established = false;
      if (code === NOT_PREVIEWED) {
        tell(`There is no preview: ${reason}.`);
        return;
      }
      if (code === LOGIN_ENDED) void askSession().catch(() => {});
      tell(`No picture, trying again: ${reason || "the server does not answer"}.`);
      this.#timer = setTimeout(() => this.start(), RETRY_MS);
    }
  };
}
