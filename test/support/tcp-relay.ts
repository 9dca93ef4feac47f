// A TCP relay that can be cut and be slow, as a network between two hosts is. Cut, it stays silent: nothing is closed
// and nothing is refused. What was under way then is lost, so its connections end when it is whole again.

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class TcpRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  /** Each way. */
  delayMs = 0;

  private constructor(toPort: number) {
    this.#server = createServer((socket) => this.#accept(socket, toPort));
  }

  static async open(toPort: number): Promise<TcpRelay> {
    const relay = new TcpRelay(toPort);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket, toPort: number): void {
    this.#keep(socket);
    if (this.#isCut) return;
    const to = connect(toPort, "127.0.0.1");
    this.#keep(to);
    this.#forward(socket, to);
    this.#forward(to, socket);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }

  #forward(from: Socket, to: Socket): void {
    const later = (act: () => void): void => {
      if (this.#isCut) return;
      if (this.delayMs > 0) setTimeout(act, this.delayMs);
      else act();
    };
    from.on("data", (bytes) => later(() => void to.write(bytes)));
    from.on("close", () => later(() => void to.destroy()));
  }
}
