// The phases of a recording, as one table: what each event makes of each phase. An event that a row does not name
// changes nothing: a recording that is stopping cannot be stopped again.
//
//   stop takes what the ring holds now, then ends returned the worker has given it back, or never took it up handOver
//   ends at the next random access point end takes no more frames: it is done, or has failed dispatch a worker gets it
//   finished its last segment is final
//
// In `draining` and the other drains a worker has it. A `stoppingDrain` was given out before the stop, so its kernel
// may not have seen it; what a `lastDrain` calls the end is the end. A recording that is `givenUp` has ended while a
// write hangs: the worker still has its state, so it stays in the ring's books until that call returns.

export type RecordingPhase =
  | "running"
  | "draining"
  | "handingOver"
  | "handingOverDrain"
  | "stopping"
  | "stoppingDrain"
  | "lastDrain"
  | "givenUp"
  | "finishing"
  | "ended";

export type RecordingEvent = "stop" | "handOver" | "dispatch" | "returned" | "end" | "finished";

type Row = Readonly<Partial<Record<RecordingEvent, RecordingPhase>>>;

// biome-ignore format: a table is read by its columns
export const TRANSITIONS: Readonly<Record<RecordingPhase, Row>> = {
  running:          { stop: "stopping",      handOver: "handingOver",      dispatch: "draining",         end: "finishing" },
  draining:         { stop: "stoppingDrain", handOver: "handingOverDrain", returned: "running",          end: "givenUp" },
  handingOver:      { stop: "stopping",                                    dispatch: "handingOverDrain", end: "finishing" },
  handingOverDrain: { stop: "stoppingDrain",                               returned: "handingOver",      end: "givenUp" },
  stopping:         {                                                      dispatch: "lastDrain",        end: "finishing" },
  stoppingDrain:    {                                                      returned: "stopping",         end: "givenUp" },
  lastDrain:        {                                                      returned: "stopping",         end: "givenUp" },
  givenUp:          {                                                      returned: "finishing" },
  finishing:        { finished: "ended" },
  ended:            {},
};

/** undefined where the event means nothing to the phase. */
export function nextPhase(phase: RecordingPhase, event: RecordingEvent): RecordingPhase | undefined {
  return TRANSITIONS[phase][event];
}

/** A worker has it, or will get it. */
export function hasWorker(phase: RecordingPhase): boolean {
  return TRANSITIONS[phase].returned !== undefined;
}

/** It takes no more frames. */
export function isStopped(phase: RecordingPhase): boolean {
  return TRANSITIONS[phase].end === undefined;
}
