// Transport streams made by hand, packet by packet, from ISO/IEC 13818-1: what a test puts in, it can compare with what
// comes out. Faults are made on purpose by changing the packets afterwards.

import { crc32Mpeg } from "./ts-reader.js";

export interface StreamSpec {
  pid: number;
  type: number;
  descriptors?: Uint8Array;
}

export interface PesSpec {
  pts?: number;
  dts?: number;
  streamId?: number;
  /** Whole size in PES_packet_length instead of 0. */
  isBounded?: boolean;
  pcr?: number;
  isDiscontinuity?: boolean;
  /** random_access_indicator. */
  isRandomAccess?: boolean;
}

const MASK_33 = (1n << 33n) - 1n;

export class TsBuilder {
  readonly packets: Buffer[] = [];
  #counters = new Map<number, number>();

  pat(programs: readonly { number: number; pmtPid: number }[], version = 0): this {
    const body = Buffer.concat(programs.map(({ number, pmtPid }) => u16(number, 0xe000 | pmtPid)));
    return this.section(0, 0, 1, version, body);
  }

  pmt(pid: number, program: number, streams: readonly StreamSpec[], version = 0): this {
    const pcrPid = streams[0]?.pid ?? 0x1fff;
    const body = Buffer.concat([
      u16(0xe000 | pcrPid, 0xf000),
      ...streams.map(({ pid, type, descriptors = new Uint8Array(0) }) =>
        Buffer.concat([Buffer.of(type), u16(0xe000 | pid, 0xf000 | descriptors.byteLength), descriptors]),
      ),
    ]);
    return this.section(pid, 2, program, version, body);
  }

  section(pid: number, tableId: number, id: number, version: number, body: Buffer): this {
    const length = 5 + body.length + 4;
    const head = Buffer.concat([
      Buffer.of(tableId),
      u16(0xb000 | length, id),
      Buffer.of(0xc1 | (version << 1), 0, 0),
      body,
    ]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32Mpeg(head));
    const payload = Buffer.concat([Buffer.of(0), head, crc]);
    const filled = Buffer.alloc(Math.ceil(payload.length / 184) * 184, 0xff);
    payload.copy(filled);
    for (let at = 0; at < filled.length; at += 184) this.packet(pid, filled.subarray(at, at + 184), at === 0);
    return this;
  }

  /** A PES packet, cut into transport packets with stuffing in the last. */
  pes(pid: number, payload: Uint8Array, spec: PesSpec = {}): this {
    const times =
      spec.pts === undefined
        ? []
        : spec.dts === undefined
          ? [stamp(2, spec.pts)]
          : [stamp(3, spec.pts), stamp(1, spec.dts)];
    const optional = Buffer.concat(times);
    const length = spec.isBounded ? 3 + optional.length + payload.length : 0;
    const head = Buffer.concat([
      Buffer.of(0, 0, 1, spec.streamId ?? 0xe0),
      u16(length),
      Buffer.of(0x80, times.length === 0 ? 0 : times.length === 1 ? 0x80 : 0xc0, optional.length),
      optional,
    ]);
    let rest = Buffer.concat([head, payload]);
    for (let isFirst = true; rest.length > 0; isFirst = false) {
      const adaptation = isFirst ? adaptationOf(spec) : Buffer.alloc(0);
      const taken = rest.subarray(0, 184 - adaptation.length);
      this.packet(pid, taken, isFirst, adaptation);
      rest = rest.subarray(taken.length);
    }
    return this;
  }

  packet(pid: number, payload: Uint8Array, isStart: boolean, adaptation: Buffer = Buffer.alloc(0)): this {
    const counter = this.#counters.get(pid) ?? 0;
    this.#counters.set(pid, (counter + 1) & 15);
    let field = adaptation;
    const missing = 184 - adaptation.length - payload.length;
    if (missing > 0) {
      field =
        adaptation.length > 0
          ? Buffer.concat([adaptation, Buffer.alloc(missing, 0xff)])
          : missing === 1
            ? Buffer.of(0)
            : Buffer.concat([Buffer.of(0, 0), Buffer.alloc(missing - 2, 0xff)]);
      field[0] = field.length - 1;
    }
    const head = Buffer.concat([
      Buffer.of(0x47),
      u16((isStart ? 0x4000 : 0) | pid),
      Buffer.of((field.length > 0 ? 0x30 : 0x10) | counter),
    ]);
    this.packets.push(Buffer.concat([head, field, payload]));
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.packets);
  }
}

function adaptationOf({ pcr, isDiscontinuity = false, isRandomAccess = false }: PesSpec): Buffer {
  const flags = (isDiscontinuity ? 0x80 : 0) | (isRandomAccess ? 0x40 : 0);
  if (pcr === undefined) return flags === 0 ? Buffer.alloc(0) : Buffer.of(1, flags);
  const clock = Buffer.alloc(6);
  clock.writeUIntBE(Number((BigInt(pcr) & MASK_33) >> 1n), 0, 4);
  clock[4] = (pcr % 2 === 1 ? 0x80 : 0) | 0x7e;
  return Buffer.concat([Buffer.of(7, 0x10 | flags), clock]);
}

/** A 33-bit time with its prefix and marker bits, §2.4.3.6. */
function stamp(prefix: number, value: number): Buffer {
  const v = BigInt(value) & MASK_33;
  const part = (shift: bigint, mask: bigint): number => Number((v >> shift) & mask);
  return Buffer.concat([
    Buffer.of((prefix << 4) | (part(30n, 7n) << 1) | 1),
    u16((part(15n, 0x7fffn) << 1) | 1, (part(0n, 0x7fffn) << 1) | 1),
  ]);
}

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value & 0xffff, i * 2);
  return bytes;
}

/** NAL units with start codes; the first has the long one. */
export function annexB(...nals: Uint8Array[]): Buffer {
  return Buffer.concat(nals.flatMap((nal, i) => [i === 0 ? Buffer.of(0, 0, 0, 1) : Buffer.of(0, 0, 1), nal]));
}

/** An ADTS frame: AAC-LC of a rate index and channels. */
export function adts(payload: Uint8Array, rateIndex = 3, channels = 2): Buffer {
  const size = payload.byteLength + 7;
  const head = Buffer.of(
    0xff,
    0xf1,
    (1 << 6) | (rateIndex << 2) | (channels >> 2),
    ((channels & 3) << 6) | (size >> 11),
    (size >> 3) & 255,
    ((size & 7) << 5) | 0x1f,
    0xfc,
  );
  return Buffer.concat([head, payload]);
}
