// A range of a recorded transport stream as a movie: its access units are demuxed once for their records
// (src/abi/mp4.ts, as a journal has them), and again where their bytes are read. Positions count from the first unit of
// the range.

import { setImmediate as nextTurn } from "node:timers/promises";
import { FLAG_SKIPPED_LEADING, TRACK_VIDEO } from "../../abi/frame.js";
import {
  SAMPLE_BYTES_OFFSET,
  SAMPLE_CTS_OFFSET,
  SAMPLE_DTS_OFFSET,
  SAMPLE_FLAG_SKIPPED_LEADING,
  SAMPLE_FLAG_SYNC,
  SAMPLE_FLAGS_OFFSET,
  SAMPLE_POSITION_OFFSET,
  SAMPLE_RECORD_SIZE,
} from "../../abi/mp4.js";
import { ReelError } from "../../base/reel-error.js";
import type { PlayedTrack } from "../movie/played-track.js";
import { type RecordSource, tracksOfRecords } from "../movie/record-track.js";
import type { TurnFile } from "../turn-file.js";
import { type TsRange, TsUnits } from "./ts-units.js";

/** Of all tracks: 64 MB of records, some seven hours of 25 pictures a second with sound. */
const MAX_RECORDS = 2_000_000;
const FIRST_RECORDS = 1024;

interface Records {
  bytes: Buffer;
  count: number;
  config: Uint8Array | undefined;
}

/**
 * Tracks of a range that begins at a random access point shown at `startSeconds` of the file. Throws ReelError `limit`.
 */
export async function tracksOfTs(
  file: Pick<TurnFile, "read">,
  range: TsRange,
  startSeconds: number,
  { createdMs, module }: { createdMs: number; module: WebAssembly.Module },
): Promise<PlayedTrack[]> {
  const tracks = await recordsOf(file, range);
  const numbers = [...tracks.keys()].sort((a, b) => a - b);
  const main = tracks.get(numbers[0] ?? TRACK_VIDEO);
  if (!main || main.count === 0) return [];
  const firstShown = Number(main.bytes.readBigInt64LE(SAMPLE_DTS_OFFSET)) + main.bytes.readInt32LE(SAMPLE_CTS_OFFSET);
  const sources = numbers.flatMap((track): RecordSource[] => {
    const { bytes, count, config } = tracks.get(track) as Records;
    if (!config || count === 0) return [];
    return [{ track, key: String(track), config, count, records: inMemory(bytes, count), isUnsealed: true }];
  });
  const zero90k = firstShown - Math.round(startSeconds * 90_000);
  return tracksOfRecords(sources, { createdMs, module, zero90k });
}

async function recordsOf(file: Pick<TurnFile, "read">, range: TsRange): Promise<Map<number, Records>> {
  const tracks = new Map<number, Records>();
  let position = 0;
  let records = 0;
  const of = (track: number): Records => {
    let found = tracks.get(track);
    if (!found) {
      found = { bytes: Buffer.alloc(FIRST_RECORDS * SAMPLE_RECORD_SIZE), count: 0, config: undefined };
      tracks.set(track, found);
    }
    return found;
  };
  const units = new TsUnits(file, range, {
    config: (track, block) => {
      of(track).config = block;
    },
    unit: ({ track, dts90k, ctsOffset90k, sizeBytes, isRandomAccess, leading }) => {
      const into = of(track);
      const at = into.count * SAMPLE_RECORD_SIZE;
      if (at === into.bytes.byteLength) into.bytes = Buffer.concat([into.bytes, Buffer.alloc(at)]);
      into.bytes.writeBigInt64LE(BigInt(Math.round(dts90k)), at + SAMPLE_DTS_OFFSET);
      into.bytes.writeBigInt64LE(BigInt(position), at + SAMPLE_POSITION_OFFSET);
      into.bytes.writeUInt32LE(sizeBytes, at + SAMPLE_BYTES_OFFSET);
      into.bytes.writeInt32LE(Math.round(ctsOffset90k), at + SAMPLE_CTS_OFFSET);
      const skipped = (leading & FLAG_SKIPPED_LEADING) === 0 ? 0 : SAMPLE_FLAG_SKIPPED_LEADING;
      into.bytes.writeUInt32LE((isRandomAccess ? SAMPLE_FLAG_SYNC : 0) | skipped, at + SAMPLE_FLAGS_OFFSET);
      into.count++;
      records++;
      position += sizeBytes;
    },
  });
  try {
    while (await units.next()) {
      if (records > MAX_RECORDS)
        throw new ReelError(
          "limit",
          `of one MPEG-TS file a clip takes ${MAX_RECORDS} pictures and sounds: ask for less`,
        );
      await nextTurn();
    }
  } finally {
    units.free();
  }
  return tracks;
}

function inMemory(bytes: Buffer, count: number): Pick<TurnFile, "read"> {
  const end = count * SAMPLE_RECORD_SIZE;
  return {
    read: async (buffer, offset, length, position) => ({
      bytesRead: bytes.copy(buffer, offset, Math.min(position, end), Math.min(position + length, end)),
    }),
  };
}

/** The bytes of a range's units, to be read one behind the other. */
export class TsMedia {
  readonly #units: TsUnits;
  /** Units that are read, and where the first of them stands. */
  #read: Buffer[] = [];
  #position = 0;

  constructor(file: Pick<TurnFile, "read">, range: TsRange) {
    this.#units = new TsUnits(file, range, {
      config: () => undefined,
      unit: (_unit, payload) => {
        this.#read.push(payload());
      },
    });
  }

  /** `position` never goes back. Fewer bytes at the end. */
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    let bytesRead = 0;
    while (bytesRead < length) {
      const at = position + bytesRead;
      this.#dropUpTo(at);
      const [unit] = this.#read;
      if (unit)
        bytesRead += unit.copy(
          buffer,
          offset + bytesRead,
          at - this.#position,
          at - this.#position + length - bytesRead,
        );
      else if (!(await this.#units.next())) break;
    }
    return { bytesRead };
  }

  free(): void {
    this.#units.free();
  }

  #dropUpTo(position: number): void {
    let units = 0;
    for (const unit of this.#read) {
      if (this.#position + unit.byteLength > position) break;
      this.#position += unit.byteLength;
      units++;
    }
    if (units > 0) this.#read.splice(0, units);
  }
}
