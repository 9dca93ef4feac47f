// Reads an FLV file back, Adobe Flash Video File Format 10.1, annex E: header, tags with their PreviousTagSize, frames,
// metadata. One pass, one window.

import { AmfError } from "../../media/flv/amf0-reader.js";
import { AvTag } from "../../media/flv/av-tag.js";
import { type Metadata, parseMetadata } from "../../media/flv/flv-metadata.js";
import {
  FIRST_TAG_POSITION,
  FLAGS_POSITION,
  FLV_HEADER_BYTES,
  HAS_AUDIO,
  HAS_VIDEO,
  isTagType,
  parseTagHeader,
  TAG_HEADER_BYTES,
  TAG_SCRIPT,
  TAG_VIDEO,
  type Tag,
  tagStride,
} from "../../media/flv/flv-tag.js";
import { headBytesOf, type TagPart, tagParts } from "../../media/flv/tag-parts.js";
import type { Findings } from "../findings.js";
import type { ReadMedia } from "../read-media.js";
import type { TrackAudit, TrackTraits } from "../track-audit.js";
import type { WindowReader } from "../window-reader.js";
import { checkMetadata, KeyframeTableCheck } from "./check-metadata.js";
import { FlvTrack } from "./flv-track.js";

const MAX_METADATA_BYTES = 1024 * 1024;

export async function verifyFlv(reader: WindowReader, findings: Findings): Promise<ReadMedia> {
  const reading = new FlvReading(reader, findings);
  return { tracks: await reading.run(), isIndexInFront: null };
}

class FlvReading {
  readonly #reader: WindowReader;
  readonly #findings: Findings;
  readonly #head = new AvTag();
  /** By kind and number among those of the kind. */
  readonly #tracks = { video: new Map<number, FlvTrack>(), audio: new Map<number, FlvTrack>() };
  /** In the order in which they turned up. */
  readonly #audits: TrackAudit[] = [];
  #metadata: { value: Metadata; place: string; keyframes: KeyframeTableCheck } | undefined;

  constructor(reader: WindowReader, findings: Findings) {
    this.#reader = reader;
    this.#findings = findings;
  }

  async run(): Promise<TrackAudit[]> {
    const header = Buffer.from(await this.#reader.load(0, FIRST_TAG_POSITION));
    if (header.byteLength < FIRST_TAG_POSITION) {
      this.#findings.defect("/header", `has ${header.byteLength} bytes of ${FIRST_TAG_POSITION}`);
      return [];
    }
    this.#checkHeader(header);
    let index = 0;
    for (let at = FIRST_TAG_POSITION; at < this.#reader.sizeBytes; index++) {
      const tag = await this.#readTag(at, index);
      if (!tag) break;
      await this.#takeTag(tag, `/tag[${index}]`);
      at += tagStride(tag);
    }
    return this.#end(header[FLAGS_POSITION] ?? 0);
  }

  #checkHeader(header: Buffer): void {
    if (header.toString("latin1", 0, 3) !== "FLV" || header[3] !== 1)
      this.#findings.defect("/header", "is not that of FLV version 1");
    if (header.readUInt32BE(5) !== FLV_HEADER_BYTES)
      this.#findings.defect("/header", `a DataOffset of ${header.readUInt32BE(5)}`);
    if (header.readUInt32BE(FLV_HEADER_BYTES) !== 0)
      this.#findings.defect("/header", `a PreviousTagSize0 of ${header.readUInt32BE(FLV_HEADER_BYTES)}`);
  }

