// A folder of a test file's own, and files in it that are changed byte by byte.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Made at once, removed behind the file's last test. */
export function scratch(): {
  path: (name: string) => string;
  write: (name: string, bytes: Uint8Array) => string;
  changed: (from: string, change: (bytes: Buffer) => Buffer | undefined) => string;
} {
  const folder = mkdtempSync(join(tmpdir(), "reel-scratch-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const write = (name: string, bytes: Uint8Array): string => {
    writeFileSync(path(name), bytes);
    return path(name);
  };
  /** A copy of a file after `change`, which edits in place or returns other bytes; always the same name. */
  const changed = (from: string, change: (bytes: Buffer) => Buffer | undefined): string => {
    const bytes = readFileSync(from);
    return write(`changed${from.slice(from.lastIndexOf("."))}`, change(bytes) ?? bytes);
  };
  return { path, write, changed };
}
