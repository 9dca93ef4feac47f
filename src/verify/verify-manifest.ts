// Checks manifests against the files beside them, and against each other: what a file holds, what its manifest says of
// itself, and whether one is missing in the chain. The first break of a chain is what somebody asks for: all before it
// is as it was recorded.
//
// Written from the description of the manifest (docs/recording.md), with hashing of its own.

import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const SUFFIX = ".manifest";
const READ_BYTES = 1 << 20;

export interface ManifestReport {
  /** Of the manifest. */
  readonly path: string;
  readonly localStreamName: string;
  readonly configId: number;
  readonly sequence: number;
  readonly isRecovered: boolean;
  /** What is not as it was recorded; null where all is. */
  readonly fault: string | null;
}

interface Read {
  readonly path: string;
  readonly manifest: Readonly<Record<string, unknown>> | undefined;
  readonly fault: string | undefined;
}

interface Link {
  readonly file: string;
  readonly root: string;
}

/** All of them together, since each names the one before; by config, oldest first. */
export function verifyManifests(
  paths: readonly string[],
  onProgress: (done: number) => void = () => {},
): ManifestReport[] {
  const all = paths.map(readManifest).sort((a, b) => configOf(a) - configOf(b) || sequenceOf(a) - sequenceOf(b));
  const roots = new Map(all.flatMap((read) => (read.manifest ? [[placeOf(read), String(read.manifest.root)]] : [])));
  const followers = new Map<string, string>();
  const starts = startsOf(all, roots);
  return all.map((read, done) => {
    onProgress(done);
    const { path, manifest } = read;
    const isFirst = starts.get(configOf(read)) === read;
    const fault = read.fault ?? chainFault(read, roots, followers, isFirst) ?? contentFault(read);
    return {
      path,
      localStreamName: String(manifest?.localStreamName ?? ""),
      configId: configOf(read),
      sequence: sequenceOf(read),
      isRecovered: manifest?.isRecovered === true,
      fault: fault ?? null,
    };
  });
}

function readManifest(path: string): Read {
  try {
    const manifest = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const { root, ...rest } = manifest;
    const own = createHash("sha256").update(JSON.stringify(rest)).digest("hex");
    if (manifest.version !== 1)
      return { path, manifest, fault: `it has version ${manifest.version}; this program knows 1` };
    return {
      path,
      manifest,
      fault: root === own ? undefined : "the manifest was changed: its root is not that of its lines",
    };
  } catch (error) {
    return { path, manifest: undefined, fault: `the manifest cannot be read: ${(error as Error).message}` };
  }
}

/** The file that it is beside; a copied folder has all of them. */
function placeOf({ path }: Read): string {
  return path.slice(0, -SUFFIX.length);
}

function configOf({ manifest }: Read): number {
  return Number(manifest?.configId ?? 0);
}

function sequenceOf({ manifest }: Read): number {
  return Number(manifest?.sequence ?? 0);
}

function chainFault(
  read: Read,
  roots: ReadonlyMap<string, string>,
  followers: Map<string, string>,
  isFirst: boolean,
): string | undefined {
  const previous = read.manifest?.previous as Link | null | undefined;
  const file = basename(placeOf(read));
  if (!previous) return isFirst ? undefined : "it names no file before it, and is not the first of its config";
  const follower = followers.get(previous.root);
  followers.set(previous.root, file);
  if (follower !== undefined) return `${follower} and it both follow ${previous.file}`;
  const place = findPlace(read, previous.file, roots);
  // Retention takes the oldest ones first.
  if (place === undefined) return isFirst ? undefined : `${previous.file}, the file before it, is missing`;
  return roots.get(place) === previous.root
    ? undefined
    : `${previous.file}, the file before it, has another manifest now`;
}

/**
 * Where each config's chain begins: with the one that names none before it, else with the oldest whose predecessor is
 * not there. Files that are closed at the same time may be chained in another order than that of their sequences.
 */
function startsOf(all: readonly Read[], roots: ReadonlyMap<string, string>): Map<number, Read> {
  const starts = new Map<number, Read>();
  const isFirstOfAll = ({ manifest }: Read): boolean => !manifest?.previous;
  for (const read of all) {
    if (!read.manifest) continue;
    const previous = read.manifest.previous as Link | null;
    if (previous && findPlace(read, previous.file, roots) !== undefined) continue;
    const before = starts.get(configOf(read));
    if (!before || (isFirstOfAll(read) && !isFirstOfAll(before))) starts.set(configOf(read), read);
  }
  return starts;
}

/** Beside it, else wherever that name is: files of one config may lie in folders by date. */
function findPlace(read: Read, file: string, roots: ReadonlyMap<string, string>): string | undefined {
  const beside = join(dirname(read.path), file);
  if (roots.has(beside)) return beside;
  for (const place of roots.keys()) if (basename(place) === file) return place;
  return undefined;
}

function contentFault(read: Read): string | undefined {
  const { file, sizeBytes, blockBytes, head, media } = read.manifest as {
    file: string;
    sizeBytes: number;
    blockBytes: number;
    head: { bytes: number; sha256: string };
    media: { bytes: number; sha256: string[] };
  };
  if (basename(placeOf(read)) !== file) return `it is the manifest of ${file}`;
  let fd: number;
  try {
    fd = openSync(placeOf(read), constants.O_RDONLY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? "its file is missing" : `its file cannot be read (${code})`;
  }
  try {
    const { size } = fstatSync(fd);
    if (size !== sizeBytes) return `its file has ${size} bytes, and had ${sizeBytes}`;
    if (head.bytes + media.bytes !== sizeBytes) return "its head and media are not the file";
    if (media.sha256.length !== Math.ceil(media.bytes / blockBytes)) return "it has not as many hashes as blocks";
    if (hashOf(fd, 0, head.bytes) !== head.sha256) return `bytes 0 to ${head.bytes} (the head) were changed`;
    for (const [block, sha256] of media.sha256.entries()) {
      const from = head.bytes + block * blockBytes;
      const to = Math.min(from + blockBytes, sizeBytes);
      if (hashOf(fd, from, to - from) !== sha256) return `bytes ${from} to ${to} were changed`;
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function hashOf(fd: number, from: number, bytes: number): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, bytes)));
  for (let done = 0; done < bytes; ) {
    const read = readSync(fd, buffer, 0, Math.min(buffer.byteLength, bytes - done), from + done);
    if (read === 0) return "";
    hash.update(buffer.subarray(0, read));
    done += read;
  }
  return hash.digest("hex");
}
