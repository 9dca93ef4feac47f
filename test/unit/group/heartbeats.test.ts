// Heartbeats through a real server of NATS that goes and comes back.

import { afterAll, beforeAll, expect, it } from "vitest";
import { type Logger, silentLogger } from "../../../src/base/logger.js";
import { MAX_NODE_NUMBER } from "../../../src/group/claimed-numbers.js";
import { Heartbeats, parseHeartbeat } from "../../../src/group/heartbeats.js";
import { DEAD_MS, type Heartbeat, Members } from "../../../src/group/members.js";
import { connectNats, type Nats } from "../../../src/group/nats-connection.js";
import { GroupSubjects } from "../../../src/group/subjects.js";
import { NatsCluster } from "../../support/nats-cluster.js";
import { until } from "../../support/until.js";

let server: NatsCluster;
let nats: Nats;
beforeAll(async () => {
  server = await NatsCluster.start(1);
  nats = await connectNats({ name: "test", servers: server.urls }, "test");
});
afterAll(async () => {
  await nats?.connection.close();
  await server?.stop();
});

it("looks after no pulls while it hears nobody, buries nobody for it, and ends its subscription", async () => {
  const own: Heartbeat = { node: 1, instance: "a", name: "n1", weight: 1, isDraining: false, isLast: false };
  let nowMs = 0;
  let turns = 0;
  let ticks = 0;
  let absences = 0;
  let isGone = false;
  const warn = (): void => {
    isGone = true;
  };
  const members = new (class extends Members {
    override tick(): boolean {
      turns++;
      return super.tick();
    }
  })(1, () => nowMs);
  const heartbeats = new Heartbeats({
    ...{ nats, members, subjects: new GroupSubjects("beats"), own: () => own },
    onTick: () => void ticks++,
    onAbsent: () => void absences++,
    onReconnect: () => {},
    logger: { ...silentLogger, warn } as Logger,
  });
  members.hear({ ...own, node: 2 });
  await until("it ticks", () => ticks > 0);
  nowMs = DEAD_MS - 1;
  await server.kill(0);
  await until("it is cut off", () => isGone);
  nowMs = DEAD_MS + 1;
  expect(members.isAlive(2)).toBe(true);
  const [turnsBefore, ticksBefore] = [turns, ticks];
  await until("its timer goes on", () => turns > turnsBefore + 2);
  expect(ticks).toBe(ticksBefore);
  server.restart(0);
  await until("it ticks again", () => ticks > ticksBefore);
  // Once for the clock that jumped, once for the connection.
  expect(absences).toBe(2);
  const other = nats.connection.subscribe("reel.beats.beat.*");
  await nats.connection.flush();
  heartbeats.close();
  await nats.connection.flush();
  members.hear({ ...own, node: 3, isLast: true });
  nats.connection.publish("reel.beats.beat.3", JSON.stringify({ ...own, node: 3 }));
  await nats.connection.flush();
  other.unsubscribe();
  expect(members.live().map(({ node }) => node)).not.toContain(3);
});

it("hears no node of a number that none can have", () => {
  const parse = (node: number): Heartbeat | undefined =>
    parseHeartbeat(Buffer.from(JSON.stringify({ node, instance: "i", name: "n", weight: 1 })));
  expect(parse(MAX_NODE_NUMBER)).toMatchObject({ node: MAX_NODE_NUMBER, isDraining: false, isLast: false });
  for (const node of [0, -1, 1.5, MAX_NODE_NUMBER + 1]) expect(parse(node)).toBeUndefined();
});
