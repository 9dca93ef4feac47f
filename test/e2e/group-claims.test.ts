// Claims on three real servers of NATS: the race that `update` of server 2.9.10 loses (nats-io/nats-server#4320), run
// with creations, and the log as followers read it.

import { afterAll, beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { ClaimLog, type LoggedClaim } from "../../src/group/claim-log.js";
import { connectNats, type Nats } from "../../src/group/nats-connection.js";
import { GroupSubjects } from "../../src/group/subjects.js";
import { effort } from "../support/effort.js";
import { NatsCluster } from "../support/nats-cluster.js";
import { until } from "../support/until.js";

const WRITERS = 6;
const REPLICAS = 3;
const subjects = new GroupSubjects("race");

let cluster: NatsCluster;
const connections: Nats[] = [];
const logs: ClaimLog[] = [];

/** A leader of the stream may still be chosen. */
function open(nats: Nats, self: number): Promise<ClaimLog> {
  return until("the stream of claims is open", () =>
    ClaimLog.open(nats, subjects, { self, replicas: REPLICAS, logger: silentLogger }).catch(() => undefined),
  );
}

beforeAll(async () => {
  cluster = await NatsCluster.start();
  for (let writer = 1; writer <= WRITERS; writer++) {
    // Each at a server of its own, so that claims meet at the leader from all sides.
    const servers = [cluster.urls[writer % cluster.urls.length] as string];
    const nats = await connectNats({ name: "race", servers }, `writer ${writer}`);
    connections.push(nats);
    logs.push(await open(nats, writer));
  }
});

afterAll(async () => {
  for (const log of logs) log.close();
  for (const { connection } of connections) await connection.close();
  await cluster?.stop();
});

it("has exactly one winner of an epoch, whoever asks from wherever, and everybody reads the same", async () => {
  const read: LoggedClaim[][] = logs.map(() => []);
  logs.forEach((log, index) => {
    log.follow({ seen: (claim) => void read[index]?.push(claim), caughtUp: () => {} });
  });
  const rounds = effort(8, 50);
  const winners: number[] = [];
  for (let epoch = 1; epoch <= rounds; epoch++) {
    const pull = { configId: 1, localStreamName: "cam 1" };
    const outcomes = await Promise.all(logs.map((log) => log.ask(pull, epoch)));
    const won = outcomes.flatMap((outcome, index) => (outcome === "won" ? [index + 1] : []));
    expect(won, `epoch ${epoch}: ${outcomes.join(" ")}`).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "lost")).toHaveLength(WRITERS - 1);
    winners.push(won[0] as number);
    expect(await logs[epoch % WRITERS]?.readBack(pull)).toMatchObject({ epoch, node: won[0] });
  }
  // A reader that is late finds epochs purged, never the highest.
  await until("all have read the last", () => read.every((claims) => claims.at(-1)?.epoch === rounds));
  for (const claims of read) {
    const epochs = claims.map(({ epoch }) => epoch);
    expect(epochs).toEqual([...new Set(epochs)].toSorted((a, b) => a - b));
    for (const { epoch, node } of claims) expect(node).toBe(winners[epoch - 1]);
  }
});

it("never gives an epoch again, and tells a late reader the two highest", async () => {
  const pull = { configId: 2, localStreamName: "cam2" };
  const [log, other] = logs as [ClaimLog, ClaimLog];
  for (let epoch = 1; epoch <= 4; epoch++) expect(await log.ask(pull, epoch)).toBe("won");
  expect(await other.ask(pull, 4)).toBe("lost");
  await until("the first two are purged", async () => {
    const stream = await connections[0]?.manager.streams.info(subjects.claimStream, {
      subjects_filter: subjects.claimsOf(pull),
    });
    return Object.keys(stream?.state.subjects ?? {}).length === 2;
  });
  const late = await open(connections[1] as Nats, 7);
  logs.push(late);
  const read: LoggedClaim[] = [];
  let isCaughtUp = false;
  late.follow({
    seen: (claim) => void read.push(claim),
    caughtUp: () => {
      isCaughtUp = true;
    },
  });
  await until("the late reader has caught up", () => isCaughtUp);
  expect(read.filter(({ configId }) => configId === 2).map(({ epoch }) => epoch)).toEqual([3, 4]);
});

it("knows no answer where no majority is left, and goes on where it is back", async () => {
  const pull = { configId: 3, localStreamName: "cam3" };
  const [, survivor] = logs as [ClaimLog, ClaimLog];
  await cluster.kill(0);
  await cluster.kill(2);
  expect(await survivor.ask(pull, 1)).toBe("unknown");
  cluster.restart(0);
  cluster.restart(2);
  const outcome = await until("claims are answered again", async () => {
    const answered = await survivor.ask(pull, 2);
    return answered === "unknown" ? undefined : answered;
  });
  // A try that had no answer may have been stored all the same.
  expect(["won", "lost"]).toContain(outcome);
  expect(await survivor.readBack(pull)).toMatchObject({ configId: 3, epoch: 2, node: 2 });
});
