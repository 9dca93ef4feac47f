// One node of a group, on a real server of NATS: which ids it gives, and what the others hear when it drains and goes.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { Group } from "../../../src/group/group.js";
import type { GroupPull } from "../../../src/group/group-pulls.js";
import type { Heartbeat } from "../../../src/group/members.js";
import { connectNats, type Nats } from "../../../src/group/nats-connection.js";
import { JsonConfigStore } from "../../../src/recording/json-config-store.js";
import { systemClock } from "../../../src/time/units.js";
import { NatsCluster } from "../../support/nats-cluster.js";
import { until } from "../../support/until.js";

let cluster: NatsCluster;
let nats: Nats;
let folder: string;

beforeAll(async () => {
  cluster = await NatsCluster.start(1);
  nats = await connectNats({ name: "test", servers: cluster.urls }, "observer");
  folder = await mkdtemp(join(tmpdir(), "reel-group-"));
});

afterAll(async () => {
  await nats?.connection.close();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A node, and the configs that its recorder has. */
async function joined(name: string, ids: readonly number[]): Promise<Group> {
  const stateFolder = join(folder, name);
  const settings = { name, node: "a", servers: cluster.urls, replicas: 1 };
  const group = await Group.join(settings, { stateFolder, clock: systemClock, logger: silentLogger });
  const store = await JsonConfigStore.open(join(stateFolder, "own"), silentLogger);
  await store.put(
    "record",
    ids.map((configId) => ({ configId })),
    "absent",
  );
  const runner = { checkUri: () => undefined, start: () => {}, stop: () => {} };
  const load = () => ({ cpuFree: 1, diskFree: 1, bitRateFree: 1 });
  group.createPulls<GroupPull, never>(runner, () => "none", load);
  const section = {
    ...{ name: "record", isShared: () => true, adopt: () => {}, remove: () => {}, ids: () => ids },
    idOf: (config: object) => (config as { configId: number }).configId,
  };
  const live = () => ({ published: [], pulled: [] });
  group.start({ store, sections: [section], onMoved: () => {}, live, onConflict: () => {} });
  return group;
}

it("gives no id that a config of before it joined has, and none twice", async () => {
  const group = await joined("ids", [1, 2, 4]);
  const given = Array.from({ length: 4 }, () => group.nextConfigId());
  expect(given).toEqual([3, 5, 6, 7]);
  await group.close();
  const again = await joined("ids2", []);
  expect(again.nextConfigId()).toBe(1);
  await again.close();
});

it("tells the others at once that it drains, that it does not, that it leaves, and at last that it is gone", async () => {
  const beats: string[] = [];
  nats.connection.subscribe("reel.goes.beat.*", {
    callback: (_error, message) => {
      const { isDraining, isLast } = message.json<Heartbeat>();
      const beat = `${isLast ? "gone" : isDraining ? "drains" : "takes"}`;
      if (beats.at(-1) !== beat) beats.push(beat);
    },
  });
  await nats.connection.flush();
  const group = await joined("goes", []);
  await until("it is heard", () => beats.length === 1);
  await until("there was nothing to give away", () => group.drain().isDone);
  await until("it drains", () => beats.length === 2);
  group.undrain();
  await until("it takes again", () => beats.length === 3);
  group.leave();
  await until("it leaves", () => beats.length === 4);
  group.goodbye();
  // Its last files are told after its pulls are others': the connection is there until the end.
  expect(await group.publish("recordChunkClosed", "{}", 1)).toBe(true);
  await group.close();
  await nats.connection.flush();
  expect(beats).toEqual(["takes", "drains", "takes", "drains", "gone"]);
  const { state } = await nats.manager.streams.info("REEL_goes_events");
  expect(state.messages).toBe(1);
});
