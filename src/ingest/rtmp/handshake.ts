// The RTMP handshake, Adobe RTMP 1.0 §5.2, and the signed form of it that Flash Media Server introduced and some
// encoders still ask for.
//
//   client: C0 C1 ──▶        C1: time u32 | version u32 | 1528 bytes. Version 0 = plain; else a digest hides in the
//   ◀── S0 S1 S2: server     bytes, at a place that four of them name. Two layouts are in use; the one whose digest
//   client: C2 ──▶           verifies is answered in kind. A signed C1 that verifies in neither layout gets the plain
//                            answer, as clients that do not check it expect.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { badInput } from "../../base/reel-error.js";

export const RTMP_VERSION = 3;
export const HANDSHAKE_SIZE = 1536;

const DIGEST_SIZE = 32;
const SERVER_VERSION = Buffer.from([4, 5, 0, 1]);
/** Ends both keys of the signed handshake. */
const KEY_TAIL = Buffer.from("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae", "hex");
const CLIENT_KEY = Buffer.from("Genuine Adobe Flash Player 001");
const SERVER_KEY = Buffer.from("Genuine Adobe Flash Media Server 001");
const SERVER_KEY_FULL = Buffer.concat([SERVER_KEY, KEY_TAIL]);
/** Where the four bytes lie whose sum places the digest: in the first or in the second half of the packet. */
const DIGEST_POINTER_OFFSETS = [8, 772] as const;
/** Room that a half leaves for the digest: 764 - 4 - 32. */
const DIGEST_RANGE = 728;

function hmac(key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

function digestOffset(packet: Uint8Array, pointerOffset: number): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += packet[pointerOffset + i] ?? 0;
  return pointerOffset + 4 + (sum % DIGEST_RANGE);
}

/** The digest of a packet: signed is everything but the digest itself. */
function computeDigest(packet: Uint8Array, offset: number, key: Uint8Array): Buffer {
  return hmac(key, packet.subarray(0, offset), packet.subarray(offset + DIGEST_SIZE, HANDSHAKE_SIZE));
}

/** S0, S1 and S2 for a client's C1. */
export function answerHandshake(c1: Uint8Array, nowMs: number): Buffer {
  if (c1.byteLength !== HANDSHAKE_SIZE) badInput(`C1 has ${c1.byteLength} bytes`);
  const answer = Buffer.alloc(1 + 2 * HANDSHAKE_SIZE);
  answer[0] = RTMP_VERSION;
  const s1 = answer.subarray(1, 1 + HANDSHAKE_SIZE);
  const s2 = answer.subarray(1 + HANDSHAKE_SIZE);
  randomBytes(HANDSHAKE_SIZE - 8).copy(s1, 8);
  s1.writeUInt32BE(Math.floor(nowMs) % 4294967296, 0);
  const isSigned = c1.subarray(4, 8).some((byte) => byte !== 0);
  for (const pointerOffset of isSigned ? DIGEST_POINTER_OFFSETS : []) {
    const at = digestOffset(c1, pointerOffset);
    const shown = c1.subarray(at, at + DIGEST_SIZE);
    if (!timingSafeEqual(shown, computeDigest(c1, at, CLIENT_KEY))) continue;
    SERVER_VERSION.copy(s1, 4);
    const own = digestOffset(s1, pointerOffset);
    computeDigest(s1, own, SERVER_KEY).copy(s1, own);
    randomBytes(HANDSHAKE_SIZE - DIGEST_SIZE).copy(s2);
    hmac(hmac(SERVER_KEY_FULL, shown), s2.subarray(0, HANDSHAKE_SIZE - DIGEST_SIZE)).copy(
      s2,
      HANDSHAKE_SIZE - DIGEST_SIZE,
    );
    return answer;
  }
  s2.set(c1);
  return answer;
}

/** C0 and C1 of a plain handshake. */
export function beginHandshake(nowMs: number): Buffer {
  const packet = Buffer.alloc(1 + HANDSHAKE_SIZE);
  packet[0] = RTMP_VERSION;
  packet.writeUInt32BE(Math.floor(nowMs) % 4294967296, 1);
  randomBytes(HANDSHAKE_SIZE - 8).copy(packet, 9);
  return packet;
}
