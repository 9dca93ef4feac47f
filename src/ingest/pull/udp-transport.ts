// mpegtsudp://address:port — transport packets in UDP datagrams, unicast to an address of this host or multicast (any source, or the one that
// `ssmIp` names). A socket cannot be made to wait: where the ring is full, the in-stream drops whole frames.

import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { ReelError } from "../../arena/reel-error.js";
import type { PullConnection, PullRequest, PullTransport, TransportEvents } from "./pull-transport.js";
import { hostOf, requirePort } from "./pull-uri.js";

/** Asked for; the system gives what net.core.rmem_max allows. At 20 Mb/s the usual 208 KiB last 80 ms, these 1.6 s. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export class UdpTransport implements PullTransport {
  readonly schemes = ["mpegtsudp", "dmpegtsudp"];

  sourceType(): string {
    return "INTS";
  }

  check(uri: URL): void {
    requirePort(uri);
    if (isIP(hostOf(uri)) === 0 && hostOf(uri) !== "localhost")
      throw new ReelError("badArgument", `${uri.protocol}// takes the address to receive at, or a multicast group, not a name`);
  }

  open(request: PullRequest, uri: URL, events: TransportEvents): PullConnection {
    const host = hostOf(uri) === "localhost" ? "127.0.0.1" : hostOf(uri);
    const port = requirePort(uri);
    const isGroup = isMulticast(host);
    const socket = createSocket({ type: isIP(host) === 6 ? "udp6" : "udp4", reuseAddr: isGroup });
    let isClosed = false;
    const close = (reason: string): void => {
      if (isClosed) return;
      isClosed = true;
      socket.close(() => events.onClosed(reason));
    };
    socket.on("error", (error) => close(error.message));
    socket.on("message", (datagram) => {
      if (!isClosed) events.onBytes(datagram);
    });
    // Bound to the group, the socket gets that group's datagrams only, and not those of every group on the port.
    socket.bind({ address: host, port, exclusive: !isGroup }, () => {
      try {
        if (isGroup) join(socket, host, request.ssmIp);
        enlargeBuffer(socket);
      } catch (error) {
        close(error instanceof Error ? error.message : String(error));
        return;
      }
      events.onConnected({ ip: host, port, nearIp: host, nearPort: port, farIp: request.ssmIp });
    });
    return { flow: undefined, close: () => close("closed") };
  }

  async close(): Promise<void> {}
}

function join(socket: Socket, group: string, ssmIp: string): void {
  if (ssmIp === "") socket.addMembership(group);
  else socket.addSourceSpecificMembership(ssmIp, group);
}

function enlargeBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // What the system gives by default has to do.
  }
}

/** RFC 5771: 224.0.0.0/4. RFC 4291 §2.7: ff00::/8. */
function isMulticast(address: string): boolean {
  if (isIP(address) === 6) return /^ff/i.test(address);
  const first = Number(address.split(".")[0]);
  return first >= 224 && first <= 239;
}
