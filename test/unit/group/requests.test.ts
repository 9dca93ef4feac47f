// What one node asks of another, through a real server of NATS.

import { afterAll, beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { connectNats, type Nats } from "../../../src/group/nats-connection.js";
import { Requests } from "../../../src/group/requests.js";
import { GroupSubjects } from "../../../src/group/subjects.js";
import { NatsCluster } from "../../support/nats-cluster.js";

const subjects = new GroupSubjects("test");
/** So short that only an answer that was begun outlives it. */
const DEADLINE_MS = 250;
const LONG_MS = 4 * DEADLINE_MS;

let server: NatsCluster;
let nats: Nats;
const nodes = new Map<number, Requests>();

beforeAll(async () => {
  server = await NatsCluster.start(1);
  nats = await connectNats({ name: "test", servers: server.urls }, "test");
  for (const self of [1, 2])
    nodes.set(self, new Requests({ nats, subjects, self, isConnected: () => true, logger: silentLogger }));
});
afterAll(async () => {
  await nats?.connection.close();
  await server?.stop();
});

const ask = (node: number): Promise<unknown> => (nodes.get(1) as Requests).ask(node, "route", { n: 7 }, DEADLINE_MS);

it("waits for an answer that was begun, and puts its parts together", async () => {
  // More than one part, also compressed.
  const text = Array.from({ length: 200_000 }, (_, index) => ((index * 2_654_435_761) >>> 0).toString(36)).join();
  nodes.get(2)?.serve("route", async (body, from) => {
    await new Promise((resolve) => setTimeout(resolve, LONG_MS));
    return { body, from, text };
  });
  expect(await ask(2)).toEqual({ body: { n: 7 }, from: 1, text });
});

it("waits no longer than its deadline for a node that has heard it and says nothing, nor at all where nobody is", async () => {
  let heard = 0;
  nats.connection.subscribe(subjects.request(3, "route"), { callback: () => void heard++ });
  expect(await ask(3)).toBeUndefined();
  expect(heard).toBe(1);
  expect(await ask(4)).toBeUndefined();
});
