// Every gap that was told of a stream since the server began, newest first.

import { useEffect, useState } from "preact/hooks";
import { bytes, count, duration, fileName, words } from "../lib/format.js";
import { get } from "../state/api.js";
import { events } from "../state/live.js";
import type { ToldGap } from "../state/server-types.js";
import { Scroll } from "./scroll.js";
import { When } from "./when.js";

const SHOWN = 200;

export function GapLedger({ stream }: { stream: string }) {
  const [gaps, setGaps] = useState<readonly ToldGap[]>([]);
  const told = events.value.filter(({ type }) => type === "recordGap").length;
  useEffect(() => {
    let isOver = false;
    get<{ gaps: ToldGap[] }>(`/api/gaps?stream=${encodeURIComponent(stream)}`).then(
      (answer) => {
        if (!isOver) setGaps(answer.gaps);
      },
      () => {},
    );
    return () => {
      isOver = true;
    };
  }, [stream, told]);
  return (
    <section class="card" aria-label="Gaps">
      <h2>Gaps</h2>
      {gaps.length === 0 ? (
        <p class="muted">
          None since the server began. Each gap of a recording is listed here with its cause and size.
        </p>
      ) : (
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
              {gaps.slice(0, SHOWN).map((gap) => (
                <tr key={`${gap.at} ${gap.file} ${gap.cause}`}>
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
    </section>
  );
}
