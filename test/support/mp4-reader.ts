// An independent, strict reader of MP4 files, written from ISO/IEC 14496-12, -14 and -15. It imports nothing from
// assembly/ or src/. Every box must fill its parent exactly, every table its box, every sample must lie inside `mdat`;
// an error names the path (`/moov/trak[0]/mdia/minf/stbl/stsz`).

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface ReadSample {
  offset: number;
  sizeBytes: number;
  /** Media timescale. */
  dts: number;
  cts: number;
  duration: number;
  isSync: boolean;
}

export interface ReadEdit {
  /** Movie timescale. */
  duration: number;
  /** Media timescale; -1 = empty. */
  mediaTime: number;
}

export interface ReadTrack {
  id: number;
  kind: "video" | "audio";
  isEnabled: boolean;
  alternateGroup: number;
  timescale: number;
  /** Of the media, media timescale. */
  duration: number;
  /** Of the track header, movie timescale. */
  trackDuration: number;
  edits: ReadEdit[];
  /** Four-letter name of the sample entry. */
  format: string;
  width: number;
  height: number;
  displayWidth: number;
  channels: number;
  sampleRate: number;
  /** avcC or AudioSpecificConfig. */
  config: Buffer;
  colour: { primaries: number; transfer: number; matrix: number; fullRange: boolean } | undefined;
  pixelAspect: { width: number; height: number } | undefined;
  language: string;
  handlerName: string;
  /** The average, bits a second. */
  bitRate: number;
  samples: ReadSample[];
  /** Samples of each chunk. */
  chunks: number[];
  sttsEntries: number;
  hasCompositionTable: boolean;
  compositionVersion: number;
  hasSyncTable: boolean;
  chunkBox: "stco" | "co64";
  mediaHeaderVersion: number;
}

export interface ReadMp4 {
  /** Types of the top-level boxes in order. */
  topLevel: string[];
  sizes: Record<string, number>;
  majorBrand: string;
  minorVersion: number;
  brands: string[];
  movieTimescale: number;
  movieDuration: number;
  movieHeaderVersion: number;
  creationTime: number;
  nextTrackId: number;
  mediaStart: number;
  mediaEnd: number;
  mediaHeaderSize: number;
  tracks: ReadTrack[];
  video: ReadTrack | undefined;
  audio: ReadTrack | undefined;
}

interface Box {
  type: string;
  path: string;
  bytes: Buffer;
}

function fail(path: string, reason: string): never {
  throw new Error(`${path}: ${reason}`);
}

/** A box's content, read field by field; `end` insists that nothing is left. */
class Fields {
  at = 0;
  version = 0;
  flags = 0;

  constructor(readonly box: Box) {}

  static full(box: Box, versions: readonly number[]): Fields {
    const fields = new Fields(box);
    fields.version = fields.u(1);
    fields.flags = fields.u(3);
    if (!versions.includes(fields.version)) fail(box.path, `version ${fields.version}`);
    return fields;
  }

  take(bytes: number): Buffer {
    if (this.at + bytes > this.box.bytes.byteLength)
      fail(this.box.path, `ends at ${this.box.bytes.byteLength}, ${bytes} bytes wanted at ${this.at}`);
    this.at += bytes;
    return this.box.bytes.subarray(this.at - bytes, this.at);
  }
  u(bytes: 1 | 2 | 3 | 4): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }
  i32(): number {
    return this.take(4).readInt32BE();
  }
  u64(): number {
    const value = this.take(8).readBigUInt64BE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail(this.box.path, `${value} is not credible`);
    return Number(value);
  }
  i64(): number {
    return Number(this.take(8).readBigInt64BE());
  }
  time(): number {
    return this.version === 1 ? this.u64() : this.u(4);
  }
  text(bytes: number): string {
    return this.take(bytes).toString("latin1");
  }
  zeros(bytes: number): void {
    if (this.take(bytes).some((byte) => byte !== 0))
      fail(this.box.path, `reserved bytes at ${this.at - bytes} are not zero`);
  }
  end(): void {
    if (this.at !== this.box.bytes.byteLength)
      fail(this.box.path, `${this.box.bytes.byteLength - this.at} bytes behind the last field`);
  }
  rest(): Buffer {
    return this.take(this.box.bytes.byteLength - this.at);
  }
}

