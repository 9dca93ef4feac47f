// Program association and program map sections, ISO/IEC 13818-1 §2.4.4: one program, its PMT on PID 0x1000, each
// section in a packet of its own. A track that joins late is a new PMT version.

import { CONFIG_LANGUAGE_OFFSET } from "../../../src/abi/decoder-config";
import { MAX_TRACKS } from "../../../src/abi/frame";
import {
  TS_PAT_COUNTER_OFFSET,
  TS_PCR_TRACK_OFFSET,
  TS_PMT_COUNTER_OFFSET,
  TS_PMT_TRACKS_OFFSET,
  TS_PMT_VERSION_OFFSET,
} from "../../../src/abi/mpegts";
import { putTsDescriptors, tsDescriptorsSize, tsStreamType } from "../../codec/mpegts-table";
import { isAudioConfig } from "../../decoder-config";
import { putFill, putU8, putU16, putU32 } from "../../io/bytes";
import { segmentConfig } from "../../segment";
import { beginPacket, PACKET_PAYLOAD_SIZE, PID_FIRST_TRACK, PID_PMT } from "./packet";

export const TABLES_SIZE: u32 = 2 * 188;
const PID_PAT: u32 = 0;
const TABLE_PAT: u32 = 0;
const TABLE_PMT: u32 = 2;
const TRANSPORT_STREAM_ID: u32 = 1;
const PROGRAM_NUMBER: u32 = 1;
const LANGUAGE_DESCRIPTOR: u32 = 0x0a;
const LANGUAGE_DESCRIPTOR_SIZE: u32 = 6;
/** An entry of a PMT without its descriptors. */
const STREAM_SIZE: u32 = 5;
const CRC_SIZE: u32 = 4;

/**
 * Annex A: polynomial 0x04C11DB7, first bit first, nothing inverted. A table would cost more memory than the few
 * sections cost time.
 */
export function crc32Mpeg(from: usize, bytes: u32): u32 {
  let crc: u32 = 0xffffffff;
  for (let i: u32 = 0; i < bytes; i++) {
    crc ^= <u32>load<u8>(from + i) << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (0x04c11db7 & (0 - (crc >> 31)));
  }
  return crc;
}

/** The fields that all sections begin with; section_length is patched by `endSection`. */
function beginSection(at: usize, tableId: u32, id: u32, version: u32): usize {
  at = putU8(at, 0); // pointer_field
  at = putU8(at, tableId); // table_id
  at = putU16(at, 0); // section_syntax_indicator, section_length
  at = putU16(at, id); // transport_stream_id, program_number
  at = putU8(at, 0xc1 | (version << 1)); // version_number, current_next_indicator
  at = putU8(at, 0); // section_number
  return putU8(at, 0); // last_section_number
}

/** Patches the length, adds the CRC and fills the packet, whose payload begins at `start`. */
function endSection(start: usize, at: usize): usize {
  const section = start + 1;
  putU16(section + 1, 0xb000 | <u32>(at + 4 - (section + 3)));
  at = putU32(at, crc32Mpeg(section, <u32>(at - section))); // CRC_32
  return putFill(at, 0xff, PACKET_PAYLOAD_SIZE - <u32>(at - start));
}

/** ISO_639_language_descriptor, §2.6.18, from a code of five bits a letter. */
function putLanguageDescriptor(at: usize, language: u32): usize {
  at = putU8(at, LANGUAGE_DESCRIPTOR); // descriptor_tag
  at = putU8(at, 4); // descriptor_length
  at = putU8(at, 0x60 | ((language >> 10) & 31)); // ISO_639_language_code
  at = putU8(at, 0x60 | ((language >> 5) & 31));
  at = putU8(at, 0x60 | (language & 31));
  return putU8(at, 0); // audio_type
}

/** `end`: where the section has to end. A language is left out where it finds no room. */
function putElementaryStream(at: usize, config: usize, track: u32, end: usize): usize {
  const descriptors = tsDescriptorsSize(config);
  let language = isAudioConfig(config) ? load<u32>(config, CONFIG_LANGUAGE_OFFSET) : 0;
  if (at + STREAM_SIZE + descriptors + LANGUAGE_DESCRIPTOR_SIZE > end) language = 0;
  at = putU8(at, tsStreamType(config)); // stream_type
  at = putU16(at, 0xe000 | (PID_FIRST_TRACK + track)); // elementary_PID
  at = putU16(at, 0xf000 | (descriptors + (language != 0 ? LANGUAGE_DESCRIPTOR_SIZE : 0))); // ES_info_length
  at = putTsDescriptors(at, config);
  return language != 0 ? putLanguageDescriptor(at, language) : at;
}

/** PAT and PMT, TABLES_SIZE bytes: with MAX_TRACKS tracks and all that names their codecs a PMT has 136 bytes. */
export function putTables(seg: usize, ts: usize, at: usize): usize {
  const tracks = load<u32>(ts, TS_PMT_TRACKS_OFFSET);
  const pat = beginPacket(at, PID_PAT, ts + TS_PAT_COUNTER_OFFSET, true, 0, 0, PACKET_PAYLOAD_SIZE);
  at = beginSection(pat, TABLE_PAT, TRANSPORT_STREAM_ID, 0);
  at = putU16(at, PROGRAM_NUMBER); // program_number
  at = putU16(at, 0xe000 | PID_PMT); // program_map_PID
  at = endSection(pat, at);

  const pmt = beginPacket(at, PID_PMT, ts + TS_PMT_COUNTER_OFFSET, true, 0, 0, PACKET_PAYLOAD_SIZE);
  at = beginSection(pmt, TABLE_PMT, PROGRAM_NUMBER, load<u32>(ts, TS_PMT_VERSION_OFFSET));
  at = putU16(at, 0xe000 | (PID_FIRST_TRACK + load<u32>(ts, TS_PCR_TRACK_OFFSET))); // PCR_PID
  at = putU16(at, 0xf000); // program_info_length
  let end = pmt + PACKET_PAYLOAD_SIZE - CRC_SIZE;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    if ((tracks & (1 << track)) != 0) end -= STREAM_SIZE + tsDescriptorsSize(segmentConfig(seg, track));
  }
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    if ((tracks & (1 << track)) == 0) continue;
    const config = segmentConfig(seg, track);
    end += STREAM_SIZE + tsDescriptorsSize(config);
    at = putElementaryStream(at, config, track, end);
  }
  return endSection(pmt, at);
}
