// mpegtsudp://address:port[?localaddr=…] — transport packets in UDP datagrams, unicast to an address of this host or
// multicast (any source, or the one that `ssmIp` names). A group is joined on the interface that `localaddr` names, by
// its name or one of its addresses (ffmpeg's word for it), else on the one that the routes choose. A socket cannot be
// made to wait: where the ring is full, the in-stream drops whole frames.

import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { ReelError } from "../../base/reel-error.js";
import type { SourceRequest } from "../source.js";
import { hostOf, isMulticast, requirePort } from "../source-uri.js";
import type { ByteConnection, ByteTransport, TransportEvents } from "./byte-transport.js";

/** Asked for; the system gives what net.core.rmem_max allows. At 20 Mb/s the usual 208 KiB last 80 ms, these 1.6 s. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export class UdpTransport implements ByteTransport {
  readonly schemes = ["mpegtsudp", "dmpegtsudp"];

  sourceType(): string {
    return "INTS";
  }

  check(uri: URL, ssmIp: string): void {
    requirePort(uri);
    if (isIP(hostOf(uri)) === 0 && hostOf(uri) !== "localhost")
      throw new ReelError(
        "badArgument",
        `${uri.protocol}// takes the address to receive at, or a multicast group, not a name`,
      );
    checkSender(hostOf(uri), ssmIp);
    interfaceOf(uri);
  }

  open(request: SourceRequest, uri: URL, events: TransportEvents): ByteConnection {
    const host = hostOf(uri) === "localhost" ? "127.0.0.1" : hostOf(uri);
    const port = requirePort(uri);
    const isGroup = isMulticast(host);
    const family = isIP(host);
    const { ssmIp } = request;
    checkSender(host, ssmIp);
    const local = interfaceOf(uri);
    const socket = createSocket({ type: family === 6 ? "udp6" : "udp4", reuseAddr: isGroup });
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
    // A group of link-local scope is one of each link.
    const address = isGroup && family === 6 && local ? `${host}%${local.name}` : host;
    socket.bind({ address, port, exclusive: !isGroup }, () => {
      try {
        if (isGroup) join(socket, host, ssmIp, local && (family === 6 ? `::%${local.name}` : local.ipv4));
        enlargeBuffer(socket);
      } catch (error) {
        close(error instanceof Error ? error.message : String(error));
        return;
      }
      events.onConnected({ ip: host, port, nearIp: host, nearPort: port, farIp: ssmIp, reader: "mpegts, over UDP" });
    });
    return { flow: undefined, close: () => close("closed") };
  }

  async close(): Promise<void> {}
}

function checkSender(host: string, ssmIp: string): void {
  if (ssmIp === "" || (isMulticast(host) && isIP(ssmIp) === isIP(host))) return;
  throw new ReelError(
    "badArgument",
    "ssmIp is the address of a group's sender: it goes with a multicast group of the same family",
  );
}

function join(socket: Socket, group: string, ssmIp: string, local: string | undefined): void {
  if (ssmIp === "") socket.addMembership(group, local);
  else socket.addSourceSpecificMembership(ssmIp, group, local);
}

interface LocalInterface {
  name: string;
  ipv4: string | undefined;
}

/** The interface that `localaddr` names. Throws ReelError `badArgument` where there is none. */
function interfaceOf(uri: URL): LocalInterface | undefined {
  const wanted = uri.searchParams.get("localaddr");
  if (wanted === null) return undefined;
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (name !== wanted && !addresses.some(({ address }) => address === wanted)) continue;
    const ipv4 = isIP(wanted) === 4 ? wanted : addresses.find(({ family }) => family === "IPv4")?.address;
    return { name, ipv4 };
  }
  throw new ReelError("badArgument", `localaddr=${wanted} is no network interface of this host, nor an address of one`);
}

function enlargeBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // What the system gives by default has to do.
  }
}
