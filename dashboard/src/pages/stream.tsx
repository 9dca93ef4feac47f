// One stream: its picture, from the recording that grows; how it went in the last minutes; what is recorded of it and
// what is missing.

import { useState } from "preact/hooks";
import { bitRate, bytes, count, duration } from "../lib/format.js";
import { sourceName } from "../lib/sources.js";
import { CommandForm } from "../parts/command-form.js";
import { Empty } from "../parts/empty.js";
import { FileList } from "../parts/file-list.js";
import { GapLedger } from "../parts/gap-ledger.js";
import { Icon } from "../parts/icon.js";
import { lazy } from "../parts/lazy.js";
import { Losses } from "../parts/losses.js";
import { RecordButton } from "../parts/record-form.js";
import { When } from "../parts/when.js";
import { beat, configs, history, streams } from "../state/live.js";
import type { OutState, StreamState } from "../state/server-types.js";
import { isOwner } from "../state/session.js";
import { Chip, Codecs } from "./now.js";

const Chart = lazy(async () => (await import("../parts/chart.js")).Chart);
const Player = lazy(async () => (await import("../parts/player.js")).Player);
const Preview = lazy(async () => (await import("../parts/preview.js")).Preview);

/** What HLS is made of. */
const PLAYED: ReadonlySet<string> = new Set(["mp4", "ts"]);

export function Stream({ name }: { name: string }) {
  void beat.value;
  if (streams.value === undefined) return <p class="starting">Asking the server …</p>;
  const stream = streams.value.find((candidate) => candidate.name === name);
  const states = (configs.value ?? []).filter(({ localStreamName }) => localStreamName === name);
  return (
    <section class="page stream">
      <div class="bar">
        <a class="back" href="#/now" aria-label="All streams">
          <Icon name="left" />
        </a>
        <h1>{name}</h1>
        {stream ? (
          <span class="muted">
            {sourceName(stream.source.type)} from {stream.source.address}, for {duration(stream.upTimeMs)}
          </span>
        ) : (
          <span class="chip waiting">not live</span>
        )}
        {isOwner.value && <RecordButton stream={name} />}
      </div>
      {stream ? <Live stream={stream} /> : <NotLive isAwaited={states.some(({ kind }) => kind === "record")} />}
      <GapLedger stream={name} />
      <FileList stream={name} />
    </section>
  );
}

function NotLive({ isAwaited }: { isAwaited: boolean }) {
  return (
    <Empty title="It is not live">
      <p>
        {isAwaited
          ? "Its recording begins with its first frame. What was recorded before is below."
          : "Nothing records it either. What was recorded before is below."}
      </p>
    </Empty>
  );
}

function Live({ stream }: { stream: StreamState }) {
  const points = history.pointsOf(stream.id);
  const times = points.map(({ at }) => at);
  return (
    <div class="columns">
      <div class="column">
        <Picture stream={stream} />
        <Facts stream={stream} />
      </div>
      <div class="column">
        <div class="card charts">
          <Chart
            title="Bit rate"
            times={times}
            values={points.map(({ bitsPerSecond }) => bitsPerSecond)}
            format={bitRate}
            atLeast={100_000}
          />
          <Chart
            title="Frame interval"
            times={times}
            values={points.map(({ frameIntervalMs }) => frameIntervalMs)}
            format={milliseconds}
            atLeast={50}
          />
          <Chart
            title="Lag to the disk"
            times={times}
            values={points.map(({ lagMs }) => lagMs)}
            format={milliseconds}
            atLeast={1000}
          />
        </div>
        <Running recordings={stream.recordings} />
      </div>
    </div>
  );
}

