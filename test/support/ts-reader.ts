// Reads MPEG-TS files as strictly as the standards allow: ISO/IEC 13818-1 (packets, sections, PES, clock), ITU-T H.264
// Annex B and §7.4.1.2.3, ISO/IEC 13818-7 §6.2 (ADTS). Every fault is an entry `path: what`, such as
// `/packet[12]/adaptation_field: …`; a good file has none. Written from the standards, independent of assembly/.

export interface TsFrame {
  pid: number;
  track: "video" | "audio";
  /** 90 kHz, unwrapped from 33 bits. */
  pts: number;
  dts: number;
  /** random_access_indicator of the first packet. */
  isRandomAccess: boolean;
  isDiscontinuity: boolean;
  hasDts: boolean;
  /** Index of the first transport packet. */
  packet: number;
  /** Video: NAL units without the access unit delimiter. Audio: one raw AAC access unit. */
  units: Uint8Array[];
  /** Audio: fields of the ADTS header. */
  adts?: { profile: number; rateIndex: number; channelConfiguration: number };
}

export interface TsPcr {
  packet: number;
  pid: number;
  /** 90 kHz, unwrapped. */
  value: number;
  isDiscontinuity: boolean;
}

export interface TsProgram {
  packet: number;
  version: number;
  pcrPid: number;
  /** `language`: of an ISO_639_language_descriptor. */
  streams: { pid: number; type: number; language?: string }[];
}

export interface TsFile {
  errors: string[];
  packets: number;
  frames: TsFrame[];
  pcrs: TsPcr[];
  /** Every PMT, in file order. */
  programs: TsProgram[];
  /** Transport packets per PID. */
  pids: Map<number, number>;
}

const PACKET = 188;
const PID_PAT = 0;
const PID_NULL = 0x1fff;
const STREAM_TYPE_H264 = 0x1b;
const STREAM_TYPE_ADTS = 0x0f;
const TWO_33 = 2 ** 33;
const MAX_PCR_INTERVAL = 9000;
const MAX_TABLE_INTERVAL = 45000;

interface Adaptation {
  flags: number;
  pcr: number | undefined;
}

interface Pes {
  pid: number;
  packet: number;
  adaptation: Adaptation | undefined;
  parts: Uint8Array[];
  bytes: number;
}

interface PidState {
  counter: number | undefined;
  pes: Pes | undefined;
  lastDts: number | undefined;
}