function boxesIn(bytes: Buffer, path: string): Box[] {
  const boxes: Box[] = [];
  const seen = new Map<string, number>();
  for (let at = 0; at < bytes.byteLength; ) {
    if (at + 8 > bytes.byteLength) fail(path, `${bytes.byteLength - at} bytes at ${at} are no box`);
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (size < 8 || at + size > bytes.byteLength)
      fail(`${path}/${type}`, `size ${size} with ${bytes.byteLength - at} bytes left`);
    const index = seen.get(type) ?? 0;
    seen.set(type, index + 1);
    boxes.push({
      type,
      path: `${path}/${type}${type === "trak" ? `[${index}]` : ""}`,
      bytes: bytes.subarray(at + 8, at + size),
    });
    at += size;
  }
  return boxes;
}

/** The children of a box by type; each at most once, and none but those named. */
function children(box: Box, allowed: readonly string[], skip = 0): Map<string, Box> {
  const found = new Map<string, Box>();
  for (const child of boxesIn(box.bytes.subarray(skip), box.path)) {
    if (!allowed.includes(child.type)) fail(child.path, "is not expected here");
    if (found.has(child.type)) fail(child.path, "comes twice");
    found.set(child.type, child);
  }
  return found;
}

function need(found: Map<string, Box>, type: string, path: string): Box {
  return found.get(type) ?? fail(`${path}/${type}`, "is missing");
}

function table<T>(box: Box, versions: readonly number[], read: (fields: Fields) => T): T[] {
  const fields = Fields.full(box, versions);
  const count = fields.u(4);
  const entries: T[] = [];
  for (let i = 0; i < count; i++) entries.push(read(fields));
  fields.end();
  return entries;
}

/** Reads a descriptor's tag and size (ISO/IEC 14496-1 §8.3.3). */
function descriptor(fields: Fields, tag: number): number {
  if (fields.u(1) !== tag) fail(fields.box.path, `descriptor ${tag} expected at ${fields.at - 1}`);
  let size = 0;
  for (let i = 0; i < 4; i++) {
    const byte = fields.u(1);
    size = size * 128 + (byte & 127);
    if (byte < 128) return size;
  }
  return fail(fields.box.path, "a descriptor's size does not end");
}

function readEsds(box: Box): Buffer {
  const fields = Fields.full(box, [0]);
  const es = descriptor(fields, 3);
  if (fields.at + es !== box.bytes.byteLength) fail(box.path, "ES_Descriptor does not fill the box");
  fields.u(2);
  if (fields.u(1) !== 0) fail(box.path, "flags of ES_Descriptor");
  const end = descriptor(fields, 4) + fields.at;
  if (fields.u(1) !== 0x40) fail(box.path, "objectTypeIndication is not MPEG-4 audio");
  if (fields.u(1) >> 2 !== 5) fail(box.path, "streamType is not audio");
  fields.u(3);
  fields.u(4);
  fields.u(4);
  const config = fields.take(descriptor(fields, 5));
  if (fields.at !== end) fail(box.path, "DecoderConfigDescriptor is not full");
  if (descriptor(fields, 6) !== 1 || fields.u(1) !== 2) fail(box.path, "SLConfigDescriptor is not the one of MP4");
  fields.end();
  return config;
}

type SampleEntry = Pick<
  ReadTrack,
  "format" | "width" | "height" | "channels" | "sampleRate" | "config" | "bitRate" | "colour" | "pixelAspect"
>;

function readSampleEntry(stsd: Box): SampleEntry {
  const fields = Fields.full(stsd, [0]);
  if (fields.u(4) !== 1) fail(stsd.path, "not one entry");
  const [entry, more] = boxesIn(fields.rest(), stsd.path);
  if (!entry || more) fail(stsd.path, "not one entry");
  const head = new Fields(entry);
  head.zeros(6);
  if (head.u(2) !== 1) fail(entry.path, "data_reference_index");
  const none = { width: 0, height: 0, channels: 0, sampleRate: 0, colour: undefined, pixelAspect: undefined };
  if (entry.type === "mp4a") {
    head.zeros(8);
    const channels = head.u(2);
    if (head.u(2) !== 16) fail(entry.path, "samplesize");
    head.zeros(4);
    const sampleRate = head.u(4) / 65536;
    const inner = children(entry, ["esds", "btrt"], head.at);
    const config = readEsds(need(inner, "esds", entry.path));
    const bitRate = readBitRate(inner.get("btrt"));
    return { ...none, format: entry.type, channels, sampleRate, config, bitRate };
  }
  if (entry.type !== "avc1") fail(entry.path, "is not expected here");
  head.zeros(16);
  const width = head.u(2);
  const height = head.u(2);
  if (head.u(4) !== 0x480000 || head.u(4) !== 0x480000) fail(entry.path, "resolution");
  head.zeros(4);
  if (head.u(2) !== 1) fail(entry.path, "frame_count");
  head.take(32);
  if (head.u(2) !== 0x18 || head.u(2) !== 0xffff) fail(entry.path, "depth, pre_defined");
  const inner = children(entry, ["avcC", "colr", "pasp", "btrt"], head.at);
  const avcC = need(inner, "avcC", entry.path);
  if (avcC.bytes[0] !== 1 || avcC.bytes[4] !== 0xff) fail(avcC.path, "not version 1 with four-byte lengths");
  return {
    ...none,
    format: entry.type,
    width,
    height,
    config: avcC.bytes,
    bitRate: readBitRate(inner.get("btrt")),
    colour: readColour(inner.get("colr")),
    pixelAspect: readPixelAspect(inner.get("pasp")),
  };
}

