// The table of phases against a model of what it stands for: a mode, a worker, and what is over. Every event in every
// phase, and what must hold on every way through.

import { describe, expect, it } from "vitest";
import {
  hasWorker,
  isStopped,
  nextPhase,
  type RecordingEvent,
  type RecordingPhase,
  TRANSITIONS,
} from "../../../../src/recording/lifecycle/recording-phase.js";

const PHASES = Object.keys(TRANSITIONS) as RecordingPhase[];
const EVENTS: readonly RecordingEvent[] = ["stop", "handOver", "dispatch", "returned", "end", "finished"];

interface Model {
  mode: "run" | "handOver" | "stop";
  worker: boolean;
  /** The worker got it when the stop was known. */
  knowsStop: boolean;
  isOver: boolean;
  isFinal: boolean;
}

const START: Model = { mode: "run", worker: false, knowsStop: false, isOver: false, isFinal: false };

/** undefined where the event cannot come, or changes nothing. */
function apply(model: Model, event: RecordingEvent): Model | undefined {
  const { mode, worker, isOver, isFinal } = model;
  switch (event) {
    case "stop":
      return isOver || mode === "stop" ? undefined : { ...model, mode: "stop" };
    case "handOver":
      return isOver || mode !== "run" ? undefined : { ...model, mode: "handOver" };
    case "dispatch":
      return isOver || worker ? undefined : { ...model, worker: true, knowsStop: mode === "stop" };
    case "returned":
      return worker ? { ...model, worker: false, knowsStop: false } : undefined;
    case "end":
      return isOver ? undefined : { ...model, isOver: true };
    case "finished":
      return isOver && !worker && !isFinal ? { ...model, isFinal: true } : undefined;
  }
}

function phaseOf({ mode, worker, knowsStop, isOver, isFinal }: Model): RecordingPhase {
  if (isFinal) return "ended";
  if (isOver) return worker ? "givenUp" : "finishing";
  if (mode === "run") return worker ? "draining" : "running";
  if (mode === "handOver") return worker ? "handingOverDrain" : "handingOver";
  if (!worker) return "stopping";
  return knowsStop ? "lastDrain" : "stoppingDrain";
}

describe("the phases of a recording", () => {
  it("are what their events make of a mode, a worker and an end, for every event in every phase", () => {
    const seen = new Set<RecordingPhase>();
    const compared = new Set<string>();
    const queue = [START];
    for (let model = queue.pop(); model; model = queue.pop()) {
      const phase = phaseOf(model);
      seen.add(phase);
      for (const event of EVENTS) {
        const key = `${JSON.stringify(model)} ${event}`;
        if (compared.has(key)) continue;
        compared.add(key);
        const next = apply(model, event);
        expect(nextPhase(phase, event), `${phase} + ${event}`).toBe(next && phaseOf(next));
        if (next) queue.push(next);
      }
      expect(hasWorker(phase), phase).toBe(model.worker);
      expect(isStopped(phase), phase).toBe(model.isOver);
    }
    expect([...seen].sort()).toEqual([...PHASES].sort());
  });

  it("all lead to the end", () => {
    for (const phase of PHASES) {
      let at = phase;
      for (const event of ["end", "returned", "finished"] as const) at = nextPhase(at, event) ?? at;
      expect(at, phase).toBe("ended");
    }
  });

  it("take a drain that was given out before the stop for no last one", () => {
    const way: RecordingEvent[] = ["dispatch", "stop", "returned", "dispatch", "returned", "end", "finished"];
    let at: RecordingPhase = "running";
    const phases = way.map((event) => {
      at = nextPhase(at, event) ?? at;
      return at;
    });
    expect(phases).toEqual(["draining", "stoppingDrain", "stopping", "lastDrain", "stopping", "finishing", "ended"]);
  });
});
