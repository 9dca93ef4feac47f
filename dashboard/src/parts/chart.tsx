// One graph over the last minutes, by uPlot, in the page's colours. It is drawn anew when an answer has come.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clockTime, ownOffset } from "../lib/format.js";

export interface ChartProps {
  readonly title: string;
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly format: (value: number) => string;
  /** The axis reaches at least so far, so that noise does not look like a mountain. */
  readonly atLeast: number;
}

const HEIGHT = 132;
const AXIS_WIDTH = 68;

export function Chart({ title, times, values, format, atLeast }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const made = new uPlot(optionsFor(element, format, atLeast), [[], []], element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    const redraw = (): void => made.redraw();
    scheme.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", redraw);
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([[...times], values.map((value) => (Number.isNaN(value) ? null : value))]));
  const newest = values.at(-1);
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <b class="number">{newest === undefined || Number.isNaN(newest) ? "–" : format(newest)}</b>
      </figcaption>
      <div ref={place} />
    </figure>
  );
}

function optionsFor(element: HTMLElement, format: (value: number) => string, atLeast: number): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(atLeast, (high ?? 0) * 1.15)] } },
    series: [{}, { stroke: colour("--accent"), width: 1.6, points: { show: false } }],
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 90,
        size: 26,
        values: (_plot, ticks) => ticks.map((tick) => clockTime(tick * 1000, ownOffset(tick * 1000))),
      },
      {
        ...axis,
        size: AXIS_WIDTH,
        space: 36,
        grid: { stroke: colour("--line"), width: 1 },
        values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? "0" : format(tick))),
      },
    ],
  };
}
