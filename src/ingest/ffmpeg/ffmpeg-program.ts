// Where ffmpeg is, and the script through which it is started (ffmpeg-wrapper.ts). Looked up again for every start:
// ffmpeg may have been removed, and cleaners of temporary folders take what nobody has touched for some days.

import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, sep } from "node:path";
import { ReelError } from "../../base/reel-error.js";
import { writeWrapper } from "./ffmpeg-wrapper.js";

export class FfmpegProgram {
  #folder: string | undefined;
  #wrapperPath = "";

  /** `wanted`: its path; default `ffmpeg` on the PATH. */
  constructor(private readonly wanted = "ffmpeg") {}

  /** Throws ReelError `notFound` where it is not installed. */
  find(): string {
    const { wanted } = this;
    const candidates = wanted.includes(sep)
      ? [wanted]
      : (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, wanted));
    const found = candidates.find(isExecutable);
    if (!found)
      throw new ReelError(
        "notFound",
        `this kind of source needs ffmpeg, which is not installed (${wanted}): apt-get install ffmpeg`,
      );
    return found;
  }

  /** The path of the script. */
  wrapper(): string {
    if (!this.#folder || !existsSync(this.#wrapperPath)) {
      this.#folder = mkdtempSync(join(tmpdir(), "reel-ffmpeg-"));
      this.#wrapperPath = writeWrapper(this.#folder);
    }
    return this.#wrapperPath;
  }

  /** Called when no process of it is left. */
  close(): void {
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