export function crc32Mpeg(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let i = 0; i < 8; i++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** The value nearest to `near` that is equal to `value` modulo 2^33. */
function unwrap33(value: number, near: number | undefined): number {
  if (near === undefined) return value;
  return value + Math.round((near - value) / TWO_33) * TWO_33;
}

class TsReader {
  readonly file: TsFile = { errors: [], packets: 0, frames: [], pcrs: [], programs: [], pids: new Map() };
  #bytes: Uint8Array;
  #states = new Map<number, PidState>();
  #pmtPid: number | undefined;
  #program: TsProgram | undefined;
  #lastPcr: TsPcr | undefined;
  /** Packet and clock of the last complete pair of tables. */
  #tables: { packet: number; pcr: number | undefined } | undefined;
  #lastPatPacket = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(): TsFile {
    const { file } = this;
    if (this.#bytes.byteLength % PACKET !== 0)
      this.#fail("", `${this.#bytes.byteLength} bytes are not a multiple of 188`);
    file.packets = Math.floor(this.#bytes.byteLength / PACKET);
    for (let i = 0; i < file.packets; i++) this.#packet(i, this.#bytes.subarray(i * PACKET, (i + 1) * PACKET));
    for (const state of this.#states.values()) this.#endPes(state);
    file.frames.sort((a, b) => a.packet - b.packet);
    return file;
  }

  #fail(path: string, what: string): void {
    // Enough to see what is wrong; a file that is not a transport stream would give one for every packet.
    if (this.file.errors.length < 50) this.file.errors.push(`${path}: ${what}`);
  }

  #state(pid: number): PidState {
    let state = this.#states.get(pid);
    if (!state) {
      state = { counter: undefined, pes: undefined, lastDts: undefined };
      this.#states.set(pid, state);
    }
    return state;
  }

  #packet(index: number, p: Uint8Array): void {
    const path = `/packet[${index}]`;
    const at = (i: number): number => p[i] ?? 0;
    if (at(0) !== 0x47) {
      this.#fail(path, "sync_byte is not 0x47");
      return;
    }
    if (at(1) & 0x80) this.#fail(path, "transport_error_indicator");
    const isStart = (at(1) & 0x40) !== 0;
    if (at(1) & 0x20) this.#fail(path, "transport_priority");
    const pid = ((at(1) & 0x1f) << 8) | at(2);
    if (at(3) & 0xc0) this.#fail(path, "scrambled");
    const hasAdaptation = (at(3) & 0x20) !== 0;
    const hasPayload = (at(3) & 0x10) !== 0;
    if (!hasAdaptation && !hasPayload) {
      this.#fail(path, "adaptation_field_control 00");
      return;
    }
    if (pid === PID_NULL) this.#fail(path, "a null packet in a file");
    this.file.pids.set(pid, (this.file.pids.get(pid) ?? 0) + 1);
    const state = this.#state(pid);
    const adaptation = hasAdaptation
      ? this.#adaptation(`${path}/adaptation_field`, p, hasPayload, pid, index)
      : undefined;
    this.#counter(path, state, at(3) & 15, hasPayload);
    if (!hasPayload) {
      if (isStart) this.#fail(path, "payload_unit_start_indicator without payload");
      return;
    }
    const payload = p.subarray(4 + (hasAdaptation ? 1 + at(4) : 0));
    if (payload.byteLength === 0) {
      this.#fail(path, "payload of no bytes");
      return;
    }
    if (pid === PID_PAT || pid === this.#pmtPid) this.#section(path, pid, index, isStart, payload);
    else
      this.#payload(
        path,
        state,
        { pid, packet: index, adaptation, parts: [payload], bytes: payload.byteLength },
        isStart,
      );
  }

  #counter(path: string, state: PidState, counter: number, hasPayload: boolean): void {
    if (state.counter !== undefined) {
      const expected = hasPayload ? (state.counter + 1) & 15 : state.counter;
      if (counter !== expected) this.#fail(path, `continuity_counter ${counter}, expected ${expected}`);
    }
    state.counter = counter;
  }

  #adaptation(path: string, p: Uint8Array, hasPayload: boolean, pid: number, index: number): Adaptation {
    const length = p[4] ?? 0;
    if (hasPayload ? length > 182 : length !== 183) this.#fail(path, `adaptation_field_length ${length}`);
    if (length === 0) return { flags: 0, pcr: undefined };
    const flags = p[5] ?? 0;
    if (flags & 0x0f) this.#fail(path, `flags 0x${flags.toString(16)}: OPCR, splice, private data or extension`);
    let at = 6;
    let pcr: number | undefined;
    if (flags & 0x10) {
      if (length < 7) this.#fail(path, "too short for a PCR");
      const view = new DataView(p.buffer, p.byteOffset, p.byteLength);
      const low = view.getUint16(10);
      if ((low & 0x7e00) !== 0x7e00) this.#fail(path, "the PCR's reserved bits are not 1");
      if ((low & 0x1ff) >= 300) this.#fail(path, "program_clock_reference_extension of 300 or more");
      pcr = view.getUint32(6) * 2 + (low >>> 15);
      at += 6;
    }
    for (; at < Math.min(5 + length, PACKET); at++)
      if (p[at] !== 0xff) this.#fail(path, `stuffing_byte ${p[at]} at ${at}`);
    if (pcr !== undefined) this.#pcr(path, index, pid, pcr, (flags & 0x80) !== 0);
    return { flags, pcr };
  }

  #pcr(path: string, packet: number, pid: number, base: number, isDiscontinuity: boolean): void {
    if (this.#program && pid !== this.#program.pcrPid)
      this.#fail(path, `PCR on PID ${pid}, the PMT says ${this.#program.pcrPid}`);
    const last = this.#lastPcr;
    const value = unwrap33(base, last?.value);
    if (last && !isDiscontinuity) {
      if (value <= last.value) this.#fail(path, `PCR ${value} is not after ${last.value}`);
      if (value - last.value > MAX_PCR_INTERVAL)
        this.#fail(path, `PCR ${(value - last.value) / 90} ms after the one before`);
    }
    this.#lastPcr = { packet, pid, value, isDiscontinuity };
    this.file.pcrs.push(this.#lastPcr);
    const tables = this.#tables;
    if (!tables) this.#fail(path, "a PCR in front of the first tables");
    else if (tables.pcr === undefined) tables.pcr = value;
    else if (value - tables.pcr > MAX_TABLE_INTERVAL && !isDiscontinuity)
      this.#fail(path, `no tables for ${(value - tables.pcr) / 90} ms`);
  }

  #section(path: string, pid: number, index: number, isStart: boolean, payload: Uint8Array): void {
    const name = pid === PID_PAT ? "program_association_section" : "TS_program_map_section";
    const at = `${path}/${name}`;
    if (!isStart || payload[0] !== 0) {
      this.#fail(at, "does not start in this packet");
      return;
    }
    const s = payload.subarray(1);
    const view = new DataView(s.buffer, s.byteOffset, s.byteLength);
    const lengthField = view.getUint16(1);
    if ((lengthField & 0xf000) !== 0xb000) this.#fail(at, "section_syntax_indicator, '0' and reserved bits");
    const end = 3 + (lengthField & 0x0fff);
    if (end > s.byteLength || end < 12) {
      this.#fail(at, `section_length ${end - 3}`);
      return;
    }
    if (crc32Mpeg(s.subarray(0, end)) !== 0) this.#fail(at, "CRC_32");
    if (s.subarray(end).some((byte) => byte !== 0xff)) this.#fail(at, "stuffing behind the section is not 0xff");
    const versionField = s[5] ?? 0;
    if ((versionField & 0xc1) !== 0xc1) this.#fail(at, "reserved bits or current_next_indicator");
    if (s[6] !== 0 || s[7] !== 0) this.#fail(at, "more than one section");
    if (pid === PID_PAT) {
      if (s[0] !== 0) this.#fail(at, `table_id ${s[0]}`);
      if (end !== 16) {
        this.#fail(at, "not exactly one program");
        return;
      }
      if (view.getUint16(8) !== 1) this.#fail(at, `program_number ${view.getUint16(8)}`);
      if ((view.getUint16(10) & 0xe000) !== 0xe000) this.#fail(at, "reserved bits");
      this.#pmtPid = view.getUint16(10) & 0x1fff;
      this.#lastPatPacket = index;
      return;
    }
    if (s[0] !== 2) this.#fail(at, `table_id ${s[0]}`);
    if (view.getUint16(3) !== 1) this.#fail(at, `program_number ${view.getUint16(3)}`);
    this.#pmt(at, index, view, end - 4, (versionField >> 1) & 31);
  }

  #pmt(path: string, index: number, view: DataView, end: number, version: number): void {
    const program: TsProgram = { packet: index, version, pcrPid: view.getUint16(8) & 0x1fff, streams: [] };
    if ((view.getUint16(8) & 0xe000) !== 0xe000 || (view.getUint16(10) & 0xf000) !== 0xf000)
      this.#fail(path, "reserved bits");
    let at = 12 + (view.getUint16(10) & 0xfff);
    while (at < end) {
      const stream: TsProgram["streams"][number] = { type: view.getUint8(at), pid: view.getUint16(at + 1) & 0x1fff };
      program.streams.push(stream);
      const descriptors = at + 5;
      at = descriptors + (view.getUint16(at + 3) & 0xfff);
      if (at === descriptors) continue;
      if (view.getUint8(descriptors) !== 0x0a || view.getUint8(descriptors + 1) !== 4 || at !== descriptors + 6)
        this.#fail(path, "a descriptor that is no language of four bytes");
      stream.language = String.fromCharCode(...[2, 3, 4].map((byte) => view.getUint8(descriptors + byte)));
    }
    if (at !== end) this.#fail(path, "the stream list does not fill the section");
    if (!program.streams.some((stream) => stream.pid === program.pcrPid))
      this.#fail(path, `PCR_PID ${program.pcrPid} is no stream of the program`);
    const before = this.#program;
    const same =
      before && JSON.stringify([before.pcrPid, before.streams]) === JSON.stringify([program.pcrPid, program.streams]);
    if (before && version !== (same ? before.version : (before.version + 1) & 31))
      this.#fail(path, `version_number ${version} after ${before.version}`);
    this.#program = program;
    this.file.programs.push(program);
    if (this.#lastPatPacket !== index - 1) this.#fail(path, "no PAT right in front of the PMT");
    this.#tables = { packet: index, pcr: undefined };
  }

  #payload(path: string, state: PidState, piece: Pes, isStart: boolean): void {
    if (!this.#program?.streams.some((stream) => stream.pid === piece.pid)) {
      this.#fail(path, `PID ${piece.pid} is in no PMT`);
      return;
    }
    if (isStart) {
      this.#endPes(state);
      state.pes = piece;
      const isVideo = this.#program.streams.some(
        (stream) => stream.pid === piece.pid && stream.type === STREAM_TYPE_H264,
      );
      const isMain = isVideo && piece.pid === this.#program.pcrPid;
      if (isMain && (piece.adaptation?.flags ?? 0) & 0x40 && this.#tables?.packet !== piece.packet - 1) {
        this.#fail(path, "a random access point without tables right in front of it");
      }
      return;
    }
    if (!state.pes) {
      this.#fail(path, "payload without a PES packet");
      return;
    }
    if (piece.adaptation && piece.adaptation.flags !== 0)
      this.#fail(path, "adaptation field flags inside of a PES packet");
    state.pes.parts.push(...piece.parts);
    state.pes.bytes += piece.bytes;
  }

  #endPes(state: PidState): void {
    const pes = state.pes;
    state.pes = undefined;
    if (!pes) return;
    const path = `/packet[${pes.packet}]/pes`;
    const bytes = Buffer.concat(pes.parts);
    if (bytes.byteLength < 14 || bytes.readUIntBE(0, 3) !== 1) {
      this.#fail(path, "packet_start_code_prefix");
      return;
    }
    const streamId = bytes[3] ?? 0;
    const isVideo = streamId === 0xe0;
    if (!isVideo && streamId !== 0xc0) {
      this.#fail(path, `stream_id 0x${streamId.toString(16)}`);
      return;
    }
    const type = this.#program?.streams.find((stream) => stream.pid === pes.pid)?.type;
    if (type !== (isVideo ? STREAM_TYPE_H264 : STREAM_TYPE_ADTS))
      this.#fail(path, `stream_type ${type} with stream_id 0x${streamId.toString(16)}`);
    const length = bytes.readUInt16BE(4);
    if (length === 0 ? !isVideo || bytes.byteLength - 6 <= 0xffff : length !== bytes.byteLength - 6) {
      this.#fail(path, `PES_packet_length ${length}, there are ${bytes.byteLength - 6} bytes`);
    }
    if ((bytes[6] ?? 0) !== 0x84)
      this.#fail(path, `flags 0x${bytes[6]?.toString(16)}, expected '10', not scrambled, data_alignment_indicator`);
    const timestampFlags = bytes[7] ?? 0;
    if (timestampFlags !== 0x80 && timestampFlags !== 0xc0) {
      this.#fail(path, `flags 0x${timestampFlags.toString(16)}`);
      return;
    }
    const hasDts = timestampFlags === 0xc0;
    if (bytes[8] !== (hasDts ? 10 : 5)) {
      this.#fail(path, `PES_header_data_length ${bytes[8]}`);
      return;
    }
    const pts33 = this.#timestamp(path, bytes, 9, hasDts ? 3 : 2);
    const dts33 = hasDts ? this.#timestamp(path, bytes, 14, 1) : pts33;
    if (hasDts && pts33 === dts33) this.#fail(path, "a DTS equal to the PTS");
    const dts = unwrap33(dts33, state.lastDts ?? this.#lastPcr?.value);
    const pts = unwrap33(pts33, dts);
    this.#times(path, state, pes, pts, dts);
    const content = bytes.subarray(9 + (bytes[8] ?? 0));
    const flags = pes.adaptation?.flags ?? 0;
    const frame: TsFrame = {
      pid: pes.pid,
      track: isVideo ? "video" : "audio",
      pts,
      dts,
      hasDts,
      isRandomAccess: (flags & 0x40) !== 0,
      isDiscontinuity: (flags & 0x80) !== 0,
      packet: pes.packet,
      units: [],
    };
    if (isVideo) frame.units = this.#annexB(path, content, frame.isRandomAccess);
    else this.#adts(path, content, frame);
    this.file.frames.push(frame);
  }

  #timestamp(path: string, bytes: Buffer, at: number, prefix: number): number {
    const high = bytes[at] ?? 0;
    const middle = bytes.readUInt16BE(at + 1);
    const low = bytes.readUInt16BE(at + 3);
    if (high >> 4 !== prefix) this.#fail(path, `timestamp prefix ${high >> 4}, expected ${prefix}`);
    if (!(high & middle & low & 1)) this.#fail(path, "marker_bit");
    return ((high >> 1) & 7) * 2 ** 30 + (middle >> 1) * 2 ** 15 + (low >> 1);
  }

  #times(path: string, state: PidState, pes: Pes, pts: number, dts: number): void {
    if (pts < dts) this.#fail(path, `PTS ${pts} before DTS ${dts}`);
    if (state.lastDts !== undefined && dts < state.lastDts) this.#fail(path, `DTS ${dts} before ${state.lastDts}`);
    state.lastDts = dts;
    // The clock when the first byte of this packet arrives is at least that of the last PCR in front of it.
    const pcr = this.file.pcrs.findLast((entry) => entry.packet <= pes.packet);
    if (!pcr) this.#fail(path, "no PCR at or in front of the first access unit");
    else if (pcr.value >= dts) this.#fail(path, `DTS ${dts} is not after PCR ${pcr.value}`);
  }

  /** Splits a byte stream (H.264 Annex B) and checks the order of NAL units in the access unit. */
  #annexB(path: string, bytes: Buffer, isRandomAccess: boolean): Uint8Array[] {
    const units: Buffer[] = [];
    let start = -1;
    let at = 0;
    for (;;) {
      const code = bytes.indexOf(START_CODE, at);
      if (code < 0) break;
      if (start >= 0) units.push(trimZeros(bytes.subarray(start, code)));
      else if (code > 1) this.#fail(path, "bytes in front of the first start code");
      start = code + 3;
      at = start;
    }
    if (start < 0) {
      this.#fail(path, "no start code");
      return [];
    }
    units.push(bytes.subarray(start));
    const types = units.map((unit) => (unit[0] ?? 0) & 31);
    if (types[0] !== 9) this.#fail(path, `the access unit begins with NAL unit type ${types[0]}, not with a delimiter`);
    if (types.filter((type) => type === 9).length > 1) this.#fail(path, "more than one access unit delimiter");
    if (types.length === 1) this.#fail(path, "nothing but a delimiter");
    const idr = types.indexOf(5);
    if (idr >= 0 || isRandomAccess) {
      const first = types.findIndex((type) => type >= 1 && type <= 5);
      for (const type of [7, 8]) {
        const place = types.indexOf(type);
        if (place < 0 || (first >= 0 && place > first))
          this.#fail(path, `no NAL unit of type ${type} in front of the first slice`);
      }
    }
    return units.slice(1);
  }

  #adts(path: string, bytes: Buffer, frame: TsFrame): void {
    if (bytes.byteLength < 8) {
      this.#fail(path, "shorter than an ADTS header");
      return;
    }
    if (bytes.readUInt16BE(0) !== 0xfff1) this.#fail(path, "ADTS syncword, layer, protection_absent");
    const fields = bytes.readUInt32BE(2);
    const length = (fields >>> 5) & 0x1fff;
    if (length !== bytes.byteLength)
      this.#fail(path, `aac_frame_length ${length}, there are ${bytes.byteLength} bytes`);
    if (((bytes[6] ?? 0) & 3) !== 0) this.#fail(path, "number_of_raw_data_blocks_in_frame");
    frame.adts = { profile: fields >>> 30, rateIndex: (fields >>> 26) & 15, channelConfiguration: (fields >>> 22) & 7 };
    if (frame.adts.rateIndex > 12) this.#fail(path, `sampling_frequency_index ${frame.adts.rateIndex}`);
    frame.units = [bytes.subarray(7)];
  }
}

const START_CODE = Buffer.from([0, 0, 1]);

/** trailing_zero_8bits, and the zero_byte of the next start code. */
function trimZeros(unit: Buffer): Buffer {
  let end = unit.byteLength;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.subarray(0, end);
}

/** Reads a whole file. Look at `errors` first. */
export function readTs(bytes: Uint8Array): TsFile {
  return new TsReader(bytes).read();
}
