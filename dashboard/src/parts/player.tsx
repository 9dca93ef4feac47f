// Plays what was recorded: HLS by hls.js, which is loaded when the first player opens, and single files by the browser.

import { useEffect, useRef, useState } from "preact/hooks";

export interface PlayerProps {
  readonly label: string;
  readonly source: string;
  /** `hls`: a playlist; `file`: what the browser plays itself. */
  readonly kind: "hls" | "file";
  /** It grows: begin at its end, and show how to go back and return. */
  readonly isLive?: boolean;
  /** A list that grows is played from its beginning. */
  readonly startsAtBegin?: boolean;
  /** Where the file itself is, for what cannot be played. */
  readonly download?: string | undefined;
  readonly autoplay?: boolean;
}

const RETRY_MS = 2000;
const MAX_RETRIES = 30;
const NOT_PLAYED = "The browser cannot play this file: its codecs, or it is gone";

export function Player(props: PlayerProps) {
  const { label, source, kind, isLive = false, startsAtBegin = false, download, autoplay = true } = props;
  const video = useRef<HTMLVideoElement>(null);
  const [note, setNote] = useState("");
  const [isHopeless, setHopeless] = useState(false);
  useEffect(() => {
    const element = video.current;
    if (!element) return undefined;
    setNote("");
    setHopeless(false);
    const fail = (reason: string): void => {
      setNote(reason);
      setHopeless(true);
    };
    if (kind === "file") return playFile(element, source, fail);
    return playList({ element, source, isAwaited: isLive, startsAtBegin, tell: setNote, fail });
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
      <video ref={video} aria-label={label} controls muted playsInline autoplay={autoplay} />
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
        {isHopeless && download !== undefined && (
          <>
            {" "}
            <a href={download} download>
              Download the file
            </a>
          </>
        )}
      </p>
    </div>
  );
}

/** Plays what the browser plays itself. Hands back what ends it and lets the medium go. */
function playFile(element: HTMLVideoElement, source: string, fail: (reason: string) => void): () => void {
  const onError = (): void => fail(NOT_PLAYED);
  element.addEventListener("error", onError);
  element.src = source;
  return () => {
    element.removeEventListener("error", onError);
    element.pause();
    element.removeAttribute("src");
    element.load();
  };
}

interface ListPlayback {
  readonly element: HTMLVideoElement;
  readonly source: string;
  /** Its first pictures may still be to come. */
  readonly isAwaited: boolean;
  readonly startsAtBegin: boolean;
  readonly tell: (note: string) => void;
  readonly fail: (reason: string) => void;
}

/** Hands back what ends it. */
function playList({ element, source, isAwaited, startsAtBegin, tell, fail }: ListPlayback): () => void {
  let end = (): void => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retries = 0;
  let isOver = false;
  const again = (note: string): void => {
    end();
    if (retries++ >= MAX_RETRIES) fail("It does not come. Open it again to try again.");
    else {
      tell(note);
      timer = setTimeout(() => void open(), RETRY_MS);
    }
  };
  const open = async (): Promise<void> => {
    const { default: Player } = await import("hls.js/light");
    if (isOver) return;
    if (!Player.isSupported()) {
      end = playFile(element, source, fail);
      return;
    }
    const player = new Player({ liveDurationInfinity: true, ...(startsAtBegin && { startPosition: 0 }) });
    end = () => player.destroy();
    let isRecovered = false;
    player.on(Player.Events.ERROR, (_event, { fatal, type, details, response }) => {
      if (!fatal) return;
      const status = response?.code ?? 0;
      if (type === Player.ErrorTypes.MEDIA_ERROR && !isRecovered) {
        isRecovered = true;
        player.recoverMediaError();
      } else if ((status === 404 || status === 503) && isAwaited)
        again("Waiting for the first pictures of a recording …");
      else if (type === Player.ErrorTypes.NETWORK_ERROR && (status === 0 || status >= 500))
        again("The server does not answer, trying again …");
      else {
        end();
        fail(
          status === 404 || status === 415
            ? "The server has nothing of it to play."
            : `It cannot be played: ${details}.`,
        );
      }
    });
    player.on(Player.Events.FRAG_BUFFERED, () => {
      retries = 0;
      isRecovered = false;
      tell("");
    });
    player.loadSource(source);
    player.attachMedia(element);
  };
  open().catch(() => fail("The player could not be loaded: load the page again."));
  return () => {
    isOver = true;
    clearTimeout(timer);
    element.pause();
    end();
  };
}
