// Plays what was recorded: HLS by hls.js, which is loaded when the first player opens, and single files by the browser.

import type Hls from "hls.js";
import { useEffect, useRef, useState } from "preact/hooks";

export interface PlayerProps {
  readonly label: string;
  readonly source: string;
  /** `hls`: a playlist; `file`: what the browser plays itself. */
  readonly kind: "hls" | "file";
  /** It grows: begin at its end, and show how to go back and return. */
  readonly isLive?: boolean;
  readonly autoplay?: boolean;
}

const RETRY_MS = 2000;
const MAX_RETRIES = 30;

export function Player({ label, source, kind, isLive = false, autoplay = true }: PlayerProps) {
  const video = useRef<HTMLVideoElement>(null);
  const [note, setNote] = useState("");
  useEffect(() => {
    const element = video.current;
    if (!element) return undefined;
    setNote("");
    if (kind === "file") {
      element.src = source;
      return () => element.removeAttribute("src");
    }
    return playList(element, source, setNote);
  }, [source, kind]);
  const seek = (place: "begin" | "end"): void => {
    const element = video.current;
    if (!element || element.seekable.length === 0) return;
    const last = element.seekable.length - 1;
    element.currentTime = place === "begin" ? element.seekable.start(0) : element.seekable.end(last) - 2;
    void element.play().catch(() => {});
  };
  return (
    <div class="player">
      <video
        ref={video}
        aria-label={label}
        controls
        muted
        playsInline
        autoplay={autoplay}
        onError={() => kind === "file" && setNote("The browser cannot play this file: its codecs, or it is gone")}
      />
      {isLive && (
        <div class="player-keys">
          <button type="button" onClick={() => seek("begin")}>
            From the beginning
          </button>
          <button type="button" onClick={() => seek("end")}>
            Live
          </button>
        </div>
      )}
      <p class="player-note" role="status">
        {note}
      </p>
    </div>
  );
}

/** Hands back what ends it. */
function playList(element: HTMLVideoElement, source: string, tell: (note: string) => void): () => void {
  let hls: Hls | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retries = 0;
  let isOver = false;
  const open = async (): Promise<void> => {
    const { default: Player } = await import("hls.js/light");
    if (isOver) return;
    if (!Player.isSupported()) {
      element.src = source;
      return;
    }
    const player = new Player({ liveDurationInfinity: true });
    hls = player;
    player.on(Player.Events.ERROR, (_event, { fatal, details, response }) => {
      if (!fatal) return;
      player.destroy();
      // The first file of a recording may still be to come.
      const isToCome = response?.code === 404 && retries++ < MAX_RETRIES;
      tell(isToCome ? "Waiting for the first pictures of a recording …" : `It cannot be played: ${details}`);
      if (isToCome) timer = setTimeout(() => void open(), RETRY_MS);
    });
    player.on(Player.Events.FRAG_BUFFERED, () => tell(""));
    player.loadSource(source);
    player.attachMedia(element);
  };
  open().catch(() => tell("The player could not be loaded: load the page again"));
  return () => {
    isOver = true;
    clearTimeout(timer);
    hls?.destroy();
  };
}
