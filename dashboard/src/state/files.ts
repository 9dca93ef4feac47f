// Files of the catalogue for a span of time. What is more than a screen can show is left out, oldest first, and that is
// said.

import { useEffect, useState } from "preact/hooks";
import { Repeater } from "../lib/repeater.js";
import { get, messageOf } from "./api.js";
import { onFileChange } from "./live.js";
import { type AskPage, type FilePage, newestFiles } from "./newest-files.js";
import type { RecordedFile } from "./server-types.js";
import { isVisible } from "./visibility.js";

export interface FileQuestion {
  readonly stream?: string | undefined;
  readonly fromMs: number;
  /** Missing: up to now. */
  readonly toMs?: number | undefined;
}

export interface FileAnswer {
  /** Oldest first; undefined until the server has answered. Those of the answer before stay where one fails. */
  readonly files: readonly RecordedFile[] | undefined;
  /** There are older ones than are told. */
  readonly isCut: boolean;
  readonly failure: string;
}

const UNKNOWN: FileAnswer = { files: undefined, isCut: false, failure: "" };
/** On a busy server files begin and end many times a second. */
const SHORTEST_MS = 2000;
const EVENT_DELAY_MS = 250;

function askerOf(stream: string | undefined, signal: AbortSignal): AskPage {
  return (fromMs, toMs, limit, cursor) => {
    const query = new URLSearchParams({ from: String(fromMs), to: String(toMs), limit: String(limit) });
    if (stream !== undefined) query.set("stream", stream);
    if (cursor !== null) query.set("cursor", cursor);
    return get<FilePage>(`/api/recordings?${query}`, signal);
  };
}

/** Asked anew when files begin, close or go. */
export function useFiles({ stream, fromMs, toMs }: FileQuestion): FileAnswer {
  const [answer, setAnswer] = useState(UNKNOWN);
  const seen = isVisible.value;
  useEffect(() => setAnswer(UNKNOWN), [stream, fromMs, toMs]);
  useEffect(() => {
    if (!seen) return undefined;
    const asking = new Repeater(
      async (signal) => {
        try {
          // What begins while it is asked counts.
          const found = await newestFiles(askerOf(stream, signal), fromMs, toMs ?? Date.now() + SHORTEST_MS);
          if (!signal.aborted) setAnswer({ ...found, failure: "" });
        } catch (error) {
          if (!signal.aborted) setAnswer(({ files, isCut }) => ({ files, isCut, failure: messageOf(error) }));
        }
      },
      { shortestMs: SHORTEST_MS },
    );
    asking.ask();
    const forget = onFileChange((changed) => {
      if (stream === undefined || changed === undefined || changed === stream) asking.ask(EVENT_DELAY_MS);
    });
    return () => {
      forget();
      asking.stop();
    };
  }, [stream, fromMs, toMs, seen]);
  return answer;
}
