// One file to the tests' own S3: what is lost between the server and the journal is found again, and what is not the
// file is noticed.

import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { partSize } from "../../../src/upload/file-parts.js";
import { Pace } from "../../../src/upload/pace.js";
import { PartBuffers } from "../../../src/upload/part-buffers.js";
import { S3Objects } from "../../../src/upload/s3-objects.js";
import { S3Sender } from "../../../src/upload/s3-request.js";
import { FileSender, type UploadedFile } from "../../../src/upload/upload-file.js";
import { mulberry32 } from "../../support/random.js";
import { type Fault, S3Server, type S3ServerOptions, stopS3Servers, TEST_ACCOUNT } from "../../support/s3-server.js";
import { scratch } from "../../support/scratch.js";

const PART = 64 * 1024;
const CONCURRENCY = 3;
const KEY = "a folder/cam+1 (é)/part_0001.ts";
const OTHER_KEY = "a folder/cam+1 (é)/part_0001.7.ts";
const { path } = scratch();
const file = path("part_0001.ts");
const journalPath = path("7.log");
let server: S3Server;
let senders: S3Sender[] = [];

beforeEach(() => {
  senders = [];
  rmSync(journalPath, { force: true });
  mkdirSync(path("."), { recursive: true });
});
afterEach(async () => {
  for (const sender of senders) sender.close();
  await stopS3Servers();
});

function writeBytes(bytes: number): Buffer {
  const random = mulberry32(bytes);
  const content = Buffer.from(Array.from({ length: bytes }, () => random() * 256));
  writeFileSync(file, content);
  return content;
}

interface Sending {
  sizeBytes: number;
  partBytes?: number;
  place?: string;
  secretAccessKey?: string;
  keepsChecksums?: boolean;
}

function send({
  sizeBytes,
  partBytes = PART,
  place = "one",
  secretAccessKey = TEST_ACCOUNT.secretAccessKey,
  keepsChecksums = true,
}: Sending): Promise<UploadedFile> {
  const { accessKeyId, region } = TEST_ACCOUNT;
  const bucket = { endpoint: server.endpoint, bucket: "footage", region, isHostStyle: false };
  const sender = new S3Sender(bucket, { accessKeyId, secretAccessKey }, new Pace(0), 1000);
  senders.push(sender);
  const objects = new S3Objects(sender, keepsChecksums);
  const tools = {
    objects,
    place,
    buffers: new PartBuffers(CONCURRENCY),
    partBytes,
    concurrency: CONCURRENCY,
    retryMs: 1,
  };
  return new FileSender({ path: file, key: KEY, otherKey: OTHER_KEY, sizeBytes, journalPath }, tools).send();
}

async function start(options: S3ServerOptions = {}): Promise<void> {
  server = await S3Server.start({ minPartBytes: PART, pageParts: 2, ...options });
}

/** The faults of the first requests that match. */
function once(...faults: [pattern: RegExp, fault: Fault][]): NonNullable<S3ServerOptions["fault"]> {
  return ({ method, url }) => {
    const at = faults.findIndex(([pattern]) => pattern.test(`${method} ${url}`));
    return at < 0 ? undefined : faults.splice(at, 1)[0]?.[1];
  };
}

const PART_3 = /^PUT .*partNumber=3/;
const COMPLETE = /^POST .*uploadId=/;

