// What is uploaded, in which order, and what may be deleted meanwhile: the catalogue, a thread and a server together.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { ReelError } from "../../../src/base/reel-error.js";
import type { SegmentReport } from "../../../src/catalog/segment-report.js";
import { systemClock } from "../../../src/time/units.js";
import { completeUploadSettings, type UploadSettings } from "../../../src/upload/upload-settings.js";
import { type UploadFailure, Uploads } from "../../../src/upload/uploads.js";
import { MIDNIGHT, MINUTE, Rig } from "../../support/catalog-rig.js";
import { S3Server, stopS3Servers, TEST_ACCOUNT } from "../../support/s3-server.js";
import { until } from "../../support/until.js";

const { accessKeyId, secretAccessKey, region } = TEST_ACCOUNT;
let rig: Rig;
let s3: S3Server;
let uploads: Uploads | undefined;
let uploaded: string[];
let failed: UploadFailure[];

async function start(settings: Partial<UploadSettings> = {}): Promise<Uploads> {
  const { catalog } = rig;
  uploads = await Uploads.start({
    catalog,
    whenCatalogued: () => catalog.whenComplete(),
    ...{ mediaFolders: [rig.media], stateFolder: rig.state, clock: systemClock, logger: silentLogger },
    settings: completeUploadSettings({
      endpoint: settings.endpoint ?? s3.endpoint,
      bucket: "footage",
      region,
      all: true,
      ...settings,
    }),
    env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    timing: { idleMs: 1000, retryMs: 1, pauseMs: 20, deleteMs: 20 },
  });
  uploads.on("uploaded", ({ path }) => uploaded.push(path));
  uploads.on("failed", (failure) => failed.push(failure));
  return uploads;
}

async function record(minute: number, stream = "cam1"): Promise<SegmentReport> {
  return rig.record(stream, MIDNIGHT + minute * MINUTE, MINUTE);
}

beforeEach(async () => {
  [uploaded, failed] = [[], []];
  rig = await new Rig().open();
  s3 = await S3Server.start();
});
afterEach(async () => {
  await uploads?.close();
  uploads = undefined;
  await stopS3Servers();
});

it("uploads the oldest end first, what closes later too, and tells it once", async () => {
  const [b, a] = [await record(2), await record(1)];
  await start({ concurrency: 1 });
  await until("both are uploaded", () => uploaded.length === 2);
  const c = await record(3);
  await until("the next one is uploaded", () => uploaded.length === 3);
  expect(uploaded).toEqual([a.path, b.path, c.path]);
  expect(await rig.segment(a.sequence)).toMatchObject({
    state: "uploaded",
    object: `s3://footage/${a.path.slice(rig.media.length + 1)}`,
  });
  await uploads?.close();
  await start();
  await until("the catalogue is read", () => uploads?.isComplete);
  expect(uploads?.pending()).toEqual([]);
});

it("says so after an index that was lost, and where the copy is", async () => {
  const one = await record(1);
  await start();
  await until("it is uploaded", () => uploaded.length === 1);
  await rig.catalog.markCopied(await rig.segment(one.sequence), "/second/copy.ts");
  await uploads?.close();
  await rig.close();
  rmSync(join(rig.state, "catalog"), { recursive: true });
  await rig.open();
  expect(await rig.segment(one.sequence)).toMatchObject({
    state: "uploaded",
    object: expect.stringMatching(/^s3:/),
    copy: "/second/copy.ts",
  });
});

it("takes no copy for a recording of its own after an index that was lost", async () => {
  const one = await record(1);
  const copy = one.path.replace(/[^/]+$/, "copy.ts");
  copyFileSync(one.path, copy);
  await rig.catalog.markCopied(await rig.segment(one.sequence), copy);
  await rig.close();
  rmSync(join(rig.state, "catalog"), { recursive: true });
  await rig.open();
  const { segments } = await rig.catalog.query();
  expect(segments.map(({ path }) => path)).toEqual([one.path]);
});