/** The average; the maximum is never less. 0 where no rate is told. */
function readBitRate(box: Box | undefined): number {
  if (!box) return 0;
  const fields = new Fields(box);
  if (fields.u(4) === 0) fail(box.path, "bufferSizeDB");
  const [maximum, average] = [fields.u(4), fields.u(4)];
  if (maximum < average) fail(box.path, `a maxBitrate of ${maximum} below the avgBitrate of ${average}`);
  fields.end();
  return average;
}

function readColour(box: Box | undefined): ReadTrack["colour"] {
  if (!box) return undefined;
  const fields = new Fields(box);
  if (fields.text(4) !== "nclx") fail(box.path, "colour_type");
  const colour = {
    primaries: fields.u(2),
    transfer: fields.u(2),
    matrix: fields.u(2),
    fullRange: fields.u(1) === 0x80,
  };
  fields.end();
  return colour;
}

function readPixelAspect(box: Box | undefined): ReadTrack["pixelAspect"] {
  if (!box) return undefined;
  const fields = new Fields(box);
  const aspect = { width: fields.u(4), height: fields.u(4) };
  fields.end();
  return aspect;
}

type Tables = Pick<
  ReadTrack,
  "samples" | "chunks" | "sttsEntries" | "hasCompositionTable" | "compositionVersion" | "hasSyncTable" | "chunkBox"
>;

function readTables(stbl: Map<string, Box>, path: string): Tables {
  const stszBox = need(stbl, "stsz", path);
  const sizeFields = Fields.full(stszBox, [0]);
  const common = sizeFields.u(4);
  const count = sizeFields.u(4);
  const sizes = Array.from({ length: count }, () => common || sizeFields.u(4));
  sizeFields.end();

  const sttsBox = need(stbl, "stts", path);
  const stts = table(sttsBox, [0], (f) => ({ count: f.u(4), delta: f.u(4) }));
  const durations = expand(
    sttsBox.path,
    stts.map(({ count: n, delta }) => [n, delta]),
    count,
  );
  const cttsBox = stbl.get("ctts");
  const ctts = cttsBox
    ? table(cttsBox, [0, 1], (f) => [f.u(4), f.version === 1 ? f.i32() : f.u(4)] as [number, number])
    : undefined;
  const cts = cttsBox && ctts ? expand(cttsBox.path, ctts, count) : undefined;
  const stssBox = stbl.get("stss");
  const sync = stssBox ? new Set(table(stssBox, [0], (f) => f.u(4))) : undefined;
  if (stssBox && sync)
    for (const number of sync) if (number < 1 || number > count) fail(stssBox.path, `sample ${number} of ${count}`);

  const chunkBox = stbl.has("co64") ? "co64" : "stco";
  const offsets = table(need(stbl, chunkBox, path), [0], (f) => (chunkBox === "co64" ? f.u64() : f.u(4)));
  const stscBox = need(stbl, "stsc", path);
  const stsc = table(stscBox, [0], (f) => ({ first: f.u(4), samples: f.u(4), description: f.u(4) }));
  const chunks: number[] = [];
  stsc.forEach((entry, i) => {
    if (entry.description !== 1) fail(stscBox.path, `sample_description_index ${entry.description}`);
    if (entry.first !== chunks.length + 1)
      fail(stscBox.path, `first_chunk ${entry.first}, ${chunks.length + 1} expected`);
    if (i > 0 && entry.samples === stsc[i - 1]?.samples)
      fail(stscBox.path, `entry ${i} says the same as the one before`);
    const next = stsc[i + 1]?.first ?? offsets.length + 1;
    while (chunks.length < next - 1) chunks.push(entry.samples);
  });
  if (chunks.length !== offsets.length) fail(stscBox.path, `${chunks.length} chunks, ${offsets.length} offsets`);
  if (chunks.reduce((sum, n) => sum + n, 0) !== count)
    fail(stscBox.path, `the chunks hold other than ${count} samples`);

  const samples: ReadSample[] = [];
  let dts = 0;
  chunks.forEach((n, chunk) => {
    let offset = offsets[chunk] ?? 0;
    for (let i = 0; i < n; i++) {
      const index = samples.length;
      const sizeBytes = sizes[index] ?? 0;
      const duration = durations[index] ?? 0;
      samples.push({
        offset,
        sizeBytes,
        dts,
        cts: cts?.[index] ?? 0,
        duration,
        isSync: sync ? sync.has(index + 1) : true,
      });
      offset += sizeBytes;
      dts += duration;
    }
  });
  const compositionVersion = cttsBox?.bytes[0] ?? 0;
  return {
    samples,
    chunks,
    sttsEntries: stts.length,
    hasCompositionTable: !!cttsBox,
    compositionVersion,
    hasSyncTable: !!stssBox,
    chunkBox,
  };
}

