// The server itself: what runs, where it listens, how its disks stand, how it was configured.

import { useEffect, useState } from "preact/hooks";
import { bytes, count, duration, offsetName, percent, words } from "../lib/format.js";
import { When } from "../parts/when.js";
import { get, messageOf, RequestFailed } from "../state/api.js";
import { cpuShare, server, volumes } from "../state/live.js";
import type { ServerState, VolumeState } from "../state/server-types.js";
import { isOwner, session } from "../state/session.js";
import { isVisible } from "../state/visibility.js";

export function System() {
  const state = server.value;
  if (!state) return <p class="starting">Asking the server …</p>;
  return (
    <section class="page system">
      <div class="bar">
        <h1>System</h1>
        <Health />
      </div>
      <div class="columns">
        <div class="column">
          <Process state={state} />
          <Totals state={state} />
        </div>
        <div class="column">
          <Listeners state={state} />
          <Disks volumes={volumes.value} />
        </div>
      </div>
      <Configuration state={state} />
    </section>
  );
}

/** Each time the server writes a file into each media folder. */
const HEALTH_MS = 15_000;

function Health() {
  const seen = isVisible.value;
  const [health, setHealth] = useState<{ isWell: boolean; text: string }>();
  useEffect(() => {
    if (!seen) return undefined;
    const ask = (): void => {
      get("/healthz").then(
        () => setHealth({ isWell: true, text: "Can record: every media folder takes a file" }),
        (error) =>
          setHealth({
            isWell: false,
            text: error instanceof RequestFailed && error.status === 503 ? "Cannot record" : messageOf(error),
          }),
      );
    };
    ask();
    const timer = setInterval(ask, HEALTH_MS);
    return () => clearInterval(timer);
  }, [seen]);
  return (
    <span class={health ? `link ${health.isWell ? "live" : "lost"}` : "link connecting"} role="status">
      {health?.text ?? "Asking"}
    </span>
  );
}

function Process({ state }: { state: ServerState }) {
  const share = cpuShare.value;
  const rows: [string, string][] = [
    ["Version", `Reel ${state.version}, Node ${state.node}`],
    ["Process", `${state.pid}, for ${duration(state.upTimeMs)}`],
    ["CPU", share === undefined ? "–" : `${percent(share)} of ${state.cores} cores`],
    ["Memory", bytes(state.memoryBytes)],
    ["Zone of its clock", offsetName(state.utcOffset)],
    [
      "You are",
      session.value?.needsLogin ? (isOwner.value ? "its owner" : "a viewer") : "its owner, as everybody here",
    ],
  ];
  return (
    <section class="card" aria-label="Server">
      <h2>Server</h2>
      <Pairs rows={rows} />
    </section>
  );
}

function Totals({ state: { totals } }: { state: ServerState }) {
  const rows: [string, string][] = [
    ["Recordings now", count(totals.recordings)],
    ["Recorded", `${bytes(totals.recordedBytes)}, ${count(totals.recordedFrames)} frames`],
    ["Files finished", count(totals.closedSegments)],
    ["Failures of files", count(totals.failedSegments)],
  ];
  return (
    <section class="card" aria-label="Since the start">
      <h2>Since the start</h2>
      <Pairs rows={rows} />
      {totals.lost.map(({ cause, frames }) => (
        <p class="bad" key={cause}>
          Lost {count(frames)} frames: {words(cause)}
        </p>
      ))}
    </section>
  );
}

function Pairs({ rows }: { rows: readonly (readonly [string, string])[] }) {
  return (
    <dl class="pairs">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Listeners({ state }: { state: ServerState }) {
  return (
    <section class="card" aria-label="Listeners">
      <h2>Listeners</h2>
      <Pairs rows={Object.entries(state.listeners)} />
    </section>
  );
}

function Disks({ volumes: all }: { volumes: readonly VolumeState[] }) {
  return (
    <section class="card" aria-label="Disks">
      <h2>Media folders</h2>
      {all.map(({ folder, answers, freeBytes, sizeBytes, fillBytesPerSecond, fullInSeconds }) => (
        <div class="disk" key={folder}>
          <span class="file" title={folder}>
            {folder}
          </span>
          {answers ? (
            <>
              <meter
                min={0}
                max={sizeBytes}
                value={sizeBytes - freeBytes}
                high={sizeBytes * 0.9}
                aria-label={`Used of ${folder}`}
              />
              <span class="sub">
                {bytes(freeBytes)} of {bytes(sizeBytes)} free
                {fullInSeconds !== null &&
                  `, ${duration(fullInSeconds * 1000)} left at ${bytes(fillBytesPerSecond)} a second`}
              </span>
            </>
          ) : (
            <span class="bad">does not answer</span>
          )}
        </div>
      ))}
    </section>
  );
}

function Configuration({ state: { configuration, now } }: { state: ServerState }) {
  return (
    <section class="card" aria-label="Configuration">
      <div class="card-head">
        <h2>Configuration</h2>
        <span class="muted">
          as of <When at={now} />, secrets masked
        </span>
      </div>
      {configuration === undefined ? (
        <p class="muted">Its owner sees it.</p>
      ) : (
        <pre tabIndex={0}>{JSON.stringify(configuration, null, 2)}</pre>
      )}
    </section>
  );
}
