// Repairs a transport stream that a crash left: the file plays as it is, only its end may hold half a packet, blocks of
// zeros (power cut) or half an access unit. They are cut off in one ftruncate(2), so a killed repair has either not
// begun or is done. A file that is damaged further in front is left untouched.

import { closeSync, constants, fdatasyncSync, fstatSync, ftruncateSync, openSync } from "node:fs";
import { ReelError } from "../../base/reel-error.js";
import { isTransportStream, RECOGNITION_BYTES, TS_PACKET_BYTES } from "../../media/mpegts/ts-packet.js";
import { FileWindow } from "../file-window.js";
import type { RepairOptions, RepairReport } from "../repair-report.js";
import { TsScan } from "./ts-scan.js";

/** PES packets that say their size are shorter by far. */
const TAIL_BYTES = 1024 * 1024;

/** Throws ReelError `corrupt`, the file untouched, or what a file operation throws. */
export function repairTs(path: string, options: RepairOptions = {}): RepairReport {
  const fd = openSync(path, (options.dryRun ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    const window = new FileWindow(fd, size, (position) => options.onProgress?.(position / size));
    if (size > 0 && !isTransportStream(window.read(0, RECOGNITION_BYTES)))
      throw new ReelError("corrupt", `${path} does not begin like a transport stream: it is left as it is`, { path });
    const scan = new TsScan(path, window);
    scan.run();
    const isChanged = scan.keptBytes < size;
    if (isChanged && !options.dryRun) {
      ftruncateSync(fd, scan.keptBytes);
      if (options.sync ?? true) fdatasyncSync(fd);
    }
    return {
      sizeBytes: scan.keptBytes,
      lostBytes: size - scan.keptBytes,
      lostFrames: scan.lostFrames,
      ...scan.counts(),
      isChanged,
    };
  } finally {
    closeSync(fd);
  }
}

/**
 * Whether a repair would find something to do, from the end of the file alone. False for a file that is no transport
 * stream.
 */
export function isTornTs(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    const window = new FileWindow(fd, size);
    if (!isTransportStream(window.read(0, RECOGNITION_BYTES))) return false;
    const tail = Math.max(0, size - TAIL_BYTES);
    const scan = new TsScan(path, window);
    scan.run(tail - (tail % TS_PACKET_BYTES));
    return scan.keptBytes < size;
  } finally {
    closeSync(fd);
  }
}