it("deletes the file behind the upload where none is kept here", async () => {
  const one = await record(1);
  const causes: string[] = [];
  rig.catalog.onDeleted(({ cause }) => causes.push(cause));
  await start({ keepLocal: false });
  await until("it is deleted", () => causes.length === 1);
  expect(causes).toEqual(["uploaded"]);
  expect(existsSync(one.path)).toBe(false);
  expect(s3.objects.size).toBe(1);
});

it("deletes the file that a crash left behind its upload", async () => {
  const one = await record(1);
  await rig.catalog.markUploaded(await rig.segment(one.sequence), "s3://footage/one");
  mkdirSync(join(rig.state, "uploads"));
  writeFileSync(join(rig.state, "uploads", `${one.sequence}.log`), "");
  const kept = await record(2);
  await rig.catalog.markUploaded(await rig.segment(kept.sequence), "s3://footage/kept");
  await start({ keepLocal: false });
  await until("its journal is gone", () => readdirSync(join(rig.state, "uploads")).length === 0);
  expect([existsSync(one.path), existsSync(kept.path)]).toEqual([false, true]);
  expect(s3.objects.size).toBe(0);
});

it("asks the server nothing about what a crash left behind a whole object", async () => {
  const names = ["kept", "deleted"];
  mkdirSync(join(rig.state, "uploads"));
  for (const [i, name] of names.entries()) {
    const { sequence, path } = await record(i + 1);
    await rig.catalog.markUploaded(await rig.segment(sequence), `s3://footage/${name}`);
    if (name === "deleted") await rig.catalog.delete(await rig.segment(sequence), "uploaded");
    const begin = { path, key: name, sizeBytes: 188, modifiedMs: 0, partBytes: 64 };
    writeFileSync(join(rig.state, "uploads", `${sequence}.log`), `${JSON.stringify({ begin })}\n{"uploadId":"u"}\n`);
  }
  const { endpoint } = s3;
  await stopS3Servers();
  await start({ endpoint });
  await until("their journals are gone", () => readdirSync(join(rig.state, "uploads")).length === 0);
});

it("finds the object again where the ledger could not take it", async () => {
  const one = await record(1);
  const { catalog } = rig;
  const mark = catalog.markUploaded.bind(catalog);
  const refusals = [new Error("no space left on device")];
  catalog.markUploaded = async (...given) => {
    const refusal = refusals.pop();
    if (refusal) throw refusal;
    return mark(...given);
  };
  await start();
  await until("it is uploaded", () => uploaded.length === 1);
  expect(failed).toMatchObject([{ reason: "no space left on device", tries: 1, nextTryMs: expect.any(Number) }]);
  expect(uploaded).toEqual([one.path]);
  expect([...s3.objects.values()].map(({ versions }) => versions)).toEqual([1]);
});

it("keeps what waits from rules, not from an operator, and forgets what he deletes", async () => {
  s3.options.fault = () => "503";
  const one = await record(1);
  const room = await start();
  await until("a try has failed", () => failed.length > 0);
  expect(failed[0]).toMatchObject({
    code: expect.stringMatching(/^(SlowDown|503)$/),
    tries: 1,
    nextTryMs: expect.any(Number),
  });
  expect(room.isNeeded(one.sequence)).toBe(true);
  const segment = await rig.segment(one.sequence);
  await until("no try is under way", () => !room.pending().some(({ isUnderWay }) => isUnderWay));
  await expect(rig.catalog.delete(segment, "age")).rejects.toMatchObject({ code: "held" });
  await until("it may go", () =>
    rig.catalog.delete(segment, "request").then(
      () => true,
      () => false,
    ),
  );
  expect(room.pending()).toEqual([]);
  expect(room.isNeeded(one.sequence)).toBe(false);
});

it("gives up a file that is gone, and uploads none that nobody asked for", async () => {
  const gone = await record(1);
  await start({ all: false });
  await until("the catalogue is read", () => uploads?.isComplete);
  expect(uploads?.pending()).toEqual([]);
  await uploads?.close();
  s3.options.fault = () => "503";
  await start();
  await until("a try has failed", () => failed.length > 0);
  rmSync(gone.path);
  delete s3.options.fault;
  uploads?.retryNow();
  await until("it is given up", () => failed.at(-1)?.nextTryMs === null);
  expect(failed.at(-1)).toMatchObject({ code: "notFound" });
  expect(uploads?.pending()).toEqual([]);
});

