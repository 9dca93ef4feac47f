// One PID of a program: PES packets put together as far as they must be looked into (ISO/IEC 13818-1 §2.4.3.6). Of a
// picture that is what stands in front of its first slice; of audio all of it, because one PES packet may carry several
// frames. An access unit a PES packet is what recordings have.

import type { AudioCounter } from "../../media/codec/audio-counter.js";
import { newAudioCounter } from "../../media/codec/audio-counters.js";
import { codecOfStream, framingOfStream } from "../../media/codec/table.js";
import { type PesHeader, parsePesHeader } from "../../media/mpegts/pes.js";
import { nearestTime } from "../../media/mpegts/ts-packet.js";
import type { Findings } from "../findings.js";
import { type CodecReading, NAL_READINGS } from "../nal-readings.js";
import { isRandomAccess, readAnnexBPicture } from "../picture.js";
import type { PictureCheck } from "../picture-check.js";
import { roundMs, TrackAudit, type TrackTraits } from "../track-audit.js";
import type { PmtEntry } from "./section.js";

/** Parameter sets and SEI in front of the first slice; the rest of a picture is only counted. */
const HEAD_BYTES = 16 * 1024;
const PTS_MODULUS_TICKS = 90_000;
const TICKS_PER_MS = 90;

/** Times of all tracks are unwrapped against one another: a file may begin on either side of a wrap. */
export interface SharedTime {
  reference90k: number;
}

export class TsTrack {
  readonly audit: TrackAudit;
  /** Of sound. */
  readonly #counter: AudioCounter | undefined;
  /** Of video that is looked into. */
  readonly #reading: CodecReading | undefined;
  /** Packet in which the PES packet that is open began; -1 = none is. */
  #start = -1;
  #startPcr90k = Number.NaN;
  #isFlaggedRandomAccess = false;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #pesBytes = 0;
  #header: PesHeader | undefined;
  readonly #slices: PictureCheck | undefined;
  #framesBefore = 0;
  #samplesBefore = 0;
  #strayBefore = 0;
  readonly #findings: Findings;
  readonly #time: SharedTime;

  constructor(stream: PmtEntry, index: number, findings: Findings, time: SharedTime) {
    const codec = codecOfStream(stream);
    this.#counter = newAudioCounter(framingOfStream(stream));
    this.#reading = (codec && NAL_READINGS[codec.name]) ?? undefined;
    this.#slices = this.#reading?.newSliceCheck();
    const traits: TrackTraits = {
      kind: codec && codec.kind !== "data" ? codec.kind : "other",
      codec: codec?.name ?? `stream_type 0x${stream.streamType.toString(16).padStart(2, "0")}`,
    };
    this.audit = new TrackAudit(traits, index, PTS_MODULUS_TICKS, findings, () => this.#place);
    this.#findings = findings;
    this.#time = time;
  }

  get #place(): string {
    return `/packet[${this.#start}]`;
  }

