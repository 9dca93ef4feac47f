// Boxes, ISO/IEC 14496-12 §4.2, written into memory with their tables left out: a table is a gap of known size that the
// caller fills in the file.
//
//   memory: | moov … stts header | stsz header | … |  INDEX_PIECE_TABLE: (end of the piece, bytes of the gap behind)
//   file:   | moov … stts header | entries … | stsz header | entries … |
//
// Sizes are patched by `endBox`, gaps included, so no size is ever typed. A box type is its four letters in the order
// of the file.

import { INDEX_PIECE_SIZE, INDEX_PIECE_TABLE_OFFSET, INDEX_PIECES_OFFSET } from "../../../src/abi/mp4";
import { putU32 } from "../../io/bytes";

export const MOOV: u32 = 0x6d6f6f76;
export const MVHD: u32 = 0x6d766864;
export const TRAK: u32 = 0x7472616b;
export const TKHD: u32 = 0x746b6864;
export const EDTS: u32 = 0x65647473;
export const ELST: u32 = 0x656c7374;
export const MDIA: u32 = 0x6d646961;
export const MDHD: u32 = 0x6d646864;
export const HDLR: u32 = 0x68646c72;
export const MINF: u32 = 0x6d696e66;
export const VMHD: u32 = 0x766d6864;
export const SMHD: u32 = 0x736d6864;
export const DINF: u32 = 0x64696e66;
export const DREF: u32 = 0x64726566;
export const URL: u32 = 0x75726c20;
export const STBL: u32 = 0x7374626c;
export const STSD: u32 = 0x73747364;
export const STTS: u32 = 0x73747473;
export const CTTS: u32 = 0x63747473;
export const STSS: u32 = 0x73747373;
export const STSC: u32 = 0x73747363;
export const STSZ: u32 = 0x7374737a;
export const STCO: u32 = 0x7374636f;
export const CO64: u32 = 0x636f3634;
export const SGPD: u32 = 0x73677064;
export const SBGP: u32 = 0x73626770;
export const ROLL: u32 = 0x726f6c6c;
export const BTRT: u32 = 0x62747274;
export const CLLI: u32 = 0x636c6c69;
export const MDCV: u32 = 0x6d646376;
export const COLR: u32 = 0x636f6c72;
export const PASP: u32 = 0x70617370;
export const NCLX: u32 = 0x6e636c78;
export const VIDE: u32 = 0x76696465;
export const SOUN: u32 = 0x736f756e;

/** Begins a box at `at`; keep `at` for `endBox`. */
export function beginBox(at: usize, type: u32): usize {
  at = putU32(at, 0); // size
  return putU32(at, type); // type
}

export function beginFullBox(at: usize, type: u32, version: u32, flags: u32): usize {
  at = beginBox(at, type);
  return putU32(at, (version << 24) | flags); // version, flags
}

/**
 * Patches the size of the box that begins at `box` and ends at `at`, its gaps included. Returns that size, which the
 * caller checks for the outermost.
 */
export function endBox(movie: usize, box: usize, at: usize): u64 {
  let bytes = <u64>(at - box);
  const pieces = load<u32>(movie, INDEX_PIECES_OFFSET);
  for (let i: u32 = 0; i < pieces; i++) {
    const piece = movie + INDEX_PIECE_TABLE_OFFSET + i * INDEX_PIECE_SIZE;
    if (<usize>load<u32>(piece) > box) bytes += <u64>load<u32>(piece, 4);
  }
  putU32(box, <u32>bytes);
  return bytes;
}

/**
 * Leaves a gap for the entries of a table. A table without entries leaves one of no bytes, so that pieces and tables
 * stay in step.
 */
export function leaveGap(movie: usize, at: usize, bytes: u32): void {
  const pieces = load<u32>(movie, INDEX_PIECES_OFFSET);
  const piece = movie + INDEX_PIECE_TABLE_OFFSET + pieces * INDEX_PIECE_SIZE;
  store<u32>(piece, <u32>at);
  store<u32>(piece, bytes, 4);
  store<u32>(movie, pieces + 1, INDEX_PIECES_OFFSET);
}
