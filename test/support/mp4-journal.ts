// Makes MP4 journals on disk for tests: from frames, through the kernel and the journal code as the drain worker uses
// them; and from bare sample records, for recordings too long or too large to be made of real media.

import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../src/abi/decoder-config.js";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { SAMPLE_RECORD_SIZE } from "../../src/abi/mp4.js";
import { Arena } from "../../src/arena/arena.js";
import { instantiateKernel, type Kernel } from "../../src/arena/kernel.js";
import { addMp4Track, type Mp4JournalOpening, openMp4Journal } from "../../src/container/mp4/journal.js";
import { type SegmentOrigin, UNKNOWN_ORIGIN } from "../../src/container/segment-origin.js";
import { storeDecoderConfig } from "../../src/stream/decoder-config.js";
import { type Build, KernelRun, type TestFrame, testModule } from "./kernel-harness.js";

export const CREATED_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

/** A folder of a test's own, removed by `remove`. */
export function scratchFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "reel-mp4-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface JournalOptions {
  build: Build;
  finalPath: string;
  reserveBytes?: number;
  winQtCompat?: boolean;
  overwrite?: boolean;
  lockPath?: string;
  origin?: SegmentOrigin;
  /** Capacity of a drain's output buffer. */
  capacityBytes?: number;
  waitForIdr?: boolean;
  hasVideo?: boolean;
  /** Only the first frame's tracks are known at the opening. */
  late?: boolean;
}

function opening(
  options: Omit<JournalOptions, "build">,
  tracks: Mp4JournalOpening["tracks"],
  zero90k: number,
): Mp4JournalOpening {
  const { finalPath, reserveBytes = 64 * 1024, winQtCompat = true, overwrite = false, lockPath = "" } = options;
  return {
    finalPath,
    reserveBytes,
    winQtCompat,
    overwrite,
    lockPath,
    tracks,
    zero90k,
    createdMs: CREATED_MS,
    sequence: 7,
    origin: options.origin ?? UNKNOWN_ORIGIN,
  };
}

function configBlock(arena: Arena, pointer: number): Uint8Array {
  return arena.u8.slice(
    pointer,
    pointer + CONFIG_BYTES_OFFSET + (arena.u32[(pointer + CONFIG_BYTES_SIZE_OFFSET) >>> 2] ?? 0),
  );
}

/**
 * Records frames into a journal and leaves it as a killed process would. `makeFrames` is given the run to add its
 * configurations to. Returns the frames that went into the segment's first (and only) file.
 */
export function recordJournal(options: JournalOptions, makeFrames: (run: KernelRun) => TestFrame[]): TestFrame[] {
  const probe = openMp4Journal(opening({ ...options, finalPath: `${options.finalPath}.probe` }, [], 0));
  closeSync(probe.mdatFd);
  for (const suffix of ["info", "mdat"]) rmSync(`${options.finalPath}.probe.${suffix}`);
  const { mediaPosition } = probe;
  const { build, capacityBytes, waitForIdr = false, hasVideo = true } = options;
  const run = new KernelRun({
    container: "mp4",
    build,
    mediaPosition,
    waitForIdr,
    hasVideo,
    ...(capacityBytes ? { capacityBytes } : {}),
  });
  const frames = makeFrames(run);
  for (const frame of frames) run.push(frame);
  const [segment, more] = run.finish();
  if (!segment || more) throw new Error("the frames do not make one segment");
  const order = [...new Set(frames.map((frame) => frame.track))];
  const trackOpening = (track: number) => ({ track, config: configBlock(run.arena, segment.configs[track] ?? 0) });
  const atOpening = (options.late ? order.slice(0, 1) : order).map(trackOpening);
  const journal = openMp4Journal(opening(options, atOpening, segment.zero90k));
  const media = segment.files[0]?.subarray(mediaPosition) ?? Buffer.alloc(0);
  writeSync(journal.mdatFd, media, 0, media.byteLength, mediaPosition);
  closeSync(journal.mdatFd);
  if (options.late)
    for (const track of order.slice(1))
      journal.trackFds.push({ track, fd: addMp4Track(options.finalPath, trackOpening(track)) });
  for (const { track, fd } of journal.trackFds) {
    const records = segment.files[1 + track] ?? Buffer.alloc(0);
    writeSync(fd, records, 0, records.byteLength, 0);
    closeSync(fd);
  }
  return frames;
}

