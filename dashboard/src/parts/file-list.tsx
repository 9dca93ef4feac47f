// Recorded files, newest first: play, download, delete.

import { useMemo, useState } from "preact/hooks";
import { bytes, count, duration, fileName } from "../lib/format.js";
import { link } from "../lib/location.js";
import { canPlay } from "../lib/played.js";
import { messageOf, remove } from "../state/api.js";
import { useFiles } from "../state/files.js";
import { tellFileChange } from "../state/live.js";
import type { RecordedFile } from "../state/server-types.js";
import { isOwner } from "../state/session.js";
import { ClipForm } from "./clip-form.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";
import { PlayDialog } from "./play-dialog.js";
import { Scroll } from "./scroll.js";
import { When } from "./when.js";

/** And so many more each time that older ones are asked for. */
const SHOWN = 200;
const DAY_MS = 86_400_000;
const SPANS: readonly [string, number][] = [
  ["the last day", 1],
  ["the last week", 7],
  ["the last month", 31],
  ["the last year", 366],
];

/** The files of one stream. */
export function FileList({ stream }: { stream: string }) {
  const [days, setDays] = useState(1);
  const fromMs = useMemo(() => Date.now() - days * DAY_MS, [days]);
  const { files, isCut, failure } = useFiles({ stream, fromMs });
  const [hasClip, setClip] = useState(false);
  return (
    <section class="card" aria-label="Files">
      <div class="card-head">
        <h2>Files</h2>
        <select aria-label="Of which time" onChange={({ currentTarget: { value } }) => setDays(Number(value))}>
          {SPANS.map(([name, length]) => (
            <option value={length} key={name}>
              {name}
            </option>
          ))}
        </select>
        {files?.some(({ type }) => type === "mp4") && (
          <button type="button" onClick={() => setClip(true)}>
            <Icon name="clip" /> Export a clip
          </button>
        )}
      </div>
      {failure !== "" && <p class="failure">{failure}</p>}
      {isCut && <p class="hint">There are more: only the newest of that time are listed. Choose a shorter one.</p>}
      {(files !== undefined || failure === "") && <FileTable files={files} />}
      {hasClip && <ClipForm stream={stream} files={files ?? []} onClose={() => setClip(false)} />}
    </section>
  );
}

export function FileTable({
  files,
  withStream = false,
}: {
  files: readonly RecordedFile[] | undefined;
  withStream?: boolean;
}) {
  const [played, setPlayed] = useState<RecordedFile>();
  const [doomed, setDoomed] = useState<RecordedFile>();
  const [shown, setShown] = useState(SHOWN);
  const there = (files ?? []).filter(({ state }) => state !== "deleted").reverse();
  return (
    <>
      {there.length === 0 ? (
        <p class="muted">{files === undefined ? "Asking the catalogue …" : "No files yet."}</p>
      ) : (
        <Scroll label="List of files">
          <table class="files">
            <thead>
              <tr>
                <th>Begins</th>
                {withStream && <th>Stream</th>}
                <th>File</th>
                <th class="right">Length</th>
                <th class="right">Size</th>
                <th>State</th>
                <th>Missing</th>
                <th>
                  <span class="sr">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {there.slice(0, shown).map((file) => (
                <tr key={file.sequence}>
                  <td>
                    <When at={file.start} withDay />
                  </td>
                  {withStream && (
                    <td>
                      <a href={link("streams", file.stream)}>{file.stream}</a>
                    </td>
                  )}
                  <td class="file" title={file.file}>
                    {fileName(file.file)}
                  </td>
                  <td class="right">{file.durationMs === null ? "–" : duration(file.durationMs)}</td>
                  <td class="right">{file.bytes === null ? "–" : bytes(file.bytes)}</td>
                  <td>
                    <span class={`chip ${file.isMissing ? "failed" : file.state}`}>
                      {file.isMissing ? "missing" : file.state}
                    </span>
                  </td>
                  <td>
                    <Missing file={file} />
                  </td>
                  <td class="actions">
                    {canPlay(file) && (
                      <button type="button" aria-label={`Play ${fileName(file.file)}`} onClick={() => setPlayed(file)}>
                        <Icon name="play" />
                      </button>
                    )}
                    {file.links.media !== undefined && (
                      <a
                        class="button"
                        href={file.links.media}
                        download={fileName(file.file)}
                        aria-label={`Download ${fileName(file.file)}`}
                      >
                        <Icon name="download" />
                      </a>
                    )}
                    {isOwner.value && file.state !== "growing" && (
                      <button
                        type="button"
                        aria-label={`Delete ${fileName(file.file)}`}
                        onClick={() => setDoomed(file)}
                      >
                        <Icon name="trash" />
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {there.length > shown && (
        <p class="muted">
          The newest {count(shown)} of {count(there.length)} files are listed.{" "}
          <button type="button" onClick={() => setShown(shown + SHOWN)}>
            Show older ones
          </button>
        </p>
      )}
      {played && <PlayDialog file={played} onClose={() => setPlayed(undefined)} />}
      {doomed && <DeleteDialog file={doomed} onClose={() => setDoomed(undefined)} />}
    </>
  );
}

function Missing({ file: { gaps, lost } }: { file: RecordedFile }) {
  if (lost && lost.frames > 0)
    return (
      <span class="bad">
        {count(lost.frames)} frames{lost.durationMs > 0 && `, ${duration(lost.durationMs)}`}
      </span>
    );
  return <span class="muted">{gaps > 0 ? `${gaps} ${gaps === 1 ? "gap" : "gaps"}, no frame` : "nothing"}</span>;
}

function DeleteDialog({ file, onClose }: { file: RecordedFile; onClose: () => void }) {
  const [failure, setFailure] = useState("");
  const confirm = async (): Promise<void> => {
    try {
      await remove(file.links.self);
      tellFileChange(file.stream);
      onClose();
    } catch (error) {
      setFailure(messageOf(error));
    }
  };
  return (
    <Dialog title="Delete the file" onClose={onClose}>
      <p>
        <b>{fileName(file.file)}</b> of {file.stream} is deleted from the disk
        {file.bytes !== null && `, ${bytes(file.bytes)}`}. There is no way back.
      </p>
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Keep
        </button>
        <button type="button" class="danger" onClick={() => void confirm()}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
