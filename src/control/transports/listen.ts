// Opens a listening socket and tells where it really listens; port 0 = any free one.

import type { AddressInfo, Server } from "node:net";

export interface DoorAddress {
  readonly host: string;
  readonly port: number;
}

export function listen(server: Server, { host, port }: DoorAddress): Promise<DoorAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      // After this an error is one of accepting (no descriptors left): the door stays open.
      server.on("error", () => {});
      const { address, port: actual } = server.address() as AddressInfo;
      resolve({ host: address, port: actual });
    });
  });
}