function expand(path: string, runs: readonly (readonly [number, number])[], count: number): number[] {
  const values: number[] = [];
  runs.forEach(([n, value], i) => {
    if (n === 0) fail(path, `run ${i} is empty`);
    if (i > 0 && runs[i - 1]?.[1] === value) fail(path, `run ${i} says the same as the one before`);
    for (let k = 0; k < n; k++) values.push(value);
  });
  if (values.length !== count) fail(path, `${values.length} samples, stsz has ${count}`);
  return values;
}

function readMatrix(fields: Fields): void {
  const matrix = Array.from({ length: 9 }, () => fields.u(4));
  if (matrix.join() !== [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].join())
    fail(fields.box.path, "the matrix is not unity");
}

interface TrackHeader {
  id: number;
  isEnabled: boolean;
  alternateGroup: number;
  duration: number;
  volume: number;
  width: number;
  height: number;
}

function readTrackHeader(box: Box): TrackHeader {
  const fields = Fields.full(box, [0, 1]);
  // track_in_movie; track_enabled is the first track's of each kind (readMp4).
  if ((fields.flags & ~1) !== 2) fail(box.path, `flags ${fields.flags}`);
  fields.time();
  fields.time();
  const id = fields.u(4);
  fields.zeros(4);
  const duration = fields.time();
  fields.zeros(8);
  fields.zeros(2); // layer
  const alternateGroup = fields.u(2);
  const volume = fields.u(2);
  fields.zeros(2);
  readMatrix(fields);
  const width = fields.u(4) / 65536;
  const height = fields.u(4) / 65536;
  fields.end();
  return { id, isEnabled: (fields.flags & 1) !== 0, alternateGroup, duration, volume, width, height };
}

function readMediaHeader(box: Box): { timescale: number; duration: number; language: string; version: number } {
  const fields = Fields.full(box, [0, 1]);
  fields.time();
  fields.time();
  const timescale = fields.u(4);
  const duration = fields.time();
  const code = fields.u(2);
  const language = [10, 5, 0].map((shift) => String.fromCharCode(0x60 + ((code >> shift) & 31))).join("");
  fields.zeros(2);
  fields.end();
  return { timescale, duration, language, version: fields.version };
}

function readEdits(trak: Map<string, Box>): ReadEdit[] {
  const edts = trak.get("edts");
  if (!edts) return [];
  return table(need(children(edts, ["elst"]), "elst", edts.path), [0, 1], (f) => {
    const edit = { duration: f.time(), mediaTime: f.version === 1 ? f.i64() : f.i32() };
    if (f.u(4) !== 0x10000) fail(f.box.path, "media_rate");
    return edit;
  });
}

