// Who we are to the sources of a session: a number and a name that nobody else has. Two recorders of one camera that
// both were source 1 would be a collision to it (RFC 3550 §8.2).

import { randomBytes } from "node:crypto";

export interface ReceiverIdentity {
  readonly ssrc: number;
  /** RFC 7022 §4.2: random, so that it says nothing of the host. */
  readonly cname: string;
}

const CNAME_BYTES = 12;

export function newReceiverIdentity(): ReceiverIdentity {
  return { ssrc: randomBytes(4).readUInt32BE(0), cname: randomBytes(CNAME_BYTES).toString("base64") };
}
