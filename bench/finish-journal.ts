// An MP4 journal that can be finished again and again: what a finish did to it is undone without copying the media.
// Ranges that were inserted or cut out are cut out or inserted again, the space reserved becomes a hole again, a second
// name keeps the media where the finish made a copy.

import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { FTYP_SIZE, fileTypeBox, freeBoxHeader, openMediaDataHeader } from "../src/container/mp4/file-head.js";
import { infoPathOf, MAX_TRACK_FILES, mdatPathOf, trackPathOf } from "../src/container/mp4/journal-files.js";
import { readJournalInfo } from "../src/container/mp4/journal-info.js";

export class RepeatableJournal {
  readonly path: string;
  readonly lockPath: string;
  readonly sizeBytes: number;
  #mediaHeadAt: number;
  #keptPath: string;
  #smallFiles: { path: string; bytes: Buffer }[];

  /** `path`: the final name of the segment. */
  constructor(path: string) {
    const { segment } = readJournalInfo(infoPathOf(path));
    this.path = path;
    this.lockPath = segment.lock;
    this.#mediaHeadAt = FTYP_SIZE + segment.reserveBytes;
    this.#keptPath = `${path}.kept`;
    linkSync(mdatPathOf(path), this.#keptPath);
    this.sizeBytes = statSync(this.#keptPath).size;
    const records = Array.from({ length: MAX_TRACK_FILES }, (_, i) => trackPathOf(path, i + 1)).filter((file) =>
      existsSync(file),
    );
    this.#smallFiles = [infoPathOf(path), ...records].map((file) => ({ path: file, bytes: readFileSync(file) }));
  }

  /** As the recording left it, written back. */
  restore(): void {
    rmSync(this.path, { force: true });
    const shiftBytes = statSync(this.#keptPath).size - this.sizeBytes;
    if (shiftBytes !== 0)
      this.#fallocate(shiftBytes > 0 ? "--collapse-range" : "--insert-range", 0, Math.abs(shiftBytes));
    this.#fallocate("--punch-hole", 0, this.#mediaHeadAt);
    const fd = openSync(this.#keptPath, "r+");
    const reserveBytes = this.#mediaHeadAt - FTYP_SIZE;
    writeSync(fd, fileTypeBox(["h264", "aac"]), 0, FTYP_SIZE, 0);
    const free = freeBoxHeader(reserveBytes);
    writeSync(fd, free, 0, free.byteLength, FTYP_SIZE);
    const head = openMediaDataHeader();
    writeSync(fd, head, 0, head.byteLength, this.#mediaHeadAt);
    closeSync(fd);
    if (!existsSync(mdatPathOf(this.path))) linkSync(this.#keptPath, mdatPathOf(this.path));
    for (const { path, bytes } of this.#smallFiles) writeFileSync(path, bytes);
    this.writeBack();
  }

  /** Puts everything on the disk that is still in the page cache only. */
  writeBack(): void {
    for (const path of [this.#keptPath, ...this.#smallFiles.map((file) => file.path)]) {
      const fd = openSync(path, "r+");
      fdatasyncSync(fd);
      closeSync(fd);
    }
  }

  remove(): void {
    for (const path of [this.path, this.#keptPath, mdatPathOf(this.path), ...this.#smallFiles.map((file) => file.path)])
      rmSync(path, { force: true });
  }

  #fallocate(mode: string, offset: number, bytes: number): void {
    execFileSync("fallocate", [mode, "--offset", `${offset}`, "--length", `${bytes}`, this.#keptPath]);
  }
}
