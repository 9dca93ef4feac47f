// The streams of a program and their numbers in the in-stream: every stream whose codec is recorded is a track, as long
// as there are numbers. The first video is 0 and the first audio 1; others take what is free. A number stays with its
// kind, also when the stream that had it is gone and another takes its place.

import { MAX_TRACKS, TRACK_AUDIO, TRACK_VIDEO } from "../../abi/frame.js";
import type { CodecEntry, TrackKind, TsFraming } from "../../media/codec/codec-entry.js";
import { codecOfStream, framingOfStream } from "../../media/codec/table.js";
import type { PmtStream, ProgramMap } from "../../media/mpegts/psi.js";
import { sameBytes } from "../../stream/decoder-config.js";
import { ASSEMBLER_TABLE } from "./assembler-table.js";
import { ElementaryStream, type StreamContext } from "./elementary-stream.js";
import { TrackSink } from "./track-sink.js";

/** Below are tables, at the top null packets (Table 2-3). */
const FIRST_PID = 0x10;
const NULL_PID = 0x1fff;
const FIRST_FURTHER_TRACK = 2;
const ISO_639_LANGUAGE_DESCRIPTOR = 0x0a;

/** A stream of a program map that is recorded. */
interface Wanted {
  stream: PmtStream;
  codec: CodecEntry;
  framing: TsFraming;
}

/** Why a stream cannot be recorded though its codec can; undefined where it can. */
export function whyUnsupported(stream: PmtStream): string | undefined {
  const framing = framingOfStream(stream);
  return framing && ASSEMBLER_TABLE[framing].whyNot?.(stream.descriptors);
}

export class ProgramTracks {
  readonly #context: StreamContext;
  /** By number. */
  readonly #streams: (ElementaryStream | undefined)[] = new Array(MAX_TRACKS).fill(undefined);
  readonly #kinds: (TrackKind | undefined)[] = new Array(MAX_TRACKS).fill(undefined);

  constructor(context: StreamContext) {
    this.#context = context;
  }

  get all(): readonly { number: number; stream: ElementaryStream }[] {
    return this.#streams.flatMap((stream, number) => (stream ? [{ number, stream }] : []));
  }

  of(number: number): ElementaryStream | undefined {
    return this.#streams[number];
  }

  /** Takes the streams of a program map; those that stay where they were go on. Answers those that are not recorded. */
  use(program: ProgramMap): PmtStream[] {
    const wanted = new Map<number, Wanted>();
    for (const stream of program.streams) {
      const codec = codecOfStream(stream);
      const framing = framingOfStream(stream);
      const { pid } = stream;
      if (!codec || !framing || pid < FIRST_PID || pid >= NULL_PID || wanted.has(pid)) continue;
      if (whyUnsupported(stream) === undefined) wanted.set(pid, { stream, codec, framing });
    }
    for (const { number, stream } of this.all) {
      const now = wanted.get(stream.pid);
      if (now?.codec !== stream.codec || now.framing !== stream.framing) this.#drop(number);
      else if (!sameBytes(now.stream.descriptors, stream.descriptors)) this.#redescribe(number, stream, now);
    }
    for (const found of wanted.values()) if (!this.#has(found.stream.pid)) this.#add(found);
    return program.streams.filter(({ pid }) => !this.#has(pid));
  }

  /** What a stream has turned out to be is waited for, or not. */
  awaitOf(pid: number): void {
    const found = this.all.find(({ stream }) => stream.pid === pid);
    if (!found) return;
    if (found.stream.refused === undefined) this.#describe(found.number, found.stream);
    else this.#context.sink.withdrawTrack(found.number);
  }

  end(): void {
    for (const stream of this.#streams) stream?.end();
  }

  free(): void {
    for (const stream of this.#streams) stream?.free();
    this.#streams.fill(undefined);
  }

  #has(pid: number): boolean {
    return this.#streams.some((stream) => stream?.pid === pid);
  }

  #drop(number: number): void {
    this.#streams[number]?.end();
    this.#streams[number]?.free();
    this.#streams[number] = undefined;
  }

  /** Without a free number the stream is not recorded. */
  #add(wanted: Wanted): void {
    const number = this.#freeNumber(wanted.codec.kind);
    if (number !== undefined) this.#put(number, wanted);
  }

  /** Sound begins anew: its configuration comes from the descriptors. A picture under way is not given up for them. */
  #redescribe(number: number, stream: ElementaryStream, now: Wanted): void {
    if (now.codec.kind === "audio") {
      this.#drop(number);
      this.#put(number, now);
      return;
    }
    stream.descriptors = now.stream.descriptors;
    this.#describe(number, stream);
  }

  #put(number: number, { stream: { pid, descriptors }, codec, framing }: Wanted): void {
    this.#kinds[number] = codec.kind;
    const sink = new TrackSink(this.#context.sink, number);
    const stream = new ElementaryStream(codec, framing, pid, descriptors, { ...this.#context, sink });
    this.#streams[number] = stream;
    this.#describe(number, stream);
  }

  #describe(number: number, { codec, descriptors }: ElementaryStream): void {
    this.#context.sink.describeTrack(number, { kind: codec.kind, language: languageOf(descriptors) });
  }

  #freeNumber(kind: TrackKind): number | undefined {
    const own = this.#kinds.findIndex((used, number) => used === kind && !this.#streams[number]);
    if (own >= 0) return own;
    const first = kind === "video" ? TRACK_VIDEO : TRACK_AUDIO;
    if (this.#kinds[first] === undefined) return first;
    const further = this.#kinds.findIndex((used, number) => number >= FIRST_FURTHER_TRACK && used === undefined);
    return further >= 0 ? further : undefined;
  }
}

/** ISO_639_language_descriptor, ISO/IEC 13818-1 §2.6.18: three letters; undefined where they are none, or "und". */
function languageOf(descriptors: Uint8Array): string | undefined {
  for (let at = 0; at + 2 <= descriptors.byteLength; at += 2 + (descriptors[at + 1] ?? 0)) {
    if (descriptors[at] !== ISO_639_LANGUAGE_DESCRIPTOR || (descriptors[at + 1] ?? 0) < 3) continue;
    const code = String.fromCharCode(...descriptors.subarray(at + 2, at + 5)).toLowerCase();
    if (/^[a-z]{3}$/.test(code) && code !== "und") return code;
  }
  return undefined;
}
