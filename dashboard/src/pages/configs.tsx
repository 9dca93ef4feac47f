// What is ordered: streams to record and streams to pull, with the state of each.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { CommandParameters } from "../../../src/client/control-protocol.js";
import { count, duration } from "../lib/format.js";
import { link } from "../lib/location.js";
import { CommandForm } from "../parts/command-form.js";
import { Empty } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { RecordButton } from "../parts/record-form.js";
import { Scroll } from "../parts/scroll.js";
import { When } from "../parts/when.js";
import { configs } from "../state/live.js";
import type { ConfigState, PullConfigState, RecordConfigState } from "../state/server-types.js";
import { isOwner } from "../state/session.js";

/** A server may have 10 000; so many lines a page draws without a stutter. */
const SHOWN = 200;

export function Configs() {
  const [filter, setFilter] = useState("");
  const [doomed, setDoomed] = useState<ConfigState>();
  const all = configs.value;
  if (all === undefined) return <p class="starting">Asking the server …</p>;
  const wanted = filter.trim().toLowerCase();
  const shown = wanted === "" ? all : all.filter((config) => JSON.stringify(config).toLowerCase().includes(wanted));
  const records = shown.filter((config) => config.kind === "record");
  const pulls = shown.filter((config) => config.kind === "pull");
  return (
    <section class="page">
      <div class="bar">
        <h1>Configs</h1>
        <input
          type="search"
          placeholder="Filter by stream, file, state"
          aria-label="Filter the configs"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        {isOwner.value && (
          <div class="steps push">
            <PullButton />
            <RecordButton />
          </div>
        )}
      </div>
      {all.length === 0 ? (
        <Empty title="Nothing is ordered">
          <p>
            A record config records its stream whenever it is there; a pull config fetches one from a camera or another
            server. Both stay over a restart.
          </p>
        </Empty>
      ) : (
        <>
          <Records configs={records} onRemove={setDoomed} />
          <Pulls configs={pulls} onRemove={setDoomed} />
        </>
      )}
      {doomed && <RemoveForm config={doomed} onClose={() => setDoomed(undefined)} />}
    </section>
  );
}

interface TableProps<T> {
  readonly configs: readonly T[];
  readonly onRemove: (config: ConfigState) => void;
}

function Records({ configs: shown, onRemove }: TableProps<RecordConfigState>) {
  return (
    <ConfigTable
      configs={shown}
      kind="Record"
      title="Recorded"
      columns={
        <>
          <th>Container</th>
          <th class="right">A file is</th>
          <th>Path</th>
        </>
      }
      cells={(config) => (
        <>
          <td>{config.type}</td>
          <td class="right">{config.chunkLength > 0 ? duration(config.chunkLength * 1000) : "whole"}</td>
          <td class="file" title={config.computedPathToFile}>
            {config.pathToFile}
          </td>
        </>
      )}
      onRemove={onRemove}
    />
  );
}

function Pulls({ configs: shown, onRemove }: TableProps<PullConfigState>) {
  return (
    <ConfigTable
      configs={shown}
      kind="Pull"
      title="Pulled"
      columns={
        <>
          <th>From</th>
          <th class="right">Failed tries</th>
          <th>Last error</th>
          <th>Next try</th>
        </>
      }
      cells={(config) => (
        <>
          <td class="file">{config.uri}</td>
          <td class="right">{config.attempts ?? 0}</td>
          <td class={config.attempts ? "reason bad" : "reason muted"}>{config.lastError ?? "–"}</td>
          <td>{nextTry(config)}</td>
        </>
      )}
      onRemove={onRemove}
    />
  );
}

interface ConfigTableProps<T> extends TableProps<T> {
  readonly kind: string;
  readonly title: string;
  /** What only configs of this kind have, between their state and their id. */
  readonly columns: ComponentChildren;
  readonly cells: (config: T) => ComponentChildren;
}

