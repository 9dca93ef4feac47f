// A line of time for each stream: filled where there is a file, red where frames are missing, empty where nothing was
// recorded. Files that would be narrower than a pixel are drawn together, so that a day of short files stays light.

import { useEffect, useRef, useState } from "preact/hooks";
import { type Bar, barsOf, endOf, lanesOf, type TimeSpan } from "../lib/bars.js";
import { clockTime, count, duration, ownOffset } from "../lib/format.js";
import { link } from "../lib/location.js";
import { canPlay } from "../lib/played.js";
import type { RecordedFile } from "../state/server-types.js";

export interface TimelineProps {
  readonly files: readonly RecordedFile[];
  readonly span: TimeSpan;
  readonly onSpan: (span: TimeSpan) => void;
  /** `fromMs`: where it was clicked. */
  readonly onPlay: (file: RecordedFile, fromMs: number) => void;
}

const TICK_STEPS_MS = [10, 30, 60, 300, 600, 1800, 3600, 7200, 10_800, 21_600].map((seconds) => seconds * 1000);
const TICK_WIDTH = 90;
/** A tick so near to the end has no room for its time. */
const LABEL_WIDTH = 60;
const STEP = 0.25;

export function Timeline({ files, span, onSpan, onPlay }: TimelineProps) {
  const scale = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const element = scale.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const size = span.toMs - span.fromMs;
  const move = (shift: number, factor = 1): void => {
    const middle = (span.fromMs + span.toMs) / 2 + shift * size;
    onSpan({ fromMs: middle - (size * factor) / 2, toMs: middle + (size * factor) / 2 });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "ArrowLeft") move(-STEP);
    else if (event.key === "ArrowRight") move(STEP);
    else if (event.key === "+") move(0, 0.5);
    else if (event.key === "-") move(0, 2);
    else return;
    event.preventDefault();
  };
  const byStream = groupByStream(files);
  const now = Date.now();
  const at = (ms: number): string => `${((ms - span.fromMs) / size) * 100}%`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows and + and - move what its buttons show
    <div class="card timeline" onKeyDown={onKey}>
      <div class="timeline-row scale" aria-hidden="true">
        <span />
        <div class="track" ref={scale}>
          {ticksOf(span, width).map((tick) => (
            <span class="tick" key={tick} style={{ left: at(tick) }}>
              {clockTime(tick, ownOffset(tick)).slice(0, size > 600_000 ? 5 : 8)}
            </span>
          ))}
        </div>
      </div>
      <ul>
        {[...byStream].map(([stream, own]) => (
          <li class="timeline-row" key={stream}>
            <a href={link("streams", stream)} title={stream}>
              {stream}
            </a>
            <div class="track">
              {lanesOf(own).map((files, lane, { length }) =>
                barsOf(files, lane, span, width).map((bar) => (
                  <BarButton {...{ bar, lanes: length, span, width, onPlay }} key={bar.files[0]?.sequence} />
                )),
              )}
              {now > span.fromMs && now < span.toMs && <span class="now-line" style={{ left: at(now) }} />}
            </div>
          </li>
        ))}
      </ul>
      <p class="legend">
        <span class="swatch" /> recorded <span class="swatch growing" /> growing <span class="swatch hurt" /> frames
        missing
        <span class="swatch none" /> nothing. Click to play from there; arrows, + and − move and zoom.
      </p>
    </div>
  );
}

interface BarProps {
  readonly bar: Bar;
  readonly lanes: number;
  readonly span: TimeSpan;
  readonly width: number;
  readonly onPlay: TimelineProps["onPlay"];
}

function BarButton({ bar, lanes, span, width, onPlay }: BarProps) {
  const size = span.toMs - span.fromMs;
  const played = bar.files.filter(canPlay);
  const play = (event: MouseEvent): void => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    // By keyboard there is no place: from its beginning.
    const share = event.detail === 0 ? 0 : (event.clientX - box.left) / box.width;
    const ms = span.fromMs + ((bar.left + share * (bar.right - bar.left)) / width) * size;
    const file = played.findLast(({ start }) => Date.parse(start) <= ms) ?? played[0];
    if (file) onPlay(file, Math.max(ms, Date.parse(file.start)));
  };
  const kind = bar.isHurt ? " hurt" : bar.isGrowing ? " growing" : "";
  const told = barText(bar);
  return (
    <button
      type="button"
      class={`span${kind}`}
      style={{
        top: `${(bar.lane / lanes) * 100}%`,
        height: lanes === 1 ? "100%" : `calc(${100 / lanes}% - 1px)`,
        left: `${(bar.left / width) * 100}%`,
        width: `max(2px, calc(${((bar.right - bar.left) / width) * 100}% - 1px))`,
      }}
      title={told}
      disabled={played.length === 0}
      aria-label={played.length === 0 ? `${told}, for download only` : `Play ${told}`}
      onClick={play}
    />
  );
}

function barText({ files, isHurt }: Bar): string {
  const [first] = files;
  if (!first) return "";
  const startMs = Date.parse(first.start);
  const endMs = endOf(files.at(-1) ?? first);
  const lost = files.reduce((sum, { lost: own }) => sum + (own?.frames ?? 0), 0);
  const clock = `${clockTime(startMs, ownOffset(startMs))} to ${clockTime(endMs, ownOffset(endMs))}`;
  const what = files.length === 1 ? duration(endMs - startMs) : `${files.length} files`;
  return `${first.stream}, ${clock}, ${what}${isHurt ? `, ${count(lost)} frames missing` : ""}`;
}

function groupByStream(files: readonly RecordedFile[]): Map<string, RecordedFile[]> {
  const groups = new Map<string, RecordedFile[]>();
  for (const file of [...files].sort((a, b) => (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0))) {
    const own = groups.get(file.stream) ?? [];
    own.push(file);
    groups.set(file.stream, own);
  }
  return groups;
}

/** At round times by the viewer's clock. */
function ticksOf({ fromMs, toMs }: TimeSpan, width: number): number[] {
  const wanted = (toMs - fromMs) / Math.max(1, width / TICK_WIDTH);
  const step = TICK_STEPS_MS.find((candidate) => candidate >= wanted) ?? 43_200_000;
  const offsetMs = ownOffset(fromMs) * 60_000;
  const ticks: number[] = [];
  for (
    let ms = Math.ceil((fromMs + offsetMs) / step) * step - offsetMs;
    ms < toMs - (LABEL_WIDTH * (toMs - fromMs)) / width;
    ms += step
  )
    ticks.push(ms);
  return ticks;
}
