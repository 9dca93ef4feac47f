// One track of an FLV file: its sequence header, then its frames; a multitrack tag has a part for each of its tracks.
// Adobe Flash Video File Format 10.1, annex E.4.2, E.4.3.

import type { CodecEntry } from "../../media/codec/codec-entry.js";
import { TAG_DAMAGED, TAG_DECODER_CONFIG, TAG_IGNORED } from "../../media/flv/av-tag.js";
import { TAG_HEADER_BYTES, type Tag } from "../../media/flv/flv-tag.js";
import type { TagPart } from "../../media/flv/tag-parts.js";
import { Unwrapper } from "../../time/unwrap.js";
import type { Findings } from "../findings.js";
import { FRAME_HEAD_BYTES, FRAME_READINGS } from "../frame-readings.js";
import { NAL_READINGS } from "../nal-readings.js";
import { isRandomAccess, type LengthPrefixedPicture, readPicture } from "../picture.js";
import type { PictureCheck } from "../picture-check.js";
import { TrackAudit } from "../track-audit.js";
import type { WindowReader } from "../window-reader.js";

const TICKS_PER_SECOND = 1000;
const WIRE_MODULUS = 2 ** 32;
const MAX_CONFIG_BYTES = 64 * 1024;

export class FlvTrack {
  readonly audit: TrackAudit;
  readonly #reader: WindowReader;
  readonly #findings: Findings;
  readonly #clock = new Unwrapper(WIRE_MODULUS);
  #slices: PictureCheck | undefined;
  #hasConfig = false;
  #nalLengthSize = 4;
  #frameMs: number | undefined;
  #place = "";

  constructor(kind: "video" | "audio", index: number, reader: WindowReader, findings: Findings) {
    this.audit = new TrackAudit({ kind, codec: "unknown" }, index, TICKS_PER_SECOND, findings, () => this.#place);
    this.#reader = reader;
    this.#findings = findings;
  }

  /** True where the tag is what a table of keyframes may point to: a key frame, or the sequence header before it. */
  async take(tag: Tag, part: TagPart, place: string): Promise<boolean> {
    this.#place = place;
    if (part.kind === TAG_DAMAGED) this.#findings.defect(place, "is no frame and no sequence header");
    if (part.kind === TAG_DAMAGED || part.kind === TAG_IGNORED) return false;
    const { codec, headerBytes, endBytes, isKey, compositionTimeMs } = part;
    const isVideo = this.audit.traits.kind === "video";
    this.audit.traits.codec = codec?.name ?? part.unsupported;
    if (codec && part.kind === TAG_DECODER_CONFIG) {
      await this.#takeConfig(tag, part, codec);
      return isVideo;
    }
    const reading = codec && NAL_READINGS[codec.name];
    if (reading) {
      const position = tag.position + TAG_HEADER_BYTES + headerBytes;
      const bytes = Math.max(0, endBytes - headerBytes);
      const nalBytes = this.#nalLengthSize;
      const picture = await readPicture(this.#reader, position, bytes, nalBytes, reading, this.#slices);
      this.#checkPicture(picture, isKey, tag.timestampMs);
    } else if (codec && FRAME_READINGS[codec.name]) await this.#checkFrame(tag, part, codec);
    else if (this.audit.frames === 0) this.#checkFirst(codec, part);
    const dts = this.#clock.unwrap(tag.timestampMs);
    const pts = dts + compositionTimeMs;
    const sizeBytes = endBytes - headerBytes;
    this.audit.add({ dts, pts, duration: this.#frameMs, isKey: isKey || !isVideo, sizeBytes });
    return isKey && isVideo;
  }

  #checkPicture({ picture, complaint }: LengthPrefixedPicture, isKey: boolean, atMs: number): void {
    if (complaint !== undefined) this.#findings.defect(this.#place, complaint, atMs);
    else if (!picture.hasSlice) this.#findings.defect(this.#place, "has no slice", atMs);
    else if (isKey && !isRandomAccess(picture))
      this.#findings.defect(this.#place, "is a key frame, but decoding cannot start there", atMs);
    else if (!isKey && picture.isIdr) this.#findings.defect(this.#place, "is an IDR, but no key frame", atMs);
    if (this.audit.frames > 0) return;
    this.audit.isOpenAtStart = this.#slices?.judgesLeading === true && !picture.isIdr;
    this.audit.isFirstFrameDecodable = this.#hasConfig && complaint === undefined && isRandomAccess(picture);
    if (!this.audit.isFirstFrameDecodable)
      this.#findings.defect(this.#place, "decoding cannot start with the first picture", atMs);
  }

  async #checkFrame(tag: Tag, part: TagPart, codec: CodecEntry): Promise<void> {
    const { traits } = this.audit;
    const { isKey } = part;
    const head = await this.#read(tag, part, FRAME_HEAD_BYTES);
    const found = FRAME_READINGS[codec.name]?.(head, part.endBytes - part.headerBytes);
    const atMs = tag.timestampMs;
    if (found?.complaint !== undefined) this.#findings.defect(this.#place, found.complaint, atMs);
    else if (isKey && !found?.isKey)
      this.#findings.defect(this.#place, "is a key frame, but decoding cannot start there", atMs);
    else if (!isKey && found?.isKey) this.#findings.defect(this.#place, "can be decoded, but is no key frame", atMs);
    const size = codec.keyFrameSize?.(head, 0, head.byteLength);
    if (size) Object.assign(traits, { width: size.width, height: size.height });
    if (this.audit.frames === 0) this.#checkFirst(codec, part);
  }

  /** The first frame of a codec whose pictures are not looked into. */
  #checkFirst(codec: CodecEntry | undefined, { isKey, first }: TagPart): void {
    const config = codec?.flv?.configOfTag?.(first);
    const sound = config && codec?.parse(config).audio;
    // Its frames are of any length: how long they last is seen from their times.
    if (sound) Object.assign(this.audit.traits, { sampleRate: sound.sampleRate, channels: sound.channels });
    const isVideo = this.audit.traits.kind === "video";
    const needsHeader = codec?.configFrom === "header";
    this.audit.isFirstFrameDecodable = (isKey || !isVideo) && (this.#hasConfig || !needsHeader);
    if (needsHeader && !this.#hasConfig) this.#findings.defect(this.#place, "comes before a sequence header");
  }

  async #takeConfig(tag: Tag, part: TagPart, codec: CodecEntry): Promise<void> {
    const { traits } = this.audit;
    try {
      const { video, audio } = codec.parse(await this.#read(tag, part, MAX_CONFIG_BYTES));
      this.#hasConfig = true;
      if (video) {
        this.#nalLengthSize = video.nalLengthSize;
        this.#slices ??= NAL_READINGS[codec.name]?.newSliceCheck();
        this.#slices?.useHeader(video);
        traits.width = video.width;
        traits.height = video.height;
      }
      if (audio) {
        traits.sampleRate = audio.sampleRate;
        traits.channels = audio.channels;
        this.#frameMs = (audio.samplesPerFrame * TICKS_PER_SECOND) / audio.sampleRate;
      }
    } catch (error) {
      this.#findings.defect(this.#place, (error as Error).message);
    }
  }

  /** Of the part's data, at most `bytes`. */
  async #read(tag: Tag, { headerBytes, endBytes }: TagPart, bytes: number): Promise<Buffer> {
    const at = tag.position + TAG_HEADER_BYTES + headerBytes;
    const wanted = Math.min(bytes, Math.max(0, endBytes - headerBytes));
    return this.#reader.peek(at, wanted) ?? (await this.#reader.load(at, wanted));
  }
}
