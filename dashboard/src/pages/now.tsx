// Every stream on one line, live and awaited ones: what it brings, what is made of it, what is missing.

import { useState } from "preact/hooks";
import { codecName } from "../lib/codec-titles.js";
import { bitRate, duration, fileName } from "../lib/format.js";
import { link } from "../lib/location.js";
import { useIsPhone } from "../lib/media-query.js";
import { Empty } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { Losses } from "../parts/losses.js";
import { RecordButton } from "../parts/record-form.js";
import { Sparkline } from "../parts/sparkline.js";
import { VirtualList } from "../parts/virtual-list.js";
import { beat, configs, history, streams } from "../state/live.js";
import { nodes, unanswered } from "../state/nodes.js";
import type { OutState, StreamState } from "../state/server-types.js";
import { isOwner } from "../state/session.js";
import { groupRows, type NowRow, nowRows } from "./now-rows.js";
import { SORTS, type SortKey } from "./now-sorts.js";

const ROW_HEIGHT = 52;
const PHONE_ROW_HEIGHT = 124;
/** Two minutes. */
const SPARK_POINTS = 60;
/** A stream that brings nothing for so long is shown as one that hangs. */
const STALE_MS = 3000;
const LAG_MS = 2000;

export function Now() {
  const [filter, setFilter] = useState("");
  const [node, setNode] = useState("");
  const [sort, setSort] = useState<{ key: SortKey; isDown: boolean }>({ key: "name", isDown: false });
  const isPhone = useIsPhone();
  void beat.value;
  if (streams.value === undefined || configs.value === undefined) return <p class="starting">Asking the server …</p>;
  const all = nodes.value ? groupRows(nodes.value) : nowRows(streams.value, configs.value);
  const wanted = filter.trim().toLowerCase();
  const rows = all
    .filter((row) => row.text.includes(wanted) && (node === "" || row.node === node))
    .sort(SORTS[sort.key](sort.isDown));
  const sortBy = (key: SortKey): void => setSort({ key, isDown: sort.key === key ? !sort.isDown : key !== "name" });
  return (
    <section class="page now">
      <div class="bar">
        <h1>Now</h1>
        {all.length > 0 && (
          <>
            <input
              type="search"
              placeholder="Filter by name, source, codec, state"
              aria-label="Filter the streams"
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
            <span class="muted" role="status">
              {rows.length === all.length ? `${all.length} streams` : `${rows.length} of ${all.length} streams`}
            </span>
          </>
        )}
        {nodes.value && <NodeChoice node={node} onChoice={setNode} />}
        {isOwner.value && <RecordButton />}
      </div>
      <Unanswered />
      {all.length === 0 ? (
        <NothingYet />
      ) : rows.length === 0 ? (
        <Empty title="No stream fits the filter">
          <p>
            <button
              type="button"
              onClick={() => {
                setFilter("");
                setNode("");
              }}
            >
              Show all {all.length}
            </button>
          </p>
        </Empty>
      ) : (
        <VirtualList
          label="Streams"
          class="streams"
          items={rows}
          rowHeight={isPhone ? PHONE_ROW_HEIGHT : ROW_HEIGHT}
          keyOf={({ name, node: at = "" }) => `${at}/${name}`}
          head={<Head sort={sort} onSort={sortBy} />}
          row={(row) => <Row row={row} />}
        />
      )}
    </section>
  );
}

const COLUMNS: readonly { title: string; key?: SortKey }[] = [
  { title: "Stream", key: "name" },
  { title: "Codecs" },
  { title: "Bit rate", key: "bitRate" },
  { title: "Last frame", key: "age" },
  { title: "Recordings", key: "recordings" },
  { title: "Lag", key: "lag" },
  { title: "File" },
  { title: "Losses", key: "losses" },
];

function Head({ sort, onSort }: { sort: { key: SortKey; isDown: boolean }; onSort: (key: SortKey) => void }) {
  return (
    <div class="virtual-row" role="row" aria-rowindex={1}>
      {COLUMNS.map(({ title, key }) => {
        const isSorted = key === sort.key;
        const order = isSorted ? (sort.isDown ? "descending" : "ascending") : undefined;
        return (
          <div class="cell" role="columnheader" aria-sort={order} key={title}>
            {key ? (
              <button type="button" class="sort" onClick={() => onSort(key)}>
                {title}
                {isSorted && <Icon name={sort.isDown ? "down" : "up"} />}
              </button>
            ) : (
              title
            )}
          </div>
        );
      })}
    </div>
  );
}

function Row({ row }: { row: NowRow }) {
  const { stream } = row;
  return (
    <>
      <div class="cell name" role="cell">
        <StreamLink row={row} />
        {row.node !== undefined && <span class="chip at">{row.node}</span>}
        {stream?.conflict && stream.conflict.length > 0 && (
          <span class="chip waiting" title="Streams of one name: each node records its own">
            also at {stream.conflict.join(", ")}
          </span>
        )}
        <span class="sub" title={row.source}>
          {row.source}
        </span>
      </div>
      {stream ? <LiveCells stream={stream} states={row.states} /> : <AwaitedCells row={row} />}
    </>
  );
}

