import { fileName } from "../lib/format.js";
import type { RecordedFile } from "../state/server-types.js";
import { Dialog } from "./dialog.js";
import { lazy } from "./lazy.js";
import { When } from "./when.js";

const Player = lazy(async () => (await import("./player.js")).Player);

const GONE: ReadonlySet<string> = new Set(["deleted", "failed"]);

/** FLV is for download: no browser plays it. */
export function canPlay({ type, state, isMissing, links }: RecordedFile): boolean {
  if (isMissing || GONE.has(state) || type === "flv") return false;
  return type === "ts" || state === "growing" || links.media !== undefined;
}

/** `fromMs`: where the viewer clicked; what follows in later files is played on. */
export function PlayDialog({
  file,
  fromMs,
  toMs,
  onClose,
}: {
  file: RecordedFile;
  fromMs?: number;
  toMs?: number;
  onClose: () => void;
}) {
  const isFile = fromMs === undefined && file.type === "mp4" && file.links.media !== undefined;
  return (
    <Dialog title={fromMs === undefined ? fileName(file.file) : file.stream} onClose={onClose} isWide>
      <p class="muted">
        {file.stream}, from <When at={fromMs ?? file.start} withDay />
      </p>
      <Player
        label={`Recording of ${file.stream}`}
        source={isFile ? (file.links.media ?? "") : listOf(file, fromMs, toMs)}
        kind={isFile ? "file" : "hls"}
        isLive={file.state === "growing"}
        startsAtBegin={fromMs !== undefined}
        download={file.links.media}
      />
    </Dialog>
  );
}

/** A growing file, or a day that still goes on, has no end yet: without `to` the list grows with it. */
function listOf(file: RecordedFile, fromMs?: number, toMs?: number): string {
  const query = new URLSearchParams({ from: new Date(fromMs ?? Date.parse(file.start)).toISOString() });
  const ownEnd = fromMs === undefined && file.end !== null ? Date.parse(file.end) : undefined;
  const end = toMs ?? ownEnd;
  if (end !== undefined) query.set("to", new Date(end).toISOString());
  return `/hls/${encodeURIComponent(file.stream)}/index.m3u8?${query}`;
}
