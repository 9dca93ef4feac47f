// What a receiver sends before it has received anything: an empty packet and an empty report (RFC 3550 §5.1, §6.4.2),
// which open the way back through a NAT or a firewall.

const VERSION_2 = 0x80;
const RECEIVER_REPORT = 201;
/** Of the dynamic ones; a server looks at none of it. */
const PAYLOAD_TYPE = 96;

export function emptyReport(ssrc: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = VERSION_2;
  bytes[1] = RECEIVER_REPORT;
  bytes.writeUInt16BE(1, 2);
  bytes.writeUInt32BE(ssrc, 4);
  return bytes;
}

export function emptyPacket(ssrc: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes[0] = VERSION_2;
  bytes[1] = PAYLOAD_TYPE;
  bytes.writeUInt32BE(ssrc, 8);
  return bytes;
}