function ConfigTable<T extends ConfigState>({ configs: shown, kind, title, ...table }: ConfigTableProps<T>) {
  return (
    <section class="card" aria-label={`${kind} configs`}>
      <h2>{title}</h2>
      {shown.length === 0 ? (
        <p class="muted">None.</p>
      ) : (
        <Scroll label={`List of ${kind.toLowerCase()} configs`}>
          <table>
            <thead>
              <tr>
                <th>Stream</th>
                <th>State</th>
                <th>Since</th>
                {table.columns}
                <th class="right">Id</th>
                <th>
                  <span class="sr">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, SHOWN).map((config) => (
                <tr key={config.configId}>
                  <td>
                    <a href={link("streams", config.localStreamName)}>{config.localStreamName}</a>
                  </td>
                  <td>
                    <span class={`chip ${config.state}`}>{stateText(config)}</span>
                  </td>
                  <td>
                    <When at={config.since} withDay />
                  </td>
                  {table.cells(config)}
                  <td class="right">{config.configId}</td>
                  <RemoveCell config={config} onRemove={table.onRemove} />
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <Others all={shown.length} />
    </section>
  );
}

function stateText({ kind, state }: ConfigState): string {
  return kind === "record" && state === "streaming" ? "recording" : state;
}

function Others({ all }: { all: number }) {
  if (all <= SHOWN) return null;
  return (
    <p class="muted">
      The first {SHOWN} of {count(all)} are listed: the filter finds the others.
    </p>
  );
}

function nextTry({ attempts = 0, state, keepAlive, nextTryMs }: PullConfigState): string {
  if (attempts === 0 || state === "streaming") return "–";
  if (!keepAlive) return "none";
  return nextTryMs ? `within ${duration(nextTryMs)}` : "now";
}

function RemoveCell({ config, onRemove }: { config: ConfigState; onRemove: (config: ConfigState) => void }) {
  return (
    <td class="actions">
      {isOwner.value && (
        <button
          type="button"
          aria-label={`Remove config ${config.configId} of ${config.localStreamName}`}
          onClick={() => onRemove(config)}
        >
          <Icon name="trash" />
        </button>
      )}
    </td>
  );
}

function RemoveForm({ config, onClose }: { config: ConfigState; onClose: () => void }) {
  return (
    <CommandForm
      title="Remove the config"
      name="removeConfig"
      parameters={{ id: config.configId }}
      action="Remove"
      isDangerous
      onClose={onClose}
    >
      <p>
        {config.kind === "record"
          ? `${config.localStreamName} is recorded no more by it; a file that grows is finished. What was recorded stays.`
          : `${config.localStreamName} is pulled no more, and its stream ends.`}
      </p>
    </CommandForm>
  );
}

function PullButton() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        <Icon name="plus" /> Pull
      </button>
      {isOpen && <PullForm onClose={() => setOpen(false)} />}
    </>
  );
}

function PullForm({ onClose }: { onClose: () => void }) {
  const [uri, setUri] = useState("");
  const [name, setName] = useState("");
  const [isTcp, setTcp] = useState(false);
  const parameters: CommandParameters["pullStream"] = {
    uri,
    ...(name !== "" && { localStreamName: name }),
    ...(isTcp && { forceTcp: true }),
  };
  return (
    <CommandForm title="Pull a stream" name="pullStream" parameters={parameters} action="Pull" onClose={onClose}>
      <label>
        Address
        <input
          value={uri}
          required
          placeholder="rtsp://camera/stream"
          onInput={(event) => setUri(event.currentTarget.value)}
        />
      </label>
      <label>
        Name of the stream here
        <input
          value={name}
          placeholder="a name is made where it is empty"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="check">
        <input type="checkbox" checked={isTcp} onChange={(event) => setTcp(event.currentTarget.checked)} />
        RTSP over TCP alone
      </label>
    </CommandForm>
  );
}
