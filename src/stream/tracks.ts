// The tracks of an in-stream: their numbers, kinds and which of the videos is the main one. They are still told after
// the stream has ended.

import { MAX_TRACKS } from "../abi/frame.js";
import { ReelError } from "../base/reel-error.js";
import type { CodecName, TrackKind } from "../media/codec/codec-entry.js";
import { CODECS } from "../media/codec/table.js";
import type { NewTrack, Track } from "./track.js";

export class Tracks {
  readonly #all: (Track | undefined)[] = new Array(MAX_TRACKS).fill(undefined);
  /** Those that there are; made again when one comes or goes, because every drain asks for them. */
  #listed: readonly Track[] = [];
  #mainVideo: number | undefined;
  /** There will be no other. */
  areNamed = false;

  constructor(private readonly streamName: string) {}

  /** By number. */
  get all(): readonly Track[] {
    return this.#listed;
  }

  get mainVideo(): number | undefined {
    return this.#mainVideo;
  }

  kindOf(number: number): TrackKind | undefined {
    return this.#all[number]?.kind;
  }

  /** Takes the next free number. Throws ReelError `badInput` beyond MAX_TRACKS tracks. */
  add({ kind, language, label }: NewTrack): number {
    for (let number = 0; number < MAX_TRACKS; number++) {
      if (this.#all[number]) continue;
      this.#put(number, { number, kind, codec: undefined, language, label });
      return number;
    }
    throw new ReelError("badInput", `a stream has at most ${MAX_TRACKS} tracks`, { stream: this.streamName });
  }

  /**
   * A track of this number is to come, or is another one now: its kind stays. Throws ReelError `badInput` beyond
   * MAX_TRACKS tracks.
   */
  describe(number: number, { kind, language, label, colourInfo }: NewTrack): void {
    if (number >= MAX_TRACKS)
      throw new ReelError("badInput", `a stream has at most ${MAX_TRACKS} tracks`, { stream: this.streamName });
    const track = this.#all[number];
    if (!track) this.#put(number, { number, kind, codec: undefined, language, label, colourInfo });
    else Object.assign(track, { language, label, colourInfo });
  }

  /** A track that was to come does not. */
  withdraw(number: number): void {
    if (this.#all[number]?.codec === undefined) this.#put(number, undefined);
  }

  /** The track that a configuration may belong to; a track's kind never changes. Throws ReelError `badInput`. */
  forConfig(number: number, codec: CodecName): Track {
    if (!Number.isInteger(number) || number < 0 || number >= MAX_TRACKS)
      throw new ReelError("badInput", `there is no track ${number}: a stream has up to ${MAX_TRACKS}`, {
        stream: this.streamName,
      });
    const { kind } = CODECS[codec];
    const track = this.#all[number];
    if (track && track.kind !== kind)
      throw new ReelError("badInput", `track ${number} is ${track.kind}, and ${codec} is ${kind}`, {
        stream: this.streamName,
      });
    return track ?? { number, kind, codec: undefined, language: undefined, label: undefined };
  }

  /** Its configuration has been taken. */
  configured(track: Track, codec: CodecName): void {
    track.codec = codec;
    this.#put(track.number, track);
    this.#mainVideo = this.all.find(({ kind, codec }) => kind === "video" && codec !== undefined)?.number;
  }

  /** Every track that was announced is there, and video and audio where others may come. */
  get isComplete(): boolean {
    const { all } = this;
    const has = (kind: TrackKind): boolean => all.some((track) => track.kind === kind);
    const areAll = this.areNamed ? all.length > 0 : has("video") && has("audio");
    return areAll && all.every(({ codec }) => codec !== undefined);
  }

  #put(number: number, track: Track | undefined): void {
    this.#all[number] = track;
    this.#listed = this.#all.filter((each) => each !== undefined);
  }
}
