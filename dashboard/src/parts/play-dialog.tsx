import { fileName } from "../lib/format.js";
import { listOf } from "../lib/played.js";
import type { RecordedFile } from "../state/server-types.js";
import { Dialog } from "./dialog.js";
import { lazy } from "./lazy.js";
import { When } from "./when.js";

const Player = lazy(async () => (await import("./player.js")).Player);

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