  /** undefined where tags cannot be followed any further. */
  async #readTag(at: number, index: number): Promise<Tag | undefined> {
    const { sizeBytes } = this.#reader;
    const place = `/tag[${index}]`;
    if (sizeBytes - at < TAG_HEADER_BYTES) {
      this.#findings.defect(place, `${sizeBytes - at} bytes of its header: the file ends in it`);
      return undefined;
    }
    const tag = parseTagHeader(
      this.#reader.peek(at, TAG_HEADER_BYTES) ?? (await this.#reader.load(at, TAG_HEADER_BYTES)),
      at,
    );
    if (!isTagType(tag.type) || tag.streamId !== 0) {
      this.#findings.defect(
        place,
        `no tag begins at byte ${at} (type ${tag.type}, StreamID ${tag.streamId}); the rest of ${sizeBytes - at} bytes was not read`,
      );
      return undefined;
    }
    const end = at + tagStride(tag);
    if (end > sizeBytes) {
      this.#findings.defect(place, `${sizeBytes - at} bytes of ${tagStride(tag)}: the file ends in it`);
      return undefined;
    }
    const previous = (this.#reader.peek(end - 4, 4) ?? (await this.#reader.load(end - 4, 4))).readUInt32BE(0);
    if (previous !== end - 4 - at)
      this.#findings.defect(place, `the PreviousTagSize behind it says ${previous}, it has ${end - 4 - at} bytes`);
    return tag;
  }

  async #takeTag(tag: Tag, place: string): Promise<void> {
    if (tag.type === TAG_SCRIPT) return this.#takeScript(tag, place);
    const kind = tag.type === TAG_VIDEO ? "video" : "audio";
    if (tag.dataBytes === 0) {
      this.#trackOf(kind, 0);
      this.#findings.defect(place, "is empty");
      this.#metadata?.keyframes.meet(tag, false);
      return;
    }
    const parts = await this.#readParts(tag, kind);
    let isTarget = false;
    for (const part of parts) isTarget = (await this.#trackOf(kind, part.trackId).take(tag, part, place)) || isTarget;
    const behind = tag.dataBytes - (parts.at(-1)?.endBytes ?? 0);
    if (behind > 0) this.#findings.defect(place, `${behind} bytes behind its last track`);
    this.#metadata?.keyframes.meet(tag, isTarget);
  }

  async #readParts(tag: Tag, kind: "video" | "audio"): Promise<TagPart[]> {
    const at = tag.position + TAG_HEADER_BYTES;
    const [first = 0] = this.#reader.peek(at, 1) ?? (await this.#reader.load(at, 1));
    const bytes = headBytesOf(kind, first, tag.dataBytes);
    const head = this.#reader.peek(at, bytes) ?? (await this.#reader.load(at, bytes));
    return tagParts(this.#head, kind, head, tag.dataBytes);
  }

  #trackOf(kind: "video" | "audio", trackId: number): FlvTrack {
    const tracks = this.#tracks[kind];
    let track = tracks.get(trackId);
    if (!track) {
      track = new FlvTrack(kind, this.#audits.length, this.#reader, this.#findings);
      tracks.set(trackId, track);
      this.#audits.push(track.audit);
    }
    return track;
  }

  async #takeScript(tag: Tag, place: string): Promise<void> {
    if (tag.dataBytes > MAX_METADATA_BYTES) {
      this.#findings.defect(place, `metadata of ${tag.dataBytes} bytes was not read`);
      return;
    }
    try {
      const value = parseMetadata(Buffer.from(await this.#reader.load(tag.position + TAG_HEADER_BYTES, tag.dataBytes)));
      if (value && !this.#metadata)
        this.#metadata = { value, place, keyframes: new KeyframeTableCheck(value, place, this.#findings) };
    } catch (error) {
      if (!(error instanceof AmfError)) throw error;
      this.#findings.defect(place, `metadata: ${error.message}`);
    }
  }

  #end(flags: number): TrackAudit[] {
    for (const [bit, kind] of [
      [HAS_VIDEO, "video"],
      [HAS_AUDIO, "audio"],
    ] as const) {
      const says = (flags & bit) !== 0;
      if (says !== this.#tracks[kind].size > 0)
        this.#findings.defect(
          "/header",
          `TypeFlags say ${says ? "" : "no "}${kind}, the tags ${says ? "have none" : "have some"}`,
        );
    }
    const tracks = this.#audits;
    for (const track of tracks)
      if (track.frames === 0) this.#findings.defect("/", `a track (${track.traits.kind}) that has no frames`);
    if (tracks.length === 0) this.#findings.defect("/", "has no audio and no video");
    this.#metadata?.keyframes.end();
    if (this.#metadata)
      checkMetadata(
        this.#metadata.value,
        this.#metadata.place,
        { sizeBytes: this.#reader.sizeBytes, tracks, video: firstOf(this.#tracks.video) },
        this.#findings,
      );
    return tracks;
  }
}

/** The metadata speaks of the first of a kind: that with the lowest number, whichever turned up first. */
function firstOf(tracks: ReadonlyMap<number, FlvTrack>): TrackTraits | undefined {
  return tracks.get(Math.min(...tracks.keys()))?.audit.traits;
}