/** The page of a stream is at its node. */
function StreamLink({ row: { name, elsewhere } }: { row: NowRow }) {
  if (elsewhere === "") return <b>{name}</b>;
  return <a href={`${elsewhere ?? ""}${elsewhere === undefined ? "" : "/"}${link("streams", name)}`}>{name}</a>;
}

function NodeChoice({ node, onChoice }: { node: string; onChoice: (node: string) => void }) {
  const names = (nodes.value ?? []).map((one) => one.node).sort();
  return (
    <select aria-label="Node" value={node} onChange={(event) => onChoice(event.currentTarget.value)}>
      <option value="">All nodes</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Unanswered() {
  const names = unanswered.value;
  if (names.length === 0) return null;
  return (
    <p class="unanswered" role="status">
      No answer from {names.join(", ")}: what lives there is missing here.
    </p>
  );
}

function LiveCells({ stream, states }: { stream: StreamState; states: readonly string[] }) {
  const { lastFrameAgeMs, recordings } = stream;
  const points = history.pointsOf(stream.id).slice(-SPARK_POINTS);
  const lagMs = Math.max(0, ...recordings.map((recording) => recording.lagMs));
  return (
    <>
      <div class="cell codecs" role="cell">
        <Codecs stream={stream} />
      </div>
      <div class="cell rate" role="cell">
        <span class="number">{points.length > 0 ? bitRate(points.at(-1)?.bitsPerSecond ?? 0) : "–"}</span>
        <Sparkline values={points.map(({ bitsPerSecond }) => bitsPerSecond)} length={SPARK_POINTS} />
      </div>
      <div class={lastFrameAgeMs > STALE_MS ? "cell age stale" : "cell age"} role="cell">
        <span class="number">{duration(lastFrameAgeMs)}</span>
      </div>
      <div class="cell recordings" role="cell">
        {recordings.map((recording) => (
          <Chip key={recording.outStreamId} recording={recording} />
        ))}
        {[...new Set(states)].map((state) => (
          <StateChip key={state} state={state} times={states.filter((other) => other === state).length} />
        ))}
        {recordings.length === 0 && states.length === 0 && <span class="muted">not recorded</span>}
      </div>
      <div class={lagMs > LAG_MS ? "cell lag stale" : "cell lag"} role="cell">
        <span class="number">{recordings.length > 0 ? duration(lagMs) : "–"}</span>
      </div>
      <div class="cell file path-end" role="cell" title={recordings.map(({ file }) => file ?? "").join("\n")}>
        <bdi>{recordings.map(({ file }) => (file === null ? "" : fileName(file))).find(Boolean) ?? "–"}</bdi>
      </div>
      <div class="cell losses" role="cell">
        <Losses losses={recordings.flatMap(({ losses }) => losses)} />
      </div>
    </>
  );
}

function AwaitedCells({ row }: { row: NowRow }) {
  return (
    <>
      <div class="cell codecs muted" role="cell">
        not live
      </div>
      <div class="cell rate muted" role="cell">
        –
      </div>
      <div class="cell age muted" role="cell">
        –
      </div>
      <div class="cell recordings" role="cell">
        {row.states.map((state) => (
          <StateChip key={state} state={state} />
        ))}
      </div>
      <div class="cell lag muted" role="cell">
        –
      </div>
      <div class="cell file muted" role="cell">
        –
      </div>
      <div class="cell losses muted" role="cell">
        –
      </div>
    </>
  );
}

function StateChip({ state, times = 1 }: { state: string; times?: number }) {
  return <span class={`chip ${state}`}>{times === 1 ? state : `${times} ${state}`}</span>;
}

export function Chip({ recording: { type, isStopped } }: { recording: OutState }) {
  return (
    <span class={isStopped ? "chip finishing" : "chip streaming"}>
      {type}
      <span class="sr"> {isStopped ? "is finished" : "is recorded"}</span>
    </span>
  );
}

export function Codecs({ stream: { tracks, notRecorded } }: { stream: StreamState }) {
  const names = tracks.map(({ codec, kind }) => (codec === null ? kind : codecName(codec)));
  const picture = tracks.find(({ width }) => width !== null);
  return (
    <>
      <span>{names.join(" + ") || "–"}</span>
      <span class="sub">
        {picture && `${picture.width}×${picture.height}`}
        {notRecorded.length > 0 && ` without ${notRecorded.map(({ codec }) => codec).join(", ")}`}
      </span>
    </>
  );
}

function NothingYet() {
  return (
    <Empty title="No stream yet">
      <p>
        Publish one over RTMP, RTSP or MPEG-TS, or have one pulled: <a href="#/configs">Configs</a>. The addresses that
        this server listens at are under <a href="#/system">System</a>.
      </p>
      <p>A recording may be ordered before its stream is there: it begins with the first frame.</p>
    </Empty>
  );
}
