// What the server does as a whole: load, room, totals, losses, and whether this page is up to date.

import type { ComponentChildren } from "preact";
import { bitRate, bytes, count, duration, percent } from "../lib/format.js";
import { byRoom } from "../lib/room.js";
import { beat, configs, connection, cpuShare, history, refusal, server, streams, volumes } from "../state/live.js";
import { Clocks } from "./when.js";

/** Room that is left for less is a warning, or an alarm. */
const SHORT_SECONDS = 24 * 3600;
const VERY_SHORT_SECONDS = 3600;

export function Header() {
  const state = server.value;
  return (
    <header class="header">
      <dl tabIndex={0} aria-label="The server">
        <Load />
        <Rate />
        <Room />
        {state && (
          <Fact title="Recorded">
            <b>{bytes(state.totals.recordedBytes)}</b>
          </Fact>
        )}
        <Lost />
      </dl>
      <div class="aside">
        <Link />
        <Clocks />
      </div>
    </header>
  );
}

interface FactProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly mark?: "warn" | "bad" | "";
}

function Fact({ title, children, mark = "" }: FactProps) {
  return (
    <div class={`fact ${mark}`}>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Load() {
  const state = server.value;
  const share = cpuShare.value;
  return (
    <Fact title="CPU">
      <b>{share === undefined ? "–" : percent(share)}</b>
      {state && <span> of {state.cores} cores</span>}
    </Fact>
  );
}

function Rate() {
  void beat.value;
  const all = streams.value ?? [];
  const rate = all.reduce((sum, { id }) => sum + (history.latest(id)?.bitsPerSecond ?? 0), 0);
  const recordings = all.reduce((sum, stream) => sum + stream.recordings.length, 0);
  const waiting = (configs.value ?? []).filter(({ kind, state }) => kind === "record" && state === "waiting").length;
  return (
    <>
      <Fact title="Streams">
        <b>{count(all.length)}</b>
        <span> {bitRate(rate)}</span>
      </Fact>
      <Fact title="Recordings">
        <b>{count(recordings)}</b>
        {waiting > 0 && <span> {count(waiting)} waiting</span>}
      </Fact>
    </>
  );
}

function Room() {
  const [tightest] = [...volumes.value].sort(byRoom);
  if (!tightest) return null;
  if (!tightest.answers)
    return (
      <Fact title="Disk" mark="bad">
        <b>does not answer</b>
      </Fact>
    );
  const { freeBytes, fullInSeconds } = tightest;
  const left = fullInSeconds ?? Number.POSITIVE_INFINITY;
  return (
    <Fact title="Disk" mark={left < VERY_SHORT_SECONDS ? "bad" : left < SHORT_SECONDS ? "warn" : ""}>
      <b>{bytes(freeBytes)}</b>
      <span> free{fullInSeconds !== null && `, ${duration(fullInSeconds * 1000)} left`}</span>
    </Fact>
  );
}

function Lost() {
  const frames = (server.value?.totals.lost ?? []).reduce((sum, loss) => sum + loss.frames, 0);
  return (
    <Fact title="Lost" mark={frames > 0 ? "bad" : ""}>
      <b>{frames === 0 ? "nothing" : count(frames)}</b>
      {frames > 0 && <span> frames</span>}
    </Fact>
  );
}

const WORDS = {
  connecting: "Connecting",
  live: "Live",
  lost: "Connection lost, trying again",
  refused: "No events",
} as const;

function Link() {
  const state = connection.value;
  return (
    <span class={`link ${state}`} role="status" title={refusal.value}>
      {WORDS[state]}
      {refusal.value !== "" && `: ${refusal.value}`}
    </span>
  );
}