interface RecordKernel extends Kernel {
  writeSampleRecord(
    record: number,
    dts90k: bigint,
    position: bigint,
    bytes: number,
    ctsOffset90k: number,
    flags: number,
  ): void;
}

/** One made-up sample. */
export interface BareSample {
  dts90k: number;
  position: number;
  bytes: number;
  ctsOffset90k?: number;
  flags: number;
}

export interface BareTrack {
  track: number;
  codec: "h264" | "aac";
  config: Uint8Array;
  /** Changes fields of the stored configuration block (CONFIG_*). */
  poke?: (block: DataView) => void;
  count: number;
  /** Written where each sample begins; without it the media is a hole. */
  payload?: Uint8Array;
  /** Called with a reused object to fill. `mediaPosition`: where the media begins. */
  sample: (index: number, mediaPosition: number, into: BareSample) => void;
}

/** Writes a journal of bare records beside a sparse `.mdat` that ends with the last sample. */
export function writeBareJournal(
  options: Omit<JournalOptions, "build">,
  tracks: readonly BareTrack[],
): { mediaPosition: number; mediaEnd: number } {
  const arena = new Arena();
  const blocks = tracks.map(({ track, codec, config, poke }) => {
    const block = configBlock(arena, storeDecoderConfig(arena, codec, config).pointer);
    poke?.(new DataView(block.buffer));
    return { track, config: block };
  });
  const journal = openMp4Journal(opening(options, blocks, 0));
  const kernel = instantiateKernel<RecordKernel>(testModule("release"), arena.memory, 65536);
  const block = 4096;
  const pointer = arena.allocate(block * SAMPLE_RECORD_SIZE);
  const into: BareSample = { dts90k: 0, position: 0, bytes: 0, ctsOffset90k: 0, flags: 0 };
  let mediaEnd = journal.mediaPosition;
  for (const { track, count, sample, payload } of tracks) {
    const fd = journal.trackFds.find((entry) => entry.track === track)?.fd ?? -1;
    for (let first = 0; first < count; first += block) {
      const n = Math.min(block, count - first);
      for (let i = 0; i < n; i++) {
        sample(first + i, journal.mediaPosition, into);
        kernel.writeSampleRecord(
          pointer + i * SAMPLE_RECORD_SIZE,
          BigInt(into.dts90k),
          BigInt(into.position),
          into.bytes,
          into.ctsOffset90k ?? 0,
          into.flags,
        );
        if (payload) writeSync(journal.mdatFd, payload, 0, payload.byteLength, into.position);
        mediaEnd = Math.max(mediaEnd, into.position + into.bytes);
      }
      writeSync(fd, arena.u8, pointer, n * SAMPLE_RECORD_SIZE, first * SAMPLE_RECORD_SIZE);
    }
    closeSync(fd);
  }
  ftruncateSync(journal.mdatFd, mediaEnd);
  closeSync(journal.mdatFd);
  return { mediaPosition: journal.mediaPosition, mediaEnd };
}

/** Opens, truncates, closes. */
export function truncateFile(path: string, sizeBytes: number): void {
  const fd = openSync(path, "r+");
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
}

export function sizeOf(path: string): number {
  return statSync(path).size;
}

/** An AAC-LC access unit of silence, stereo. */
export const SILENCE = Uint8Array.of(0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c);

export const VIDEO = TRACK_VIDEO;
export const AUDIO = TRACK_AUDIO;