it("waits for a file whose volume is away, when it goes and when the server starts, and gives up one that is gone", async () => {
  const [one, gone] = [await record(1), await record(2)];
  const remount = rig.unmount();
  await start();
  await until("both were tried", () => new Set(failed.map(({ segment }) => segment.id)).size === 2);
  for (const failure of failed)
    expect(failure).toMatchObject({ reason: /^the volume of .* is not mounted$/, nextTryMs: expect.any(Number) });
  await uploads?.close();
  await rig.close();
  await rig.open();
  failed = [];
  await start();
  await until("both are tried again", () => new Set(failed.map(({ segment }) => segment.id)).size === 2);
  remount();
  rmSync(gone.path);
  await until(
    "one is uploaded, and of the other it is clear",
    () => uploaded.length === 1 && failed.some(({ nextTryMs }) => nextTryMs === null),
  );
  expect(uploaded).toEqual([one.path]);
  expect(failed.at(-1)).toMatchObject({ segment: { id: gone.sequence }, code: "notFound", nextTryMs: null });
  expect(uploads?.pending()).toEqual([]);
});

it("keeps the objects of earlier files whose names have come back", async () => {
  const first = await rig.record("cam1", MIDNIGHT, MINUTE, "cam1.ts");
  const gone: string[] = [];
  rig.catalog.onDeleted(({ path }) => gone.push(path));
  await start({ keepLocal: false });
  await until("it is deleted here", () => gone.length === 1);
  const object = s3.objects.get("cam1.ts");
  if (object) Object.assign(object, { bytes: Buffer.alloc(188, 1), etag: "1", sha256: "1" }); // the rig's are all alike
  const second = await rig.record("cam1", MIDNIGHT + MINUTE, MINUTE, "cam1.ts");
  await until("the second is deleted here", () => gone.length === 2);
  const segments = await Promise.all([first, second].map(({ sequence }) => rig.segment(sequence)));
  expect(segments.map((segment) => segment.object)).toEqual([
    "s3://footage/cam1.ts",
    expect.stringMatching(new RegExp(`^s3://footage/cam1\\.\\d{8}T\\d{6}Z-${second.sequence}\\.ts$`)),
  ]);
  expect(s3.objects.get("cam1.ts")).toMatchObject({ versions: 1 });
});

it("deletes a file that somebody held when its upload ended, once it is let go", async () => {
  const one = await record(1);
  let isHeld = true;
  rig.catalog.guard(() => (isHeld ? "it is held" : undefined));
  await start({ keepLocal: false });
  await until("it is uploaded", () => uploaded.length === 1);
  await until("its journal stays", () => readdirSync(join(rig.state, "uploads")).length === 1);
  expect(existsSync(one.path)).toBe(true);
  isHeld = false;
  await until("it is deleted", () => !existsSync(one.path));
  await until("its journal goes", () => readdirSync(join(rig.state, "uploads")).length === 0);
});

it("tries again to delete what could not be deleted for a moment", async () => {
  const one = await record(1);
  const { catalog } = rig;
  const remove = catalog.delete.bind(catalog);
  let refusals = 2;
  catalog.delete = async (...given) => {
    if (refusals-- > 0) throw new ReelError("targetBusy", "its name is about to be given");
    return remove(...given);
  };
  await start({ keepLocal: false });
  await until("it is deleted", () => !existsSync(one.path));
  await until("its journal goes", () => readdirSync(join(rig.state, "uploads")).length === 0);
});

it("goes on after what nobody has foreseen", async () => {
  const { path } = await record(1);
  const { catalog } = rig;
  const isAway = catalog.isAway.bind(catalog);
  let surprises = 1;
  catalog.isAway = async (segment) => {
    if (surprises-- > 0) throw new Error("a surprise");
    return isAway(segment);
  };
  s3.options.fault = () => "503";
  await start();
  await until("a try has failed", () => failed.length > 0);
  rmSync(path);
  uploads?.retryNow();
  await until("it is given up", () => failed.at(-1)?.nextTryMs === null);
  expect(failed.map(({ reason }) => reason)).toContain("a surprise");
});
