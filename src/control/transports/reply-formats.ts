// How the TCP listeners and HTTP write a reply (ems-record-spec §1.4, §5).

import { renderHuman } from "../replies/human.js";
import { serializeReply } from "../replies/reply.js";
import type { ReplyFormat } from "./tcp-listener.js";

const TRAILER = "\r\n\r\n";
const PREFIX_SIZE = 4;

/**
 * JSON and CR LF CR LF, by default behind a big-endian count of both: published clients skip exactly four characters.
 */
export function jsonFormat(hasLengthPrefix: boolean): ReplyFormat {
  return (_command, reply) => {
    const body = Buffer.from(serializeReply(reply) + TRAILER);
    if (!hasLengthPrefix) return body;
    const framed = Buffer.allocUnsafe(PREFIX_SIZE + body.byteLength);
    framed.writeUInt32BE(body.byteLength, 0);
    body.copy(framed, PREFIX_SIZE);
    return framed;
  };
}

export const humanFormat: ReplyFormat = (command, reply) => Buffer.from(renderHuman(command ?? "", reply));

export const httpFormat: ReplyFormat = (_command, reply) => Buffer.from(serializeReply(reply) + TRAILER);
