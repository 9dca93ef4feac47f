// Opens a listening socket and returns the address it got; port 0 = any free one.

import type { AddressInfo, Server } from "node:net";

export interface ListenerAddress {
  readonly host: string;
  readonly port: number;
}

export function listen(server: Server, { host, port }: ListenerAddress): Promise<ListenerAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      // Later errors come from accepting (no descriptors left); the listener stays open.
      server.on("error", () => {});
      const { address, port: actual } = server.address() as AddressInfo;
      resolve({ host: address, port: actual });
    });
  });
}
