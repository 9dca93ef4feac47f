// node-rtsp-stream can put nothing in front of `-i`. So its ffmpegPath names this script, which gets
//
//   -i URL -f mpegts … OUTPUT… --input FFMPEG INPUT… --end - and becomes FFMPEG INPUT… -i URL -f mpegts … OUTPUT… -
//
// The script is written to a folder of the server's at its start: a package's files need not be executable, nor a
// compiler copy them. It ends in `exec`, under `setpriv --pdeathsig KILL` where there is one: ffmpeg then dies with the
// server, SIGKILL included. A closed pipe alone would leave it running while its source is silent.

import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const BEGIN_INPUT = "--input";
export const END_INPUT = "--end";

// The arguments are kept as they are, quoted at every step: all of them are passed over for the input options, then
// once more for the rest.
const SCRIPT = (server: number): string => `#!/bin/sh
# Puts ffmpeg's input options in front of -i. Written by Reel; see its src/ingest/ffmpeg/ffmpeg-wrapper.ts.
count=$#
set -- "$@" "$@"
for wanted in 1 0; do
  isInput=0
  left=$count
  while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    left=$((left - 1))
    case $argument in
      ${BEGIN_INPUT}) isInput=1 ;;
      ${END_INPUT}) isInput=0 ;;
      *) [ "$isInput" = "$wanted" ] && set -- "$@" "$argument" ;;
    esac
  done
done
if command -v setpriv >/dev/null 2>&1; then
  # A server that died before the signal was set left us to another parent: then there is nothing to do.
  exec setpriv --pdeathsig KILL sh -c '[ "$PPID" = ${server} ] && exec "$@"' sh "$@"
fi
exec "$@"
`;

/**
 * Writes the script, for processes that this one starts; the new one appears whole, others may be running the old.
 * Returns its path.
 */
export function writeWrapper(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "ffmpeg-input-first.sh");
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, SCRIPT(process.pid), { mode: 0o700 });
  chmodSync(temporary, 0o700);
  renameSync(temporary, path);
  return path;
}
