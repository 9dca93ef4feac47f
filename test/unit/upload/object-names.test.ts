// What an object is called, and whose it is: none of other bytes is written over, and one's own is found again.

import { existsSync, rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FileSenderRig, KEY, OTHER_KEY, once, PART, PART_3 } from "../../support/file-sender-rig.js";

const rig = new FileSenderRig();

describe("a name that is taken", () => {
  const store = (key: string, bytes: Buffer, etag = "0".repeat(32)): unknown =>
    rig.server.objects.set(key, { bytes, etag, sha256: undefined, versions: 1 });

  it.each([PART, 4 * PART])("by another object is left to it: %i bytes", async (bytes) => {
    await rig.start();
    store(KEY, Buffer.alloc(bytes));
    const content = rig.writeBytes(bytes);
    expect(await rig.send({ sizeBytes: bytes })).toMatchObject({ key: OTHER_KEY });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1, bytes: Buffer.alloc(bytes) });
    expect(rig.server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    // A try behind a crash finds it there.
    expect(await rig.send({ sizeBytes: bytes })).toMatchObject({ key: OTHER_KEY, sentBytes: 0 });
  });

  it.each([PART, 4 * PART])(
    "by the file itself is not sent again, though the journal is lost: %i bytes",
    async (bytes) => {
      await rig.start();
      rig.writeBytes(bytes);
      await rig.send({ sizeBytes: bytes });
      rmSync(rig.journalPath);
      expect(await rig.send({ sizeBytes: bytes })).toEqual({ key: KEY, sentBytes: 0 });
      expect(existsSync(rig.journalPath), "it stays until the ledger has it").toBe(true);
      expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    },
  );

  it("since the upload was begun is left to the other as well, and the upload is aborted", async () => {
    await rig.start({ fault: ({ method, url }) => (PART_3.test(`${method} ${url}`) ? "cutBefore" : undefined) });
    const content = rig.writeBytes(4 * PART);
    await expect(rig.send({ sizeBytes: 4 * PART })).rejects.toThrow();
    delete rig.server.options.fault;
    store(KEY, Buffer.alloc(4 * PART));
    expect(await rig.send({ sizeBytes: 4 * PART })).toMatchObject({ key: OTHER_KEY });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(rig.server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.uploads.size).toBe(0);
  });

  it("goes on with the name that nobody else has, though an answer is lost and ETags say nothing", async () => {
    await rig.start({ isOpaque: true, fault: once([/^PUT /, "cutAfter"]) });
    store(KEY, Buffer.alloc(PART));
    const content = rig.writeBytes(PART);
    expect(await rig.send({ sizeBytes: PART, keepsChecksums: false })).toMatchObject({ key: OTHER_KEY });
    expect(rig.server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
  });

  it("while its parts go out is left to the other as well", async () => {
    await rig.start();
    rig.server.options.fault = ({ method, url }) => {
      if (PART_3.test(`${method} ${url}`)) store(KEY, Buffer.alloc(4 * PART));
      return undefined;
    };
    const content = rig.writeBytes(4 * PART);
    expect(await rig.send({ sizeBytes: 4 * PART })).toMatchObject({ key: OTHER_KEY });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    expect(rig.server.objects.get(OTHER_KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.uploads.size).toBe(0);
  });

  it.each([PART, 4 * PART])("and may not be seen at first is left to the other: %i bytes", async (bytes) => {
    await rig.start({
      fault: ({ method }) => (method === "HEAD" && looks++ < (bytes === PART ? 1 : 2) ? "403" : undefined),
    });
    let looks = 0;
    store(KEY, Buffer.alloc(bytes));
    rig.writeBytes(bytes);
    expect(await rig.send({ sizeBytes: bytes })).toMatchObject({ key: OTHER_KEY });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
  });

  it("is unknown where the bucket may not be listed: it is sent, and tried again", async () => {
    let puts = 0;
    await rig.start({
      mayNotList: true,
      fault: ({ method }) => (method === "PUT" && puts++ < 4 ? "503" : undefined),
    });
    const content = rig.writeBytes(PART);
    await expect(rig.send({ sizeBytes: PART })).rejects.toMatchObject({ status: 503 });
    await rig.send({ sizeBytes: PART });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });
});

describe("an object of our own", () => {
  it.each([PART, 4 * PART])("that may not be looked at is not sent again: %i bytes", async (bytes) => {
    await rig.start({ fault: ({ method }) => (method === "HEAD" ? "403" : undefined) });
    rig.writeBytes(bytes);
    for (let tries = 0; tries < 3; tries++)
      await expect(rig.send({ sizeBytes: bytes })).rejects.toMatchObject({ status: 403, message: /s3:GetObject/ });
    expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    delete rig.server.options.fault;
    expect(await rig.send({ sizeBytes: bytes })).toEqual({ key: KEY, sentBytes: 0 });
  });

  it.each([PART, 4 * PART])(
    "is known by the ETag that was said where there is no other mark: %i bytes",
    async (bytes) => {
      await rig.start({ isOpaque: true });
      rig.writeBytes(bytes);
      for (let tries = 0; tries < 3; tries++)
        expect(await rig.send({ sizeBytes: bytes, keepsChecksums: false })).toMatchObject({ key: KEY });
      expect(rig.server.objects.get(KEY)).toMatchObject({ versions: 1 });
    },
  );

  it("in another bucket says nothing of this one", async () => {
    await rig.start({ mayNotList: true });
    const content = rig.writeBytes(PART);
    await rig.send({ sizeBytes: PART });
    rig.server.objects.clear();
    await expect(rig.send({ sizeBytes: PART })).rejects.toMatchObject({ status: 403, message: /s3:ListBucket/ });
    await rig.send({ sizeBytes: PART, place: "another" });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
  });

  it("is known also where parts are to have another size by now", async () => {
    await rig.start();
    rig.writeBytes(4 * PART);
    await rig.send({ sizeBytes: 4 * PART });
    expect(await rig.send({ sizeBytes: 4 * PART, partBytes: 2 * PART })).toEqual({ key: KEY, sentBytes: 0 });
  });

  it.each([PART, 4 * PART])("that arrived otherwise is sent once more, by its name: %i bytes", async (bytes) => {
    await rig.start();
    const content = rig.writeBytes(bytes);
    let isBroken = false;
    rig.server.options.fault = ({ method }) => {
      const stored = rig.server.objects.get(KEY);
      if (method === "HEAD" && stored && !isBroken) {
        isBroken = true;
        stored.sha256 = "another";
      }
      return undefined;
    };
    if (bytes > PART) await expect(rig.send({ sizeBytes: bytes })).rejects.toMatchObject({ code: "notVerified" });
    expect(await rig.send({ sizeBytes: bytes })).toMatchObject({ key: KEY });
    expect(rig.server.objects.get(KEY)?.bytes.equals(content)).toBe(true);
    expect(rig.server.objects.size).toBe(1);
  });
});
