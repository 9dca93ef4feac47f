// AC-3 and E-AC-3 in MPEG-TS, ATSC A/52 annex A: private streams whose type is a user's, so that a registration says
// whose.

import { putU32, putU8 } from "../../io/bytes";

export const REGISTRATION_SIZE: u32 = 6;
export const AC3_REGISTRATION: u32 = 0x41432d33;
export const EAC3_REGISTRATION: u32 = 0x45414333;
const REGISTRATION_DESCRIPTOR: u32 = 5;

export function putRegistration(at: usize, formatIdentifier: u32): usize {
  at = putU8(at, REGISTRATION_DESCRIPTOR); // descriptor_tag
  at = putU8(at, 4); // descriptor_length
  return putU32(at, formatIdentifier); // format_identifier
}