describe("a file that is sent", () => {
  it.each([1, PART - 1, PART, PART + 1, 7 * PART + 5])("is an object byte for byte: %i bytes", async (bytes) => {
    await start();
    const content = writeBytes(bytes);
    expect(await send({ sizeBytes: bytes })).toMatchObject({ sentBytes: bytes });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.uploads.size).toBe(0);
    expect(server.refusals.filter((refusal) => refusal !== "HEAD 404 NoSuchKey")).toEqual([]);
  });

  it("takes no more memory than its buffers, however many parts it has", async () => {
    await start();
    writeBytes(20 * PART);
    await send({ sizeBytes: 20 * PART });
    expect(server.mostBodyBytes).toBeLessThanOrEqual(CONCURRENCY * PART);
  });

  it("is sent by a server that knows neither lists nor checksums", async () => {
    await start({ isPoor: true, fault: once([PART_3, "cutBefore"]) });
    const content = writeBytes(5 * PART);
    await send({ sizeBytes: 5 * PART, keepsChecksums: false });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("an upload that was cut off", () => {
  /** All tries of a request fail, so the upload ends there. */
  async function sendHalf(bytes: number): Promise<Buffer> {
    await start({ fault: ({ method, url }) => (PART_3.test(`${method} ${url}`) ? "cutBefore" : undefined) });
    const content = writeBytes(bytes);
    await expect(send({ sizeBytes: bytes })).rejects.toThrow();
    expect(server.uploads.size).toBe(1);
    delete server.options.fault;
    server.counts.clear();
    return content;
  }

  it("is kept while the server cannot complete it for a while", async () => {
    await start({ fault: ({ method, url }) => (COMPLETE.test(`${method} ${url}`) ? "500" : undefined) });
    writeBytes(4 * PART);
    for (let tries = 0; tries < 3; tries++)
      await expect(send({ sizeBytes: 4 * PART })).rejects.toMatchObject({ status: 500 });
    expect(server.counts.get("PUT part")).toBe(4);
    delete server.options.fault;
    expect(await send({ sizeBytes: 4 * PART })).toMatchObject({ sentBytes: 0 });
  });

  it.each([
    [true, false],
    [false, false],
    [false, true],
  ])("begins anew where checksums are wanted by now, or no longer: %s (MinIO: %s)", async (keepsChecksums, isMinio) => {
    await start({ isMinio, fault: ({ method, url }) => (PART_3.test(`${method} ${url}`) ? "cutBefore" : undefined) });
    const content = writeBytes(4 * PART);
    await expect(send({ sizeBytes: 4 * PART, keepsChecksums: !keepsChecksums })).rejects.toThrow();
    delete server.options.fault;
    await send({ sizeBytes: 4 * PART, keepsChecksums });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.uploads.size).toBe(0);
  });

  it("goes on with the parts that its journal names", async () => {
    const content = await sendHalf(6 * PART);
    const have = [...server.uploads.values()][0]?.parts.size ?? 0;
    expect(have).toBeGreaterThan(0);
    await send({ sizeBytes: 6 * PART });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.counts.get("PUT part")).toBe(6 - have);
    expect(server.counts.get("POST uploads")).toBeUndefined();
  });

  it.each([true, false])("asks the server where its journal is lost (whole: %s)", async (isWhole) => {
    const content = await sendHalf(6 * PART);
    const have = [...server.uploads.values()][0]?.parts.size ?? 0;
    if (isWhole) rmSync(journalPath);
    else {
      const text = readFileSync(journalPath, "utf8");
      truncateSync(journalPath, text.indexOf("uploadId")); // a line that a power cut tore
    }
    await send({ sizeBytes: 6 * PART });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.counts.get("PUT part")).toBe(6 - have);
    expect(server.uploads.size).toBe(0);
  });

  it("does not take over parts of another file of that name", async () => {
    await sendHalf(6 * PART);
    rmSync(journalPath);
    const other = Buffer.alloc(6 * PART, 7);
    writeFileSync(file, other);
    await send({ sizeBytes: other.byteLength });
    expect(server.objects.get(KEY)?.bytes.equals(other)).toBe(true);
  });

  it("begins anew where the file is another one, and aborts what was sent", async () => {
    await sendHalf(6 * PART);
    const content = writeBytes(4 * PART);
    await send({ sizeBytes: 4 * PART });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.uploads.size).toBe(0);
  });

  it("begins anew where the server has forgotten it", async () => {
    await start({ fault: once([PART_3, "expire"]) });
    const content = writeBytes(5 * PART);
    await send({ sizeBytes: 5 * PART });
    expect(server.refusals).toContain("PUT 404 NoSuchUpload");
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("an answer that is lost", () => {
  it.each([
    ["of the only part", PART, /^PUT /],
    ["of a completion", 4 * PART, COMPLETE],
    ["of the beginning", 4 * PART, /^POST .*uploads=/],
  ])("%s makes no second object", async (_what, bytes, pattern) => {
    await start({ fault: once([pattern, "cutAfter"]) });
    const content = writeBytes(bytes);
    await send({ sizeBytes: bytes });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.uploads.size).toBe(0);
  });

  it("may be that of the completion before a crash", async () => {
    await start();
    const content = writeBytes(4 * PART);
    await send({ sizeBytes: 4 * PART }); // the journal stays until the ledger has it
    expect(existsSync(journalPath)).toBe(true);
    server.counts.clear();
    expect(await send({ sizeBytes: 4 * PART })).toMatchObject({ sentBytes: 0 });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("a server that fails where an upload is completed again", () => {
  const odd = { isPoor: true, isOdd: true };

  it("is asked for the object first, when the answer was lost", async () => {
    await start({ ...odd, fault: once([COMPLETE, "cutAfter"]) });
    const content = writeBytes(4 * PART + 1);
    await send({ sizeBytes: 4 * PART + 1, keepsChecksums: false });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.refusals).not.toContain("POST 500 InternalError");
  });

  it("is asked for it after a crash, too", async () => {
    await start(odd);
    writeBytes(4 * PART);
    await send({ sizeBytes: 4 * PART, keepsChecksums: false });
    expect(await send({ sizeBytes: 4 * PART, keepsChecksums: false })).toMatchObject({ sentBytes: 0 });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
  });

  it("begins anew where it has forgotten the upload and says so with 500", async () => {
    await start({ ...odd, fault: once([COMPLETE, "expire"]) });
    const content = writeBytes(4 * PART);
    await send({ sizeBytes: 4 * PART, keepsChecksums: false });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("a name that is taken", () => {
  const store = (key: string, bytes: Buffer, etag = "0".repeat(32)): unknown =>
    server.objects.set(key, { bytes, etag, sha256: undefined, versions: 1 });

  it.each([PART, 4 * PART])("by another object is left to it: %i bytes", async (bytes) => {
    await start();
    store(KEY, Buffer.alloc(bytes));
    const content = writeBytes(bytes);
    expect(await send({ sizeBytes: bytes })).toMatchObject({ key: OTHER_KEY });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1, bytes: Buffer.alloc(bytes) });
    expect(server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    // A try behind a crash finds it there.
    expect(await send({ sizeBytes: bytes })).toMatchObject({ key: OTHER_KEY, sentBytes: 0 });
  });

  it.each([PART, 4 * PART])(
    "by the file itself is not sent again, though the journal is lost: %i bytes",
    async (bytes) => {
      await start();
      writeBytes(bytes);
      await send({ sizeBytes: bytes });
      rmSync(journalPath);
      expect(await send({ sizeBytes: bytes })).toEqual({ key: KEY, sentBytes: 0 });
      expect(existsSync(journalPath), "it stays until the ledger has it").toBe(true);
      expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    },
  );

  it("since the upload was begun is left to the other as well, and the upload is aborted", async () => {
    await start({ fault: ({ method, url }) => (PART_3.test(`${method} ${url}`) ? "cutBefore" : undefined) });
    const content = writeBytes(4 * PART);
    await expect(send({ sizeBytes: 4 * PART })).rejects.toThrow();
    delete server.options.fault;
    store(KEY, Buffer.alloc(4 * PART));
    expect(await send({ sizeBytes: 4 * PART })).toMatchObject({ key: OTHER_KEY });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    expect(server.uploads.size).toBe(0);
  });

  it("goes on with the name that nobody else has, though an answer is lost and ETags say nothing", async () => {
    await start({ isOpaque: true, fault: once([/^PUT /, "cutAfter"]) });
    store(KEY, Buffer.alloc(PART));
    const content = writeBytes(PART);
    expect(await send({ sizeBytes: PART, keepsChecksums: false })).toMatchObject({ key: OTHER_KEY });
    expect(server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
  });

  it("while its parts go out is left to the other as well", async () => {
    await start();
    server.options.fault = ({ method, url }) => {
      if (PART_3.test(`${method} ${url}`)) store(KEY, Buffer.alloc(4 * PART));
      return undefined;
    };
    const content = writeBytes(4 * PART);
    expect(await send({ sizeBytes: 4 * PART })).toMatchObject({ key: OTHER_KEY });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    expect(server.uploads.size).toBe(0);
  });

  it.each([PART, 4 * PART])("and may not be seen at first is left to the other: %i bytes", async (bytes) => {
    await start({
      fault: ({ method }) => (method === "HEAD" && looks++ < (bytes === PART ? 1 : 2) ? "403" : undefined),
    });
    let looks = 0;
    store(KEY, Buffer.alloc(bytes));
    writeBytes(bytes);
    expect(await send({ sizeBytes: bytes })).toMatchObject({ key: OTHER_KEY });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
  });

  it("is unknown where the bucket may not be listed: it is sent, and tried again", async () => {
    let puts = 0;
    await start({
      mayNotList: true,
      fault: ({ method }) => (method === "PUT" && puts++ < 4 ? "503" : undefined),
    });
    const content = writeBytes(PART);
    await expect(send({ sizeBytes: PART })).rejects.toMatchObject({ status: 503 });
    await send({ sizeBytes: PART });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("an object of our own", () => {
  it.each([PART, 4 * PART])("that may not be looked at is not sent again: %i bytes", async (bytes) => {
    await start({ fault: ({ method }) => (method === "HEAD" ? "403" : undefined) });
    writeBytes(bytes);
    for (let tries = 0; tries < 3; tries++)
      await expect(send({ sizeBytes: bytes })).rejects.toMatchObject({ status: 403, message: /s3:GetObject/ });
    expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    delete server.options.fault;
    expect(await send({ sizeBytes: bytes })).toEqual({ key: KEY, sentBytes: 0 });
  });

  it.each([PART, 4 * PART])(
    "is known by the ETag that was said where there is no other mark: %i bytes",
    async (bytes) => {
      await start({ isOpaque: true });
      writeBytes(bytes);
      for (let tries = 0; tries < 3; tries++)
        expect(await send({ sizeBytes: bytes, keepsChecksums: false })).toMatchObject({ key: KEY });
      expect(server.objects.get(KEY)).toMatchObject({ versions: 1 });
    },
  );

  it("in another bucket says nothing of this one", async () => {
    await start({ mayNotList: true });
    const content = writeBytes(PART);
    await send({ sizeBytes: PART });
    server.objects.clear();
    await expect(send({ sizeBytes: PART })).rejects.toMatchObject({ status: 403, message: /s3:ListBucket/ });
    await send({ sizeBytes: PART, place: "another" });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });

  it("is known also where parts are to have another size by now", async () => {
    await start();
    writeBytes(4 * PART);
    await send({ sizeBytes: 4 * PART });
    expect(await send({ sizeBytes: 4 * PART, partBytes: 2 * PART })).toEqual({ key: KEY, sentBytes: 0 });
  });

  it.each([PART, 4 * PART])("that arrived otherwise is sent once more, by its name: %i bytes", async (bytes) => {
    await start();
    const content = writeBytes(bytes);
    let isBroken = false;
    server.options.fault = ({ method }) => {
      const stored = server.objects.get(KEY);
      if (method === "HEAD" && stored && !isBroken) {
        isBroken = true;
        stored.sha256 = "another";
      }
      return undefined;
    };
    if (bytes > PART) await expect(send({ sizeBytes: bytes })).rejects.toMatchObject({ code: "notVerified" });
    expect(await send({ sizeBytes: bytes })).toMatchObject({ key: KEY });
    expect(server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(server.objects.size).toBe(1);
  });
});

describe("what is refused", () => {
  it("is a file of another size than the catalogue's, one that is gone, and a wrong secret", async () => {
    await start();
    writeBytes(PART);
    await expect(send({ sizeBytes: PART + 1 })).rejects.toMatchObject({ code: "lostFile" });
    await expect(send({ sizeBytes: PART, secretAccessKey: "wrong" })).rejects.toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
    });
    rmSync(file);
    await expect(send({ sizeBytes: PART })).rejects.toMatchObject({ code: "notFound" });
  });

  it.each([PART, 4 * PART])("is an object that the server has otherwise than it was sent: %i bytes", async (bytes) => {
    await start();
    writeBytes(bytes);
    server.options.fault = ({ method }) => {
      const stored = server.objects.get(KEY);
      if (method === "HEAD" && stored) stored.sha256 = "another";
      return undefined;
    };
    await expect(send({ sizeBytes: bytes })).rejects.toMatchObject({ code: "notVerified" });
  });
});

it("makes parts larger where there would be more than ten thousand", () => {
  const MIB = 1024 * 1024;
  expect(partSize(80_000 * MIB, 8 * MIB)).toBe(8 * MIB);
  expect(partSize(80_001 * MIB, 8 * MIB)).toBe(9 * MIB);
});
