// What was recorded on a day: a line of time for each stream, with what is missing, and the files.

import { useState } from "preact/hooks";
import type { TimeSpan } from "../lib/bars.js";
import { count, day, ownOffset } from "../lib/format.js";
import { ClipForm } from "../parts/clip-form.js";
import { Empty } from "../parts/empty.js";
import { FileTable } from "../parts/file-list.js";
import { Icon } from "../parts/icon.js";
import { PlayDialog } from "../parts/play-dialog.js";
import { Timeline } from "../parts/timeline.js";
import { useFiles } from "../state/files.js";
import type { RecordedFile } from "../state/server-types.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NARROWEST_MS = 60_000;

/** By the viewer's clock. */
function dayOf(ms: number): TimeSpan {
  const begin = new Date(ms);
  begin.setHours(0, 0, 0, 0);
  const end = new Date(begin);
  end.setDate(end.getDate() + 1);
  return { fromMs: begin.getTime(), toMs: end.getTime() };
}

export function Recordings() {
  const [filter, setFilter] = useState("");
  const [whole, setWhole] = useState(() => dayOf(Date.now()));
  /** Undefined: as much as holds something. */
  const [chosen, setSpan] = useState<TimeSpan>();
  const [played, setPlayed] = useState<{ file: RecordedFile; fromMs: number }>();
  const [clip, setClip] = useState<string>();
  const { files, isCut, failure } = useFiles(whole);
  const show = (next: TimeSpan): void => {
    setWhole(next);
    setSpan(undefined);
  };
  const wanted = filter.trim().toLowerCase();
  const there = (files ?? []).filter(
    ({ state, stream }) => state !== "deleted" && stream.toLowerCase().includes(wanted),
  );
  const span = chosen ?? within(spanOf(there, whole), whole);
  const streams = [...new Set(there.map(({ stream }) => stream))].sort();
  return (
    <section class="page recordings">
      <div class="bar">
        <h1>Recordings</h1>
        <div class="steps">
          <button type="button" aria-label="The day before" onClick={() => show(dayOf(whole.fromMs - HOUR_MS))}>
            <Icon name="left" />
          </button>
          <input
            type="date"
            aria-label="Day"
            value={day(whole.fromMs, ownOffset(whole.fromMs))}
            onChange={({ currentTarget: { value } }) => value && show(dayOf(new Date(`${value}T00:00`).getTime()))}
          />
          <button type="button" aria-label="The day after" onClick={() => show(dayOf(whole.toMs + HOUR_MS))}>
            <Icon name="right" />
          </button>
          <button type="button" onClick={() => show(dayOf(Date.now()))}>
            Today
          </button>
        </div>
        <input
          type="search"
          placeholder="Filter by stream"
          aria-label="Filter the streams"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <Zoom span={span} whole={whole} onSpan={setSpan} />
      </div>
      {failure !== "" && <p class="failure">{failure}</p>}
      {isCut && (
        <p class="hint">
          Only the newest {count(files?.length ?? 0)} files of the day are shown. Open a stream for its own.
        </p>
      )}
      {files !== undefined && there.length === 0 ? (
        <NothingThere isFiltered={wanted !== "" && files.length > 0} />
      ) : (
        <>
          <Timeline
            files={there}
            span={span}
            onSpan={(next) => setSpan(within(next, whole))}
            onPlay={(file, fromMs) => setPlayed({ file, fromMs })}
          />
          <section class="card" aria-label="Files">
            <div class="card-head">
              <h2>Files</h2>
              <span class="muted">{count(there.length)} on this day</span>
              {streams.length > 0 && (
                <button type="button" onClick={() => setClip(streams[0])}>
                  <Icon name="clip" /> Export a clip
                </button>
              )}
            </div>
            <FileTable files={files && there} withStream />
          </section>
        </>
      )}
      {played && (
        <PlayDialog
          file={played.file}
          fromMs={played.fromMs}
          toMs={endOf(whole)}
          onClose={() => setPlayed(undefined)}
        />
      )}
      {clip !== undefined && (
        <ClipForm
          key={clip}
          stream={clip}
          streams={streams}
          files={there.filter(({ stream }) => stream === clip)}
          onStream={setClip}
          onClose={() => setClip(undefined)}
        />
      )}
    </section>
  );
}

/** From the first file to the end of the last, with some room beside. */
function spanOf(files: readonly RecordedFile[], whole: TimeSpan): TimeSpan {
  if (files.length === 0) return whole;
  const fromMs = Math.min(...files.map(({ start }) => Date.parse(start)));
  const toMs = Math.max(...files.map(({ end }) => (end === null ? Date.now() : Date.parse(end))));
  const room = Math.max(60_000, (toMs - fromMs) * 0.04);
  return { fromMs: fromMs - room, toMs: toMs + room };
}

/** Of a day that is still going on the list grows. */
function endOf({ toMs }: TimeSpan): number | undefined {
  return toMs < Date.now() ? toMs : undefined;
}

function within({ fromMs, toMs }: TimeSpan, whole: TimeSpan): TimeSpan {
  const size = Math.min(Math.max(toMs - fromMs, NARROWEST_MS), whole.toMs - whole.fromMs);
  const begin = Math.min(Math.max(fromMs, whole.fromMs), whole.toMs - size);
  return { fromMs: begin, toMs: begin + size };
}

function Zoom({ span, whole, onSpan }: { span: TimeSpan; whole: TimeSpan; onSpan: (span: TimeSpan) => void }) {
  const size = span.toMs - span.fromMs;
  const zoom = (factor: number): void => {
    const middle = (span.fromMs + span.toMs) / 2;
    onSpan(within({ fromMs: middle - (size * factor) / 2, toMs: middle + (size * factor) / 2 }, whole));
  };
  const lastHour = (): void => {
    const endMs = Math.min(Date.now(), whole.toMs);
    onSpan(within({ fromMs: endMs - HOUR_MS, toMs: endMs }, whole));
  };
  const isWhole = size >= Math.min(DAY_MS, whole.toMs - whole.fromMs) - 1;
  return (
    <div class="steps">
      <button type="button" aria-label="Zoom out" disabled={isWhole} onClick={() => zoom(2)}>
        <Icon name="minus" />
      </button>
      <button type="button" aria-label="Zoom in" disabled={size <= NARROWEST_MS} onClick={() => zoom(0.5)}>
        <Icon name="plus" />
      </button>
      <button type="button" onClick={lastHour}>
        Last hour
      </button>
      <button type="button" disabled={isWhole} onClick={() => onSpan(whole)}>
        Whole day
      </button>
    </div>
  );
}

function NothingThere({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered)
    return (
      <Empty title="No stream of this day fits the filter">
        <p>Clear the filter to see all of them.</p>
      </Empty>
    );
  return (
    <Empty title="Nothing was recorded on this day">
      <p>
        Go to another day, or record a stream: on the page <a href="#/now">Now</a>, or by{" "}
        <code>reel send 'record localStreamName=cam1 pathToFile=cam1'</code>.
      </p>
    </Empty>
  );
}
