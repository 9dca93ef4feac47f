// What has been sent of a file, so that an upload goes on where a crash or a stop cut it off: a file of lines for each
// segment, in `uploads/` of the state folder. It is not synced: what a power cut takes is asked of the server
// (ListParts).
//
//   {"begin":{…}}  before the server hears of it
//   {"uploadId":…} what the server calls it
//   {"part":{…}}   a part that it has
//   {"done":…}     the ETag of the object, once it has taken it

import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { PRIVATE_FILE } from "../base/private-files.js";
import type { Part } from "./s3-objects.js";

/** What is sent, where to, and in which pieces. Of another file, key or place what was sent is useless. */
export interface UploadPlan {
  readonly path: string;
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly partBytes: number;
  /** The bucket, and where it is. */
  readonly place: string;
}

interface Lines {
  begin?: UploadPlan;
  uploadId?: string;
  part?: Part;
  done?: string;
}

const NAME = /^(\d{1,16})\.log$/;

export class UploadJournal {
  plan: UploadPlan | undefined;
  uploadId: string | undefined;
  doneEtag: string | undefined;
  /** By number. */
  readonly parts = new Map<number, Part>();

  /** Reads what is there. A line that a crash tore is passed over, and what follows it begins a new line. */
  constructor(private readonly path: string) {
    for (const text of readIfThere(path).split("\n")) {
      const line = parse(text);
      if (!line) continue;
      if (line.begin) this.plan = line.begin;
      if (line.uploadId !== undefined) this.uploadId = line.uploadId;
      if (line.done !== undefined) this.doneEtag = line.done;
      if (line.part) this.parts.set(line.part.number, line.part);
    }
  }

  static pathOf(folder: string, id: number): string {
    return join(folder, `${id}.log`);
  }

  /** The segments that have one. */
  static async idsIn(folder: string): Promise<number[]> {
    return (await readdir(folder)).flatMap((name) => {
      const id = NAME.exec(name)?.[1];
      return id === undefined ? [] : [Number(id)];
    });
  }

  begin(plan: UploadPlan): void {
    this.plan = plan;
    this.uploadId = undefined;
    this.doneEtag = undefined;
    this.parts.clear();
    writeFileSync(this.path, `${JSON.stringify({ begin: plan })}\n`, { mode: PRIVATE_FILE });
  }

  begun(uploadId: string): void {
    this.uploadId = uploadId;
    this.#append({ uploadId });
  }

  has(part: Part): void {
    this.parts.set(part.number, part);
    this.#append({ part });
  }

  done(etag: string): void {
    this.doneEtag = etag;
    this.#append({ done: etag });
  }

  /** Nothing was sent, or nothing of it counts. */
  clear(): void {
    this.plan = undefined;
    this.uploadId = undefined;
    this.doneEtag = undefined;
    this.parts.clear();
    this.remove();
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  #append(line: Lines): void {
    appendFileSync(this.path, `\n${JSON.stringify(line)}\n`, { mode: PRIVATE_FILE });
  }
}

export function isSamePlan(a: UploadPlan | undefined, b: UploadPlan): boolean {
  return a !== undefined && (Object.keys(b) as (keyof UploadPlan)[]).every((field) => a[field] === b[field]);
}

function parse(text: string): Lines | undefined {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as Lines;
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