  /** The payload of a packet with payload_unit_start_indicator. */
  begin(packetIndex: number, payload: Buffer, pcr90k: number, isFlaggedRandomAccess: boolean): void {
    this.end(false);
    this.#start = packetIndex;
    this.#startPcr90k = pcr90k;
    this.#isFlaggedRandomAccess = isFlaggedRandomAccess;
    this.#headBytes = 0;
    this.#pesBytes = 0;
    this.#framesBefore = this.#counter?.frames ?? 0;
    this.#samplesBefore = this.#counter?.samples ?? 0;
    this.#strayBefore = this.#counter?.strayBytes ?? 0;
    this.#header = parsePesHeader(payload);
    if (!this.#header && this.audit.traits.kind !== "other")
      this.#findings.defect(this.#place, "no PES packet of audio or video begins here");
    this.#take(payload, this.#header?.payloadAt ?? payload.byteLength);
  }

  push(payload: Buffer): void {
    if (this.#start >= 0) this.#take(payload, 0);
  }

  /** Ends the PES packet that is open: the next one begins, or the file ends. */
  end(isEndOfFile: boolean): void {
    if (this.#start < 0) return;
    const { kind } = this.audit.traits;
    const said = this.#header?.packetBytes ?? 0;
    if (said > 0 && said !== this.#pesBytes) {
      this.#findings.defect(
        this.#place,
        `a PES packet of ${said} bytes has ${this.#pesBytes}${isEndOfFile ? ": the file ends in it" : ""}`,
      );
    }
    const header = this.#header;
    const isHalf = isEndOfFile && said > this.#pesBytes;
    if (header && header.pts90k < 0 && kind !== "other") this.#findings.defect(this.#place, "has no PTS");
    else if (header && !isHalf) this.#takeUnit(header);
    this.#start = -1;
  }

  #take(payload: Buffer, skip: number): void {
    this.#pesBytes += payload.byteLength;
    const data = skip === 0 ? payload : payload.subarray(skip);
    if (this.#counter) this.#counter.push(data);
    else this.#headBytes += data.copy(this.#head, this.#headBytes);
  }

  #takeUnit(header: PesHeader): void {
    const dts = nearestTime(Math.max(0, header.dts90k), this.#time.reference90k);
    const pts = nearestTime(Math.max(0, header.pts90k), dts);
    this.#time.reference90k = dts;
    if (pts < dts)
      this.#findings.defect(this.#place, `is shown ${roundMs((dts - pts) / TICKS_PER_MS)} ms before it is decoded`);
    const late = Number.isNaN(this.#startPcr90k) ? 0 : nearestTime(this.#startPcr90k, dts) - dts;
    if (late > 0)
      this.#findings.defect(this.#place, `arrives ${roundMs(late / TICKS_PER_MS)} ms after its decoding time`);
    if (this.#counter) this.#takeAudio(this.#counter, pts);
    else if (this.#reading) this.#takePicture(this.#reading, dts, pts);
    else
      this.audit.add({ dts, pts, duration: undefined, isKey: this.#isFlaggedRandomAccess, sizeBytes: this.#pesBytes });
  }

  #takeAudio(counter: AudioCounter, pts: number): void {
    const frames = counter.frames - this.#framesBefore;
    const stray = counter.strayBytes - this.#strayBefore;
    if (stray > 0) this.#findings.defect(this.#place, `${stray} bytes belong to no ${counter.unit}`);
    if (frames === 0) return;
    if (this.audit.frames === 0) {
      this.audit.isFirstFrameDecodable = stray === 0;
      if (counter.codec) this.audit.traits.codec = counter.codec;
      this.audit.traits.sampleRate = counter.sampleRate;
      this.audit.traits.channels = counter.channels;
    }
    const samples = counter.samples - this.#samplesBefore;
    const duration = (samples * PTS_MODULUS_TICKS) / (frames * counter.sampleRate);
    for (let i = 0; i < frames; i++) {
      const time = pts + i * duration;
      this.audit.add({ dts: time, pts: time, duration, isKey: true, sizeBytes: Math.round(this.#pesBytes / frames) });
    }
  }

  #takePicture(reading: CodecReading, dts: number, pts: number): void {
    const head = this.#head.subarray(0, this.#headBytes);
    const onSps = (sps: Uint8Array): void => this.#takeSps(reading, sps);
    const { picture, complaint } = readAnnexBPicture(head, reading, this.#slices, onSps);
    const hasParameterSets = reading.hasParameterSets(picture);
    const isKey = isRandomAccess(picture);
    const atMs = roundMs(dts / TICKS_PER_MS);
    const defect = (message: string): void => this.#findings.defect(this.#place, message, atMs);
    if (complaint !== undefined) defect(complaint);
    if (!picture.isDelimited) defect("a picture without an access unit delimiter");
    if (!picture.hasSlice) defect("a picture without a slice");
    else if (this.#isFlaggedRandomAccess && !isKey)
      defect("is flagged as a random access point, but decoding cannot start there");
    if (picture.isIdr && !hasParameterSets) defect("an IDR without parameter sets in front of it");
    if (this.audit.frames === 0) {
      this.audit.isOpenAtStart = this.#slices?.judgesLeading === true && !picture.isIdr;
      this.audit.isFirstFrameDecodable = isKey && hasParameterSets;
      if (!this.audit.isFirstFrameDecodable) defect("decoding cannot start with the first picture");
    }
    this.audit.add({ dts, pts, duration: undefined, isKey, sizeBytes: this.#pesBytes });
  }

  #takeSps(reading: CodecReading, sps: Uint8Array): void {
    if (this.audit.traits.width !== undefined) return;
    try {
      const { width, height } = reading.sizeOf(sps);
      this.audit.traits.width = width;
      this.audit.traits.height = height;
    } catch (error) {
      this.#findings.defect(this.#place, (error as Error).message);
    }
  }
}
