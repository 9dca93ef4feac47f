// One request to a server that says nothing: it ends, and the next may pass.

import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Pace } from "../../../src/upload/pace.js";
import { S3Sender } from "../../../src/upload/s3-request.js";
import { TEST_ACCOUNT } from "../../support/s3-server.js";

let server: Server;
const sockets = new Set<Socket>();
let sender: S3Sender;

beforeEach(async () => {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).resume();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const { region } = TEST_ACCOUNT;
  const bucket = { endpoint: `http://127.0.0.1:${port}`, bucket: "footage", region, isHostStyle: false };
  sender = new S3Sender(bucket, TEST_ACCOUNT, new Pace(0), 50);
});
afterEach(async () => {
  sender.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
});

it.each([
  ["HEAD", undefined],
  ["PUT", Buffer.alloc(1_000_000)],
] as const)("a %s without an answer is given up", async (method, body) => {
  const sent = sender.send({ method, key: "one", ...(body && { body }) });
  await expect(sent).rejects.toMatchObject({ status: 0, isPassing: true, message: "no byte for 50 ms" });
});