function readTrack(trakBox: Box): ReadTrack {
  const trak = children(trakBox, ["tkhd", "edts", "mdia"]);
  const header = readTrackHeader(need(trak, "tkhd", trakBox.path));
  const mdiaBox = need(trak, "mdia", trakBox.path);
  const mdia = children(mdiaBox, ["mdhd", "hdlr", "minf"]);
  const media = readMediaHeader(need(mdia, "mdhd", mdiaBox.path));
  const hdlr = Fields.full(need(mdia, "hdlr", mdiaBox.path), [0]);
  hdlr.zeros(4);
  const handler = hdlr.text(4);
  hdlr.zeros(12);
  const name = hdlr.rest();
  if (name.indexOf(0) !== name.byteLength - 1) fail(hdlr.box.path, "the name does not end with the box");
  if (handler !== "vide" && handler !== "soun") fail(hdlr.box.path, `handler ${handler}`);
  const kind = handler === "vide" ? "video" : "audio";
  const minfBox = need(mdia, "minf", mdiaBox.path);
  const minf = children(minfBox, [kind === "video" ? "vmhd" : "smhd", "dinf", "stbl"]);
  readDataReference(need(minf, "dinf", minfBox.path));
  const mediaHeader = Fields.full(need(minf, kind === "video" ? "vmhd" : "smhd", minfBox.path), [0]);
  if (mediaHeader.flags !== (kind === "video" ? 1 : 0)) fail(mediaHeader.box.path, "flags");
  mediaHeader.zeros(kind === "video" ? 8 : 4);
  mediaHeader.end();
  const stblBox = need(minf, "stbl", minfBox.path);
  const stbl = children(stblBox, ["stsd", "stts", "ctts", "stss", "stsc", "stsz", "stco", "co64"]);
  const entry = readSampleEntry(need(stbl, "stsd", stblBox.path));
  const tables = readTables(stbl, stblBox.path);
  const total = tables.samples.reduce((sum, sample) => sum + sample.duration, 0);
  if (total !== media.duration) fail(`${mdiaBox.path}/mdhd`, `duration ${media.duration}, the samples last ${total}`);
  const edits = readEdits(trak);
  const edited = edits.reduce((sum, edit) => sum + edit.duration, 0);
  if (edits.length > 0 && edited !== header.duration)
    fail(`${trakBox.path}/tkhd`, `duration ${header.duration}, the edits last ${edited}`);
  if ((kind === "audio" ? 0x100 : 0) !== header.volume) fail(`${trakBox.path}/tkhd`, "volume");
  if (kind === "video" && header.height !== entry.height) fail(`${trakBox.path}/tkhd`, "height");
  const { id, duration: trackDuration, width: displayWidth } = header;
  const { timescale, duration, language, version: mediaHeaderVersion } = media;
  return {
    id,
    kind,
    isEnabled: header.isEnabled,
    alternateGroup: header.alternateGroup,
    timescale,
    duration,
    trackDuration,
    edits,
    displayWidth,
    language,
    handlerName: name.toString("utf8", 0, name.byteLength - 1),
    mediaHeaderVersion,
    ...entry,
    ...tables,
  };
}

function readDataReference(dinf: Box): void {
  const dref = need(children(dinf, ["dref"]), "dref", dinf.path);
  const fields = Fields.full(dref, [0]);
  if (fields.u(4) !== 1) fail(dref.path, "not one entry");
  const [url, more] = boxesIn(fields.rest(), dref.path);
  if (!url || more || url.type !== "url ") fail(dref.path, "not one url");
  const inner = Fields.full(url, [0]);
  if (inner.flags !== 1) fail(url.path, "not self-contained");
  inner.end();
}

interface TopLevelBox {
  type: string;
  at: number;
  headerBytes: number;
  sizeBytes: number;
}

function topLevelBoxes(fd: number, fileBytes: number): TopLevelBox[] {
  const boxes: TopLevelBox[] = [];
  for (let at = 0; at < fileBytes; ) {
    const head = readExactly(fd, at, Math.min(16, fileBytes - at));
    if (head.byteLength < 8) fail("/", `${head.byteLength} bytes at ${at} are no box`);
    const type = head.toString("latin1", 4, 8);
    const isLarge = head.readUInt32BE(0) === 1;
    const sizeBytes = isLarge ? Number(head.readBigUInt64BE(8)) : head.readUInt32BE(0);
    const headerBytes = isLarge ? 16 : 8;
    if (sizeBytes < headerBytes || at + sizeBytes > fileBytes)
      fail(`/${type}`, `size ${sizeBytes} with ${fileBytes - at} bytes left`);
    boxes.push({ type, at, headerBytes, sizeBytes });
    at += sizeBytes;
  }
  return boxes;
}

function readExactly(fd: number, at: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (readSync(fd, buffer, 0, bytes, at) !== bytes) fail("/", `${bytes} bytes wanted at ${at}`);
  return buffer;
}

