// Events as they come, newest first; the newest thousand since the page was opened.

import { useState } from "preact/hooks";
import { count, duration, fileName, words } from "../lib/format.js";
import { Empty } from "../parts/empty.js";
import { VirtualList } from "../parts/virtual-list.js";
import { When } from "../parts/when.js";
import { events } from "../state/live.js";
import type { ServerEvent } from "../state/server-types.js";

const ROW_HEIGHT = 36;
/** Every click on a page is one of these: shown only where asked for. */
const OF_COMMANDS: ReadonlySet<string> = new Set(["cliRequest", "cliResponse"]);
const BAD: ReadonlySet<string> = new Set(["recordChunkError"]);

export function Events() {
  const [filter, setFilter] = useState("");
  const [withCommands, setWithCommands] = useState(false);
  const [paused, setPaused] = useState<readonly ServerEvent[]>();
  const [opened, setOpened] = useState<ServerEvent>();
  const all = (paused ?? events.value).filter(({ type }) => withCommands || !OF_COMMANDS.has(type));
  const wanted = filter.trim().toLowerCase();
  const shown = wanted === "" ? all : all.filter((event) => JSON.stringify(event).toLowerCase().includes(wanted));
  return (
    <section class="page events">
      <div class="bar">
        <h1>Events</h1>
        <input
          type="search"
          placeholder="Filter by type, stream, file, cause"
          aria-label="Filter the events"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={withCommands}
            onChange={(event) => setWithCommands(event.currentTarget.checked)}
          />
          Commands
        </label>
        <button
          type="button"
          aria-pressed={paused !== undefined}
          onClick={() => setPaused(paused ? undefined : events.value)}
        >
          {paused ? "Go on" : "Pause"}
        </button>
      </div>
      {shown.length === 0 ? (
        <Empty title={all.length === 0 ? "Waiting for events" : "No event fits the filter"}>
          <p>What happens from now on is listed here: streams that come and go, files that begin and close, gaps.</p>
        </Empty>
      ) : (
        <div class="tail">
          <VirtualList
            label="Events"
            class="event-list"
            items={shown}
            rowHeight={ROW_HEIGHT}
            keyOf={(event) => `${event.id} ${event.timestamp} ${String(event.payload.sequence ?? "")}`}
            head={
              <div class="virtual-row" role="row" aria-rowindex={1}>
                <div class="cell" role="columnheader">
                  Time
                </div>
                <div class="cell" role="columnheader">
                  Event
                </div>
                <div class="cell" role="columnheader">
                  Stream
                </div>
                <div class="cell" role="columnheader">
                  What
                </div>
              </div>
            }
            row={(event) => <Row event={event} onOpen={() => setOpened(event)} />}
          />
          {opened && (
            <aside class="card payload" aria-label="The event as it was sent">
              <div class="card-head">
                <h2>{opened.type}</h2>
                <button type="button" class="quiet" onClick={() => setOpened(undefined)}>
                  Close
                </button>
              </div>
              <pre tabIndex={0}>{JSON.stringify(opened.payload, null, 2)}</pre>
            </aside>
          )}
        </div>
      )}
    </section>
  );
}

function Row({ event, onOpen }: { event: ServerEvent; onOpen: () => void }) {
  const { type, timestamp, payload } = event;
  return (
    <>
      <div class="cell" role="cell">
        <When at={timestamp * 1000} />
      </div>
      <div class="cell" role="cell">
        <button type="button" class={isBad(event) ? "event-type bad" : "event-type"} onClick={onOpen}>
          {type}
        </button>
      </div>
      <div class="cell" role="cell">
        {String(payload.localStreamName ?? payload.name ?? "")}
      </div>
      <div class="cell what" role="cell">
        {whatOf(payload)}
      </div>
    </>
  );
}

function isBad({ type, payload }: ServerEvent): boolean {
  const { lost, gap } = payload as { lost?: { frames: number } | null; gap?: { frames: number } };
  return BAD.has(type) || (lost?.frames ?? 0) > 0 || (gap?.frames ?? 0) > 0;
}

/** The one thing that says most. */
function whatOf(payload: ServerEvent["payload"]): string {
  const { gap, file, error, description, durationMs, step, command } = payload as {
    gap?: { cause: string; frames: number; durationMs: number };
    durationMs?: number;
  } & Record<"file" | "error" | "description" | "step" | "command", string | undefined>;
  if (gap) return `${words(gap.cause)}: ${count(gap.frames)} frames, ${duration(Math.max(0, gap.durationMs))}`;
  if (file !== undefined && file !== "")
    return `${fileName(file)}${durationMs === undefined ? "" : ` · ${duration(durationMs)}`}${error ? ` · ${error}` : ""}`;
  return error ?? step ?? command ?? description ?? "";
}
