// Repairs an FLV file that a crash left: the half tag at its end is cut off, then the head gets what only a close
// knows: TypeFlags, duration, size, keyframes.
//
//   | head, onMetaData of fixed size | tag | tag | … | half tag |
//     ◀── 2. one write ─────────────▶                ▲ 1. one ftruncate
//
// A repair that is killed between the two finds the rest to do when it runs again. Files of other writers have no room
// in their metadata: what stands there is patched in place. A file that is damaged further in front is left untouched.

import { closeSync, constants, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { ReelError } from "../../base/reel-error.js";
import { AmfError } from "../../media/flv/amf0-reader.js";
import { type Metadata, metadataNumber, parseMetadata } from "../../media/flv/flv-metadata.js";
import {
  FIRST_TAG_POSITION,
  FLAGS_POSITION,
  HAS_AUDIO,
  HAS_VIDEO,
  isTagType,
  PREVIOUS_TAG_SIZE_BYTES,
  parseTagHeader,
  TAG_AUDIO,
  TAG_HEADER_BYTES,
  TAG_SCRIPT,
  TAG_VIDEO,
  tagStride,
} from "../../media/flv/flv-tag.js";
import { FileWindow } from "../file-window.js";
import type { RepairOptions, RepairReport } from "../repair-report.js";
import { FILLER, metadataBody } from "./flv-head.js";
import { FlvScan } from "./flv-scan.js";

const SIGNATURE = "FLV\x01";
/** Tags in a row that are no accident. */
const TAG_RUN = 2;
/**
 * A head with the right size was closed; its writer may count to the last frame's beginning, or to its end as decoded
 * or as shown.
 */
const DURATION_TOLERANCE_S = 0.5;
const MAX_METADATA_BYTES = 1024 * 1024;

/** Throws ReelError `corrupt`, the file untouched, or what a file operation throws. */
export function repairFlv(path: string, options: RepairOptions = {}): RepairReport {
  const fd = openSync(path, (options.dryRun ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    if (size === 0)
      return {
        sizeBytes: 0,
        lostBytes: 0,
        lostFrames: 0,
        videoFrames: 0,
        audioFrames: 0,
        durationMs: 0,
        isChanged: false,
      };
    const window = new FileWindow(fd, size, (position) => options.onProgress?.(position / size));
    const head = Buffer.from(window.read(0, FIRST_TAG_POSITION));
    if (head.byteLength < FIRST_TAG_POSITION || head.toString("latin1", 0, 4) !== SIGNATURE)
      throw corrupt(path, "has no FLV header");
    const scan = new FlvScan(window);
    scan.run();
    const lost = lostTail(path, window, scan);
    const patch = headPatch(head, window, scan);
    const isChanged = scan.end < size || patch.length > 0;
    if (isChanged && !options.dryRun) {
      if (scan.end < size) ftruncateSync(fd, scan.end);
      for (const { position, bytes } of patch) writeSync(fd, bytes, 0, bytes.byteLength, position);
      if (options.sync ?? true) fdatasyncSync(fd);
    }
    const durationMs = Math.round(scan.durationMs);
    return {
      sizeBytes: scan.end,
      lostBytes: size - scan.end,
      lostFrames: lost,
      videoFrames: scan.videoFrames,
      audioFrames: scan.audioFrames,
      durationMs,
      isChanged,
    };
  } finally {
    closeSync(fd);
  }
}

/**
 * Whether a repair would find something to do, from the head and the last tag alone. False for a file that is no FLV.
 */
export function isTornFlv(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    const window = new FileWindow(fd, size);
    if (size < FIRST_TAG_POSITION || window.read(0, 4).toString("latin1") !== SIGNATURE) return false;
    const scan = new FlvScan(window);
    const first = scan.wholeTagAt(FIRST_TAG_POSITION);
    if (first?.type === TAG_SCRIPT && first.dataBytes <= MAX_METADATA_BYTES) {
      const metadata = readMetadata(Buffer.from(window.read(FIRST_TAG_POSITION + TAG_HEADER_BYTES, first.dataBytes)));
      const said = metadata && metadataNumber(metadata, "filesize");
      if (said !== undefined && said !== size) return true;
    }
    const lastBytes = window.read(size - PREVIOUS_TAG_SIZE_BYTES, PREVIOUS_TAG_SIZE_BYTES).readUInt32BE(0);
    const last = size - PREVIOUS_TAG_SIZE_BYTES - lastBytes;
    return (
      size > FIRST_TAG_POSITION &&
      (last < FIRST_TAG_POSITION || scan.wholeTagAt(last)?.dataBytes !== lastBytes - TAG_HEADER_BYTES)
    );
  } finally {
    closeSync(fd);
  }
}

/** The frames that begin in the tail. Throws where tags go on behind it: then it is no tail. */
function lostTail(path: string, window: FileWindow, scan: FlvScan): number {
  for (let at = scan.end + 1; at < window.sizeBytes; at++) {
    let position = at;
    for (let run = 0; run < TAG_RUN; run++) {
      const tag = scan.wholeTagAt(position);
      if (!tag || tag.dataBytes === 0) break;
      position += tagStride(tag);
      if (run === TAG_RUN - 1) throw corrupt(path, `is damaged at byte ${scan.end} and goes on at byte ${at}`);
    }
  }
  const head = window.read(scan.end, TAG_HEADER_BYTES);
  if (head.byteLength < TAG_HEADER_BYTES) return 0;
  const { type } = parseTagHeader(head, scan.end);
  return isTagType(type) && (type === TAG_AUDIO || type === TAG_VIDEO) ? 1 : 0;
}

interface Patch {
  position: number;
  bytes: Buffer;
}

/** What must be written so that the head agrees with the tags; empty where it does. */
function headPatch(head: Buffer, window: FileWindow, scan: FlvScan): Patch[] {
  const flags = (scan.audio ? HAS_AUDIO : 0) | (scan.video ? HAS_VIDEO : 0);
  const newHead = Buffer.from(head);
  newHead[FLAGS_POSITION] = flags;
  const patches: Patch[] = newHead.equals(head) ? [] : [{ position: 0, bytes: newHead }];
  const tag = scan.wholeTagAt(FIRST_TAG_POSITION);
  if (tag?.type !== TAG_SCRIPT || tag.dataBytes > MAX_METADATA_BYTES) return patches;
  const at = FIRST_TAG_POSITION + TAG_HEADER_BYTES;
  const metadata = readMetadata(Buffer.from(window.read(at, tag.dataBytes)));
  if (!metadata) return patches;
  const isTrue =
    patches.length === 0 &&
    (metadataNumber(metadata, "filesize") ?? scan.end) === scan.end &&
    Math.abs((metadataNumber(metadata, "duration") ?? 0) - scan.durationMs / 1000) <= DURATION_TOLERANCE_S;
  if (isTrue) return [];
  const body = metadata.fields.has(FILLER) ? metadataBody(scan, scan.end, tag.dataBytes) : undefined;
  if (!body) return [...patches, ...patchNumbers(metadata, at, scan)];
  // In one piece: header, tag header, body.
  return [{ position: 0, bytes: Buffer.concat([newHead, window.read(FIRST_TAG_POSITION, TAG_HEADER_BYTES), body]) }];
}

function readMetadata(data: Buffer): Metadata | undefined {
  try {
    return parseMetadata(data);
  } catch (error) {
    if (error instanceof AmfError) return undefined;
    throw error;
  }
}

/** Another writer's metadata: the numbers that are there. */
function patchNumbers(metadata: Metadata, at: number, scan: FlvScan): Patch[] {
  const values = { duration: scan.durationMs / 1000, filesize: scan.end, lasttimestamp: scan.lastTimestampMs / 1000 };
  return Object.entries(values).flatMap(([title, value]) => {
    const field = metadata.fields.get(title);
    if (field?.type !== "number" || field.value === value) return [];
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return [{ position: at + field.at, bytes }];
  });
}

function corrupt(path: string, what: string): ReelError {
  return new ReelError("corrupt", `${path} ${what}: it is left as it is`, { path });
}
