// /healthz for probes: 200 while the server runs and every media folder takes a file, else 503 with the reasons. A
// folder is tried by writing: a full disk, a read-only volume and a folder that is gone all show in no other way.

import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jsonReply, type RouteModule, type RouteReply } from "../base/routes.js";
import { askVolume } from "../base/volume-calls.js";

/** For a probe, a volume that takes longer hangs. */
const PATIENCE_MS = 2_000;
/** Probes that come faster share one answer. */
const FRESH_MS = 1_000;

export function healthRoutes(mediaFolders: readonly string[]): RouteModule {
  const probes = mediaFolders.map((folder) => new FolderProbe(folder));
  return {
    name: "health",
    routes(register) {
      register("GET", "/healthz", () => answer(probes), {
        summary: "Whether the server can record: every media folder is tried by writing.",
        answers: {
          200: '`{"status":"ok"}`',
          503: '`{"status":"failing","reasons":["…"]}`: a folder cannot be written, or does not answer within 2 s',
        },
      });
    },
  };
}

async function answer(probes: readonly FolderProbe[]): Promise<RouteReply> {
  const findings = await Promise.all(probes.map((probe) => probe.findFault()));
  const reasons = findings.filter((finding) => finding !== undefined);
  return reasons.length === 0 ? jsonReply(200, { status: "ok" }) : jsonReply(503, { status: "failing", reasons });
}

export class FolderProbe {
  #attempt: Promise<string | undefined> | undefined;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly folder: string) {}

  /**
   * Says why nothing can be written; undefined if all is well. One attempt at a time, so a hung disk holds one thread.
   */
  async findFault(): Promise<string | undefined> {
    if (performance.now() - this.#endedMs >= FRESH_MS) {
      this.#endedMs = Number.POSITIVE_INFINITY;
      this.#attempt = askVolume(() => this.#tryToWrite()).finally(() => {
        this.#endedMs = performance.now();
      });
    }
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`${this.folder} did not answer within ${PATIENCE_MS / 1000} s`), PATIENCE_MS);
    });
    try {
      return await Promise.race([this.#attempt, patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #tryToWrite(): Promise<string | undefined> {
    const path = join(this.folder, `.reel-health-${randomUUID()}`);
    try {
      // Somebody may have put a link there; it is not followed.
      await writeFile(path, "x", { flag: "wx" });
    } catch (error) {
      // Without the name of the file that was tried.
      return `${this.folder} cannot be written: ${(error as Error).message.split(",")[0]}`;
    } finally {
      await rm(path, { force: true }).catch(() => {});
    }
    return undefined;
  }
}