/** From what is recorded, which can be rewound, or from the camera itself where the server offers that. */
function Picture({ stream: { name, preview, recordings } }: { stream: StreamState }) {
  const isPlayed = recordings.some(({ type }) => PLAYED.has(type));
  const [wanted, setWanted] = useState<"recording" | "camera">();
  const shown = wanted ?? (isPlayed || preview === null ? "recording" : "camera");
  return (
    <div class="card picture">
      {preview !== null && isPlayed && (
        <div class="player-keys" role="group" aria-label="Picture of">
          <button type="button" aria-pressed={shown === "recording"} onClick={() => setWanted("recording")}>
            The recording
          </button>
          <button type="button" aria-pressed={shown === "camera"} onClick={() => setWanted("camera")}>
            The camera, now
          </button>
        </div>
      )}
      {shown === "camera" && preview !== null ? (
        <Preview stream={name} path={preview} />
      ) : isPlayed ? (
        <Player
          label={`Live picture of ${name}`}
          source={`/hls/${encodeURIComponent(name)}/index.m3u8`}
          kind="hls"
          isLive
        />
      ) : (
        <Empty title="No picture">
          <p>The picture is played from a recording that grows. Record the stream as MP4 to see it here.</p>
        </Empty>
      )}
    </div>
  );
}

function milliseconds(value: number): string {
  return value < 100 ? `${value.toFixed(1)} ms` : duration(value);
}

function Facts({ stream }: { stream: StreamState }) {
  const { tracks, keyframeIntervalMs, lastFrameAgeMs } = stream;
  const frames = tracks.reduce((sum, track) => sum + track.frames, 0);
  const size = tracks.reduce((sum, track) => sum + track.bytes, 0);
  return (
    <dl class="card facts">
      <div>
        <dt>Codecs</dt>
        <dd class="codecs">
          <Codecs stream={stream} />
        </dd>
      </div>
      <div>
        <dt>Key frames</dt>
        <dd>{keyframeIntervalMs === null ? "–" : `every ${duration(keyframeIntervalMs)}`}</dd>
      </div>
      <div>
        <dt>Last frame</dt>
        <dd class="number">{duration(lastFrameAgeMs)} ago</dd>
      </div>
      <div>
        <dt>Brought</dt>
        <dd>
          {bytes(size)}, {count(frames)} frames
        </dd>
      </div>
    </dl>
  );
}

function Running({ recordings }: { recordings: readonly OutState[] }) {
  return (
    <div class="card">
      <h2>Recordings</h2>
      {recordings.length === 0 && <p class="muted">Nothing records it now.</p>}
      <ul class="running">
        {recordings.map((recording) => (
          <li key={recording.outStreamId}>
            <RunningOne recording={recording} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function RunningOne({ recording }: { recording: OutState }) {
  const [wish, setWish] = useState<"stop" | "cut">();
  const { outStreamId, file, since, frames, losses, isStopped } = recording;
  const close = (): void => setWish(undefined);
  return (
    <>
      <div class="running-text">
        <Chip recording={recording} />
        <span class="file path-end" title={file ?? ""}>
          <bdi>{file ?? "no file yet"}</bdi>
        </span>
        <span class="sub">
          since <When at={since} />, {bytes(recording.bytes)}, {count(frames)} frames; lost: <Losses losses={losses} />
        </span>
      </div>
      {isOwner.value && !isStopped && (
        <div class="actions">
          <button type="button" onClick={() => setWish("cut")}>
            <Icon name="cut" /> Cut now
          </button>
          <button type="button" onClick={() => setWish("stop")}>
            <Icon name="stop" /> Stop
          </button>
        </div>
      )}
      {wish === "cut" && (
        <CommandForm
          title="Cut the file now"
          name="cut"
          parameters={{ id: outStreamId }}
          action="Cut now"
          onClose={close}
        >
          <p>The file ends at the next random access point and another one begins there. Nothing is lost between.</p>
        </CommandForm>
      )}
      {wish === "stop" && (
        <CommandForm
          title="Stop the recording"
          name="shutdownStream"
          parameters={{ id: outStreamId, permanently: true }}
          action="Stop"
          isDangerous
          onClose={close}
        >
          <p>The file is finished, and the config that made it is removed. What was recorded stays.</p>
        </CommandForm>
      )}
    </>
  );
}
