// The gaps of a stream that the server remembers since it began, newest first.

import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, count, duration, fileName, words } from "../lib/format.js";
import { Repeater } from "../lib/repeater.js";
import { get, messageOf } from "../state/api.js";
import { connection, events } from "../state/live.js";
import type { ToldGap } from "../state/server-types.js";
import { isVisible } from "../state/visibility.js";
import { Scroll } from "./scroll.js";
import { When } from "./when.js";

const SHOWN = 200;

/** A flapping source tells gaps many times a second. */
const SHORTEST_MS = 2000;

interface Answer {
  /** Undefined until the server has answered. */
  readonly gaps: readonly ToldGap[] | undefined;
  readonly failure: string;
}

const UNKNOWN: Answer = { gaps: undefined, failure: "" };

function useGaps(stream: string): Answer {
  const [answer, setAnswer] = useState(UNKNOWN);
  const asking = useRef<Repeater>(undefined);
  const seen = isVisible.value;
  const newest = events.value.find(({ type, payload }) => type === "recordGap" && payload.localStreamName === stream);
  // Gaps that were told while the channel was down come with no event.
  const isLive = connection.value === "live";
  useEffect(() => setAnswer(UNKNOWN), [stream]);
  useEffect(() => {
    if (!seen) return undefined;
    const repeater = new Repeater(
      async (signal) => {
        try {
          const { gaps } = await get<{ gaps: ToldGap[] }>(`/api/gaps?stream=${encodeURIComponent(stream)}`, signal);
          if (!signal.aborted) setAnswer({ gaps, failure: "" });
        } catch (error) {
          if (!signal.aborted) setAnswer(({ gaps }) => ({ gaps, failure: messageOf(error) }));
        }
      },
      { shortestMs: SHORTEST_MS },
    );
    asking.current = repeater;
    return () => repeater.stop();
  }, [stream, seen]);
  useEffect(() => asking.current?.ask(), [stream, seen, newest?.id, isLive]);
  return answer;
}

export function GapLedger({ stream }: { stream: string }) {
  const { gaps, failure } = useGaps(stream);
  return (
    <section class="card" aria-label="Gaps">
      <h2>Gaps</h2>
      {failure !== "" && <p class="failure">{failure}</p>}
      {gaps === undefined && failure === "" && <p class="muted">Asking the server …</p>}
      {gaps?.length === 0 && (
        <p class="muted">The server remembers none. Each gap of a recording is listed here with its cause and size.</p>
      )}
      {gaps !== undefined && gaps.length > 0 && (
        <Scroll label="List of gaps">
          <table>
            <thead>
              <tr>
                <th>Told at</th>
                <th>Cause</th>
                <th class="right">Span</th>
                <th class="right">Frames</th>
                <th class="right">Size</th>
                <th>File</th>
              </tr>
            </thead>
            <tbody>
              {gaps.slice(0, SHOWN).map((gap, index) => (
                // Counted from the oldest, so that a line keeps its key where newer ones come above it.
                <tr key={gaps.length - index}>
                  <td>
                    <When at={gap.at} withDay />
                  </td>
                  <td class={gap.frames > 0 ? "bad" : ""}>
                    {words(gap.cause)}
                    {gap.track !== null && <span class="muted"> {gap.track}</span>}
                  </td>
                  <td class="right">{gap.durationMs > 0 ? duration(gap.durationMs) : "–"}</td>
                  <td class={gap.frames > 0 ? "right bad" : "right"}>{count(gap.frames)}</td>
                  <td class="right">{gap.bytes > 0 ? bytes(gap.bytes) : "–"}</td>
                  <td class="file" title={gap.file}>
                    {fileName(gap.file)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {gaps !== undefined && gaps.length > SHOWN && (
        <p class="muted">
          The newest {SHOWN} of {count(gaps.length)} gaps are listed.
        </p>
      )}
    </section>
  );
}
