// Transport packets, ISO/IEC 13818-1 §2.4.3: 188 bytes, an adaptation field where there is something to say or to fill.
//
//   | 47 | PID, start | control, continuity_counter | adaptation_field: length flags (PCR) ff … | payload |
//
// The payload of a PES packet is a list of spans: `writeSpan` lays each behind the last across packet borders, whole
// packets straight from the ring.

import { TS_PACKET_ROOM_OFFSET, TS_PES_LEFT_OFFSET, TS_TRACK_COUNTERS_OFFSET } from "../../../src/abi/mpegts";
import { putFill, putU8, putU16, putU32 } from "../../io/bytes";

export const PACKET_SIZE: u32 = 188;
export const PACKET_PAYLOAD_SIZE: u32 = 184;
export const PID_PMT: u32 = 0x1000;
/** Of track 0; the others follow. */
export const PID_FIRST_TRACK: u32 = 0x100;

export const ADAPTATION_DISCONTINUITY: u32 = 0x80; // discontinuity_indicator
export const ADAPTATION_RANDOM_ACCESS: u32 = 0x40; // random_access_indicator
export const ADAPTATION_PCR: u32 = 0x10; // PCR_flag

const SYNC: u32 = 0x47000000;
const START_INDICATOR: u32 = 0x400000; // payload_unit_start_indicator
const HAS_ADAPTATION: u32 = 0x20;
const HAS_PAYLOAD: u32 = 0x10;

/** Takes the next continuity_counter of a PID, which lies at `counter`. */
// @ts-ignore: decorator
@inline
function takeCounter(counter: usize): u32 {
  const value = <u32>load<u8>(counter);
  store<u8>(counter, <u8>((value + 1) & 15));
  return value;
}

// @ts-ignore: decorator
@inline
function trackCounter(ts: usize, track: u32): usize {
  return ts + TS_TRACK_COUNTERS_OFFSET + track;
}

/** program_clock_reference_base, reserved, program_clock_reference_extension. The clock is cut to 33 bits here. */
// @ts-ignore: decorator
@inline
function putPcr(at: usize, pcr90k: i64): usize {
  const field = ((<u64>pcr90k & 0x1ffffffff) << 15) | (0x3f << 9);
  at = putU32(at, <u32>(field >> 16));
  return putU16(at, <u32>field & 0xffff);
}

/** Bytes of an adaptation field with these flags, without stuffing. */
// @ts-ignore: decorator
@inline
export function adaptationSize(flags: u32): u32 {
  if (flags == 0) return 0;
  return (flags & ADAPTATION_PCR) != 0 ? 8 : 2;
}

/** An adaptation field of exactly `size` bytes, stuffed. */
// @ts-ignore: decorator
@inline
function putAdaptation(at: usize, size: u32, flags: u32, pcr90k: i64): usize {
  const end = at + size;
  at = putU8(at, size - 1); // adaptation_field_length
  if (size == 1) return at;
  at = putU8(at, flags);
  if ((flags & ADAPTATION_PCR) != 0) at = putPcr(at, pcr90k);
  return putFill(at, 0xff, <u32>(end - at)); // stuffing_byte
}

/**
 * A packet's header for `payloadBytes`, which with the adaptation field's flags must fit; the rest is stuffing. Returns
 * the payload's place.
 */
export function beginPacket(
  at: usize,
  pid: u32,
  counter: usize,
  isStart: bool,
  flags: u32,
  pcr90k: i64,
  payloadBytes: u32,
): usize {
  const adaptation = PACKET_PAYLOAD_SIZE - payloadBytes;
  const control = adaptation > 0 ? HAS_ADAPTATION | HAS_PAYLOAD : HAS_PAYLOAD;
  at = putU32(at, SYNC | (isStart ? START_INDICATOR : 0) | (pid << 8) | control | takeCounter(counter));
  return adaptation > 0 ? putAdaptation(at, adaptation, flags, pcr90k) : at;
}

