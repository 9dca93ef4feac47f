// One file to the tests' own S3: what is lost between the server and the journal is found again, and what is not the
// file is noticed.

import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { partSize } from "../../../src/upload/file-parts.js";
import { COMPLETE, CONCURRENCY, FileSenderRig, KEY, once, PART, PART_3 } from "../../support/file-sender-rig.js";

const rig = new FileSenderRig();

describe("a file that is sent", () => {
  it.each([1, PART - 1, PART, PART + 1, 7 * PART + 5])("is an object byte for byte: %i bytes", async (bytes) => {
    await rig.start();
    const content = rig.writeBytes(bytes);
    expect(await rig.send({ sizeBytes: bytes })).toMatchObject({ sentBytes: bytes });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.uploads.size).toBe(0);
    expect(rig.server.refusals.filter((refusal) => refusal !== "HEAD 404 NoSuchKey")).toEqual([]);
  });

  it("takes no more memory than its buffers, however many parts it has", async () => {
    await rig.start();
    rig.writeBytes(20 * PART);
    await rig.send({ sizeBytes: 20 * PART });
    expect(rig.server.mostBodyBytes).toBeLessThanOrEqual(CONCURRENCY * PART);
  });

  it("is sent by a server that knows neither lists nor checksums", async () => {
    await rig.start({ isPoor: true, fault: once([PART_3, "cutBefore"]) });
    const content = rig.writeBytes(5 * PART);
    await rig.send({ sizeBytes: 5 * PART, keepsChecksums: false });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("an upload that was cut off", () => {
  /** All tries of a request fail, so the upload ends there. */
  async function sendHalf(bytes: number): Promise<Buffer> {
    await rig.start({ fault: ({ method, url }) => (PART_3.test(`${method} ${url}`) ? "cutBefore" : undefined) });
    const content = rig.writeBytes(bytes);
    await expect(rig.send({ sizeBytes: bytes })).rejects.toThrow();
    expect(rig.server.uploads.size).toBe(1);
    delete rig.server.options.fault;
    rig.server.counts.clear();
    return content;
  }

  it("is kept while the server cannot complete it for a while", async () => {
    await rig.start({ fault: ({ method, url }) => (COMPLETE.test(`${method} ${url}`) ? "500" : undefined) });
    rig.writeBytes(4 * PART);
    for (let tries = 0; tries < 3; tries++)
      await expect(rig.send({ sizeBytes: 4 * PART })).rejects.toMatchObject({ status: 500 });
    expect(rig.server.counts.get("PUT part")).toBe(4);
    delete rig.server.options.fault;
    expect(await rig.send({ sizeBytes: 4 * PART })).toMatchObject({ sentBytes: 0 });
  });

  it.each([
    [true, false],
    [false, false],
    [false, true],
  ])("begins anew where checksums are wanted by now, or no longer: %s (MinIO: %s)", async (keepsChecksums, isMinio) => {
    await rig.start({
      isMinio,
      fault: ({ method, url }) => (PART_3.test(`${method} ${url}`) ? "cutBefore" : undefined),
    });
    const content = rig.writeBytes(4 * PART);
    await expect(rig.send({ sizeBytes: 4 * PART, keepsChecksums: !keepsChecksums })).rejects.toThrow();
    delete rig.server.options.fault;
    await rig.send({ sizeBytes: 4 * PART, keepsChecksums });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.uploads.size).toBe(0);
  });

  it("goes on with the parts that its journal names", async () => {
    const content = await sendHalf(6 * PART);
    const have = [...rig.server.uploads.values()][0]?.parts.size ?? 0;
    expect(have).toBeGreaterThan(0);
    await rig.send({ sizeBytes: 6 * PART });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.counts.get("PUT part")).toBe(6 - have);
    expect(rig.server.counts.get("POST uploads")).toBeUndefined();
  });

  it.each([true, false])("asks the server where its journal is lost (whole: %s)", async (isWhole) => {
    const content = await sendHalf(6 * PART);
    const have = [...rig.server.uploads.values()][0]?.parts.size ?? 0;
    if (isWhole) rmSync(rig.journalPath);
    else {
      const text = readFileSync(rig.journalPath, "utf8");
      truncateSync(rig.journalPath, text.indexOf("uploadId")); // a line that a power cut tore
    }
    await rig.send({ sizeBytes: 6 * PART });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.counts.get("PUT part")).toBe(6 - have);
    expect(rig.server.uploads.size).toBe(0);
  });

  it("does not take over parts of another file of that name", async () => {
    await sendHalf(6 * PART);
    rmSync(rig.journalPath);
    const other = Buffer.alloc(6 * PART, 7);
    writeFileSync(rig.file, other);
    await rig.send({ sizeBytes: other.byteLength });
    expect(rig.server.objects.get(KEY)?.bytes.equals(other)).toBe(true);
  });

  it("begins anew where the file is another one, and aborts what was sent", async () => {
    await sendHalf(6 * PART);
    const content = rig.writeBytes(4 * PART);
    await rig.send({ sizeBytes: 4 * PART });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.uploads.size).toBe(0);
  });

  it("begins anew where the server has forgotten it", async () => {
    await rig.start({ fault: once([PART_3, "expire"]) });
    const content = rig.writeBytes(5 * PART);
    await rig.send({ sizeBytes: 5 * PART });
    expect(rig.server.refusals).toContain("PUT 404 NoSuchUpload");
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("an answer that is lost", () => {
  it.each([
    ["of the only part", PART, /^PUT /],
    ["of a completion", 4 * PART, COMPLETE],
    ["of the beginning", 4 * PART, /^POST .*uploads=/],
  ])("%s makes no second object", async (_what, bytes, pattern) => {
    await rig.start({ fault: once([pattern, "cutAfter"]) });
    const content = rig.writeBytes(bytes);
    await rig.send({ sizeBytes: bytes });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.uploads.size).toBe(0);
  });

  it("may be that of the completion before a crash", async () => {
    await rig.start();
    const content = rig.writeBytes(4 * PART);
    await rig.send({ sizeBytes: 4 * PART }); // the journal stays until the ledger has it
    expect(existsSync(rig.journalPath)).toBe(true);
    rig.server.counts.clear();
    expect(await rig.send({ sizeBytes: 4 * PART })).toMatchObject({ sentBytes: 0 });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("a server that fails where an upload is completed again", () => {
  const odd = { isPoor: true, isOdd: true };

  it("is asked for the object first, when the answer was lost", async () => {
    await rig.start({ ...odd, fault: once([COMPLETE, "cutAfter"]) });
    const content = rig.writeBytes(4 * PART + 1);
    await rig.send({ sizeBytes: 4 * PART + 1, keepsChecksums: false });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.refusals).not.toContain("POST 500 InternalError");
  });

  it("is asked for it after a crash, too", async () => {
    await rig.start(odd);
    rig.writeBytes(4 * PART);
    await rig.send({ sizeBytes: 4 * PART, keepsChecksums: false });
    expect(await rig.send({ sizeBytes: 4 * PART, keepsChecksums: false })).toMatchObject({ sentBytes: 0 });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
  });

  it("begins anew where it has forgotten the upload and says so with 500", async () => {
    await rig.start({ ...odd, fault: once([COMPLETE, "expire"]) });
    const content = rig.writeBytes(4 * PART);
    await rig.send({ sizeBytes: 4 * PART, keepsChecksums: false });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("what is refused", () => {
  it("is a file of another size than the catalogue's, one that is gone, and a wrong secret", async () => {
    await rig.start();
    rig.writeBytes(PART);
    await expect(rig.send({ sizeBytes: PART + 1 })).rejects.toMatchObject({ code: "lostFile" });
    await expect(rig.send({ sizeBytes: PART, secretAccessKey: "wrong" })).rejects.toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
    });
    rmSync(rig.file);
    await expect(rig.send({ sizeBytes: PART })).rejects.toMatchObject({ code: "notFound" });
  });

  it.each([PART, 4 * PART])("is an object that the server has otherwise than it was sent: %i bytes", async (bytes) => {
    await rig.start();
    rig.writeBytes(bytes);
    rig.server.options.fault = ({ method }) => {
      const stored = rig.server.objects.get(KEY);
      if (method === "HEAD" && stored) stored.sha256 = "another";
      return undefined;
    };
    await expect(rig.send({ sizeBytes: bytes })).rejects.toMatchObject({ code: "notVerified" });
  });
});

it("makes parts larger where there would be more than ten thousand", () => {
  const MIB = 1024 * 1024;
  expect(partSize(80_000 * MIB, 8 * MIB)).toBe(8 * MIB);
  expect(partSize(80_001 * MIB, 8 * MIB)).toBe(9 * MIB);
});
