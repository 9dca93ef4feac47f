// An in-stream as an embedding program writes it: tracks, frames, an end. What it writes is recorded as soon as a
// record config asks for the stream's name.
//
//   recorder.openStream(name) ─▶ setDecoderConfig ─▶ settle ─▶ writeFrame … (false: await room) ─▶ end

import { once } from "node:events";
import type { CodecName } from "../media/codec/codec-entry.js";
import type { InStream } from "../stream/in-stream.js";
import type { Ticks90k } from "../time/units.js";

export class FrameWriter {
  readonly #stream: InStream;

  constructor(stream: InStream) {
    this.#stream = stream;
  }

  /** Unique in a run of the recorder, shared by in- and out-streams. */
  get id(): number {
    return this.#stream.id;
  }

  /** The `localStreamName` that record configs match. */
  get name(): string {
    return this.#stream.name;
  }

  /** True behind `end`, and where a command has ended the stream. */
  get isEnded(): boolean {
    return this.#stream.ended;
  }

  /**
   * Announces a track, or a change of its configuration. `bytes`, which are copied: for `h264` an
   * AVCDecoderConfigurationRecord (avcC, ISO/IEC 14496-15 §5.3.3.1), for `aac` an AudioSpecificConfig (ISO/IEC 14496-3
   * §1.6.2.1). The same bytes again change nothing. Throws ReelError `badConfig`, and `badInput` where a stream has too
   * many different ones.
   */
  setDecoderConfig(track: number, codec: CodecName, bytes: Uint8Array): void {
    this.#stream.setDecoderConfig(track, codec, bytes);
  }

  /** No other track will come. Without this word a stream of one track waits a second of media for another. */
  settle(): void {
    this.#stream.settle();
  }

  /**
   * Writes one access unit, which is copied. H.264: NAL units, each behind its length in 4 bytes, big-endian, no start
   * codes. AAC: one raw access unit, no ADTS header. `dts90k` is the source's decoding time in ticks of 1/90000 s:
   * rising within a track, on one clock for all tracks, from any start. `ctsOffset90k` is how much later the frame is
   * shown, 0 for audio. `isRandomAccess`: decoding can start here; true for audio.
   *
   * False where the stream's ring is full: the frame was not taken, write it again after `room`. Throws ReelError
   * `badConfig` (no decoder configuration yet), `arenaFull` (a frame that no ring can hold), `closed` (the stream has
   * ended).
   */
  writeFrame(
    track: number,
    payload: Uint8Array,
    dts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
  ): boolean {
    return this.#stream.writeFrame(track, payload, dts90k, ctsOffset90k, isRandomAccess);
  }

  /** Resolves when there is room again behind a `writeFrame` that answered false, or when the stream has ended. */
  async room(): Promise<void> {
    if (this.#stream.ended || !this.#stream.isHeldBack) return;
    const either = new AbortController();
    const { signal } = either;
    await Promise.race([once(this.#stream, "room", { signal }), once(this.#stream, "ended", { signal })]);
    either.abort();
  }

  /** No more frames will come; what was written is recorded to its end. */
  end(reason = "the source has ended"): void {
    this.#stream.end(reason);
  }
}