export function readMp4(path: string): ReadMp4 {
  const fd = openSync(path, "r");
  try {
    const boxes = topLevelBoxes(fd, fstatSync(fd).size);
    const one = (type: string): TopLevelBox => {
      const [box, more] = boxes.filter((candidate) => candidate.type === type);
      return box && !more ? box : fail(`/${type}`, "is not there once");
    };
    const content = (box: TopLevelBox): Box => ({
      type: box.type,
      path: `/${box.type}`,
      bytes: readExactly(fd, box.at + box.headerBytes, box.sizeBytes - box.headerBytes),
    });
    const ftyp = new Fields(content(one("ftyp")));
    const majorBrand = ftyp.text(4);
    const minorVersion = ftyp.u(4);
    const brands = ftyp.rest().toString("latin1").match(/.{4}/gs) ?? [];
    const mdat = one("mdat");
    const movie = readMovie(content(one("moov")));
    const mediaStart = mdat.at + mdat.headerBytes;
    const mediaEnd = mdat.at + mdat.sizeBytes;
    for (const track of movie.tracks) {
      for (const [i, sample] of track.samples.entries()) {
        if (sample.offset < mediaStart || sample.offset + sample.sizeBytes > mediaEnd) {
          fail(
            `/moov/trak[${movie.tracks.indexOf(track)}]/mdia/minf/stbl/${track.chunkBox}`,
            `sample ${i} at ${sample.offset} is not in mdat`,
          );
        }
      }
    }
    const topLevel = boxes.map((box) => box.type);
    const sizes = Object.fromEntries(boxes.map((box) => [box.type, box.sizeBytes]));
    const find = (kind: string): ReadTrack | undefined => movie.tracks.find((track) => track.kind === kind);
    const media = { mediaStart, mediaEnd, mediaHeaderSize: mdat.headerBytes };
    return {
      topLevel,
      sizes,
      majorBrand,
      minorVersion,
      brands,
      ...movie,
      ...media,
      video: find("video"),
      audio: find("audio"),
    };
  } finally {
    closeSync(fd);
  }
}

type Movie = Pick<
  ReadMp4,
  "movieTimescale" | "movieDuration" | "movieHeaderVersion" | "creationTime" | "nextTrackId" | "tracks"
>;

function readMovie(moov: Box): Movie {
  const boxes = boxesIn(moov.bytes, moov.path);
  const [first, ...traks] = boxes;
  if (first?.type !== "mvhd") fail(moov.path, "does not begin with mvhd");
  const fields = Fields.full(first, [0, 1]);
  const creationTime = fields.time();
  fields.time();
  const movieTimescale = fields.u(4);
  const movieDuration = fields.time();
  if (fields.u(4) !== 0x10000 || fields.u(2) !== 0x100) fail(first.path, "rate, volume");
  fields.zeros(10);
  readMatrix(fields);
  fields.zeros(24);
  const nextTrackId = fields.u(4);
  fields.end();
  const tracks = traks.map((box) => (box.type === "trak" ? readTrack(box) : fail(box.path, "is not expected here")));
  for (const [i, track] of tracks.entries()) {
    const alike = tracks.filter(({ kind }) => kind === track.kind);
    if (track.isEnabled !== (alike[0] === track))
      fail(`${traks[i]?.path}/tkhd`, "is not enabled as the first of its kind");
    if (alike.length > 1 ? track.alternateGroup !== alike[0]?.alternateGroup : track.alternateGroup !== 0)
      fail(`${traks[i]?.path}/tkhd`, `alternate_group ${track.alternateGroup}`);
  }
  if (
    tracks.some((track) => track.id >= nextTrackId) ||
    new Set(tracks.map((track) => track.id)).size !== tracks.length
  )
    fail(first.path, "track ids");
  const longest = Math.max(...tracks.map((track) => track.trackDuration));
  if (movieDuration !== longest) fail(first.path, `duration ${movieDuration}, the longest track lasts ${longest}`);
  return { movieTimescale, movieDuration, movieHeaderVersion: fields.version, creationTime, nextTrackId, tracks };
}

/** When a sample is presented, in seconds of the movie, edits applied. */
export function presentationSeconds(file: ReadMp4, track: ReadTrack, sample: ReadSample): number {
  const [first] = track.edits;
  const empty = first?.mediaTime === -1 ? first.duration / file.movieTimescale : 0;
  const mediaTime = track.edits.find((edit) => edit.mediaTime >= 0)?.mediaTime ?? 0;
  return empty + (sample.dts + sample.cts - mediaTime) / track.timescale;
}
