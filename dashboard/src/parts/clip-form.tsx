// A piece of what was recorded, as one MP4: over files, cut exactly, not encoded again (docs/playback.md).

import { useState } from "preact/hooks";
import { duration, offsetName, ownOffset } from "../lib/format.js";
import type { RecordedFile } from "../state/server-types.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";

const DEFAULT_MS = 60_000;

export interface ClipFormProps {
  readonly stream: string;
  /** To choose from; without it there is the one. */
  readonly streams?: readonly string[];
  /** Of the stream. */
  readonly files: readonly RecordedFile[];
  readonly onStream?: (stream: string) => void;
  readonly onClose: () => void;
}

export function ClipForm({ stream, streams = [], files, onStream, onClose }: ClipFormProps) {
  const newest = files.filter(({ type, state }) => type === "mp4" && state !== "deleted").at(-1);
  const endMs = newest?.end ? Date.parse(newest.end) : Date.now();
  const beginMs = Math.max(newest ? Date.parse(newest.start) : 0, endMs - DEFAULT_MS);
  const [from, setFrom] = useState(localText(beginMs));
  const [to, setTo] = useState(localText(Math.ceil(endMs / 1000) * 1000));
  const lengthMs = Date.parse(to) - Date.parse(from);
  const isRight = lengthMs > 0;
  const query = isRight ? new URLSearchParams({ stream, from: isoText(from), to: isoText(to), format: "mp4" }) : "";
  return (
    <Dialog title={`Clip of ${stream}`} onClose={onClose}>
      <div class="form">
        {streams.length > 1 && (
          <label>
            Stream
            <select value={stream} onChange={(event) => onStream?.(event.currentTarget.value)}>
              {streams.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <div class="pair">
          <label>
            From
            <input
              type="datetime-local"
              step="1"
              value={from}
              onInput={(event) => setFrom(event.currentTarget.value)}
            />
          </label>
          <label>
            To
            <input type="datetime-local" step="1" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
          </label>
        </div>
        <p class="muted" role="status">
          {isRight
            ? `${duration(lengthMs)} by your clock, ${offsetName(ownOffset(beginMs))}`
            : "It ends before it begins."}
        </p>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Close
          </button>
          {isRight && (
            <a class="button main" href={`/api/clip?${query}`} download={`${stream.replaceAll("/", "_")}.mp4`}>
              <Icon name="download" /> Download
            </a>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** As the field wants it: by the viewer's clock, without a zone. */
function localText(ms: number): string {
  return new Date(ms + ownOffset(ms) * 60_000).toISOString().slice(0, 19);
}

function isoText(local: string): string {
  return new Date(local).toISOString();
}
