// The parts of a tag in a file: one, or one per track of a multitrack tag (Enhanced RTMP v2). A reader looks at the
// first bytes of a tag and takes more only where these are not enough.

import type { CodecEntry } from "../codec/codec-entry.js";
import { AvTag, MAX_TAG_HEADER_SIZE, TAG_IGNORED, TAG_METADATA } from "./av-tag.js";

/** Places are counted from the beginning of the tag's data. */
export interface TagPart {
  /** TAG_* of av-tag.ts. */
  kind: number;
  /** Of the track among those of its kind; 0 where the tag does not say it. */
  trackId: number;
  codec: CodecEntry | undefined;
  unsupported: string;
  metadataId: number;
  /** The first byte of the tag's data. */
  first: number;
  isKey: boolean;
  compositionTimeMs: number;
  headerBytes: number;
  endBytes: number;
}

/** How many bytes of a tag's data tell its parts, from the first of them. */
export function headBytesOf(kind: "video" | "audio", first: number, dataBytes: number): number {
  return AvTag.wantsWhole(kind, first) ? dataBytes : Math.min(MAX_TAG_HEADER_SIZE, dataBytes);
}

/** `bytes` are as many as `headBytesOf` answered; `tag` is used to read them. */
export function tagParts(tag: AvTag, kind: "video" | "audio", bytes: Uint8Array, dataBytes: number): TagPart[] {
  if (kind === "video") tag.parseVideo(bytes, 0, bytes.byteLength);
  else tag.parseAudio(bytes, 0, bytes.byteLength);
  const isWhole = bytes.byteLength === dataBytes;
  const parts: TagPart[] = [];
  do {
    parts.push({
      kind: tag.kind === TAG_METADATA ? TAG_IGNORED : tag.kind,
      trackId: tag.trackId,
      codec: tag.codec,
      unsupported: tag.unsupported,
      metadataId: tag.metadataId,
      first: tag.first,
      isKey: tag.isKey,
      compositionTimeMs: tag.compositionTimeMs,
      headerBytes: tag.headerBytes,
      endBytes: isWhole ? tag.end : dataBytes,
    });
  } while (tag.next(bytes, 0));
  return parts;
}
