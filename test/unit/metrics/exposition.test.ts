import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Histogram } from "../../../src/base/histogram.js";
import type { RouteHandler, RouteRequest } from "../../../src/base/routes.js";
import { counter, gauge, type Sample } from "../../../src/base/samples.js";
import { Exposition } from "../../../src/metrics/exposition.js";
import { FewStreams, metricsRoutes } from "../../../src/metrics/metrics-routes.js";

function exposition(samples: readonly Sample[]): string {
  const text = new Exposition();
  text.add(samples);
  return text.text();
}

describe("samples as text", () => {
  it("brings the samples of a family together, with one HELP and one TYPE", () => {
    const text = exposition([
      gauge("reel_a", "As.", 1, { stream: "x" }),
      counter("reel_b_total", "Bs.", 2),
      gauge("reel_a", "As.", 0.5, { stream: "y", track: "0" }),
      gauge("reel_c", "Cs.", Number.POSITIVE_INFINITY),
    ]);
    expect(text).toBe(
      [
        "# HELP reel_a As.",
        "# TYPE reel_a gauge",
        'reel_a{stream="x"} 1',
        'reel_a{stream="y",track="0"} 0.5',
        "# HELP reel_b_total Bs.",
        "# TYPE reel_b_total counter",
        "reel_b_total 2",
        "# HELP reel_c Cs.",
        "# TYPE reel_c gauge",
        "reel_c +Inf",
        "",
      ].join("\n"),
    );
  });

  it("lets no label end its line", () => {
    const text = exposition([gauge("reel_a", "As.", 1, { stream: 'a"b\\c\nd' })]);
    expect(text.split("\n")[2]).toBe('reel_a{stream="a\\"b\\\\c\\nd"} 1');
  });

  it("counts a histogram's observations up to each bound, the bound included", () => {
    const histogram = new Histogram("reel_x_seconds", "Xs.", [0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 3]) histogram.observe(value);
    expect(exposition(histogram.collect())).toBe(
      [
        "# HELP reel_x_seconds Xs.",
        "# TYPE reel_x_seconds histogram",
        'reel_x_seconds_bucket{le="0.1"} 2',
        'reel_x_seconds_bucket{le="1"} 3',
        'reel_x_seconds_bucket{le="+Inf"} 4',
        "reel_x_seconds_sum 3.65",
        "reel_x_seconds_count 4",
        "",
      ].join("\n"),
    );
  });

  it("leaves out the streams beyond the limit, and says how many", () => {
    const few = new FewStreams(2);
    const kept = ["a", "b", "c", "a", "c"].flatMap((stream) => few.of([gauge("reel_a", "As.", 1, { stream })]));
    expect(kept.map(({ labels }) => labels.stream)).toEqual(["a", "b", "a"]);
    expect(few.leftOut()).toMatchObject({ name: "reel_metrics_left_out_streams", labels: {}, value: 1 });
    expect(new FewStreams(0).of(kept)).toEqual([]);
  });
});

it("a scrape of many streams lets others have the thread in between", async () => {
  const SLOW = 6;
  const collector = {
    collect: () => [],
    *collectEach() {
      for (let stream = 0; stream < SLOW; stream++) {
        for (const untilMs = performance.now() + 5; performance.now() < untilMs; );
        yield [gauge("reel_a", "As.", stream, { stream: String(stream) })];
      }
    },
  };
  let answer: RouteHandler | undefined;
  metricsRoutes({ collectors: () => [collector], volumes: [] }).routes((_method, _path, handler) => {
    answer = handler;
  });
  const turns: number[] = [];
  let isDone = false;
  const others = (async () => {
    for (; !isDone; await nextTurn()) turns.push(performance.now());
  })();
  const reply = await answer?.({} as RouteRequest);
  isDone = true;
  await others;
  expect(turns.length).toBeGreaterThan(SLOW);
  expect(String(reply?.body).match(/^reel_a\{/gm)).toHaveLength(SLOW);
});