/** A packet without payload; the continuity_counter stays that of the last packet (§2.4.3.3). */
export function putPcrPacket(ts: usize, at: usize, track: u32, flags: u32, pcr90k: i64): usize {
  const last = (<u32>load<u8>(trackCounter(ts, track)) - 1) & 15;
  at = putU32(at, SYNC | ((PID_FIRST_TRACK + track) << 8) | HAS_ADAPTATION | last);
  return putAdaptation(at, PACKET_PAYLOAD_SIZE, flags | ADAPTATION_PCR, pcr90k);
}

/**
 * Begins the first packet of a PES packet of `pesBytes`; what it does not take, `writeSpan` lays into further packets.
 * The caller puts the first `headerBytes`: at most 176, which the packet has room for beside any adaptation field
 * without stuffing.
 */
export function beginPes(
  ts: usize,
  at: usize,
  track: u32,
  flags: u32,
  pcr90k: i64,
  pesBytes: u32,
  headerBytes: u32,
): usize {
  const room = min<u32>(PACKET_PAYLOAD_SIZE - adaptationSize(flags), pesBytes);
  store<u32>(ts, room - headerBytes, TS_PACKET_ROOM_OFFSET);
  store<u32>(ts, pesBytes - room, TS_PES_LEFT_OFFSET);
  return beginPacket(at, PID_FIRST_TRACK + track, trackCounter(ts, track), true, flags, pcr90k, room);
}

/**
 * The payload of a whole packet. Fixed-size vector moves: memory.copy costs a call out of the module for every packet.
 */
// @ts-ignore: decorator
@inline
function copyPayload(to: usize, from: usize): void {
  v128.store(to, v128.load(from, 0), 0);
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
  v128.store(to, v128.load(from, 64), 64);
  v128.store(to, v128.load(from, 80), 80);
  v128.store(to, v128.load(from, 96), 96);
  v128.store(to, v128.load(from, 112), 112);
  v128.store(to, v128.load(from, 128), 128);
  v128.store(to, v128.load(from, 144), 144);
  v128.store(to, v128.load(from, 160), 160);
  store<u64>(to, load<u64>(from, 176), 176);
}

/** Lays `bytes` behind what the PES packet holds so far. */
export function writeSpan(ts: usize, at: usize, track: u32, from: usize, bytes: u32): usize {
  let room = load<u32>(ts, TS_PACKET_ROOM_OFFSET);
  let left = load<u32>(ts, TS_PES_LEFT_OFFSET);
  while (bytes > 0) {
    if (room == 0) {
      if (bytes >= PACKET_PAYLOAD_SIZE) {
        const packets = bytes / PACKET_PAYLOAD_SIZE;
        const header = SYNC | ((PID_FIRST_TRACK + track) << 8) | HAS_PAYLOAD;
        let counter = <u32>load<u8>(trackCounter(ts, track));
        for (let i: u32 = 0; i < packets; i++) {
          putU32(at, header | counter);
          copyPayload(at + 4, from);
          counter = (counter + 1) & 15;
          at += PACKET_SIZE;
          from += PACKET_PAYLOAD_SIZE;
        }
        store<u8>(trackCounter(ts, track), <u8>counter);
        bytes -= packets * PACKET_PAYLOAD_SIZE;
        left -= packets * PACKET_PAYLOAD_SIZE;
        continue;
      }
      room = min<u32>(PACKET_PAYLOAD_SIZE, left);
      left -= room;
      at = beginPacket(at, PID_FIRST_TRACK + track, trackCounter(ts, track), false, 0, 0, room);
    }
    const part = min<u32>(room, bytes);
    memory.copy(at, from, part);
    at += part;
    from += part;
    bytes -= part;
    room -= part;
  }
  store<u32>(ts, room, TS_PACKET_ROOM_OFFSET);
  store<u32>(ts, left, TS_PES_LEFT_OFFSET);
  return at;
}
