// A second judge of uploads: s3rver, an S3 server that others wrote. It knows neither ListParts nor abort.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Pace } from "../../../src/upload/pace.js";
import { PartBuffers } from "../../../src/upload/part-buffers.js";
import { S3Objects } from "../../../src/upload/s3-objects.js";
import { S3Sender } from "../../../src/upload/s3-request.js";
import { FileSender } from "../../../src/upload/upload-file.js";
import { mulberry32 } from "../../support/random.js";
import { scratch } from "../../support/scratch.js";

interface S3rver {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}

const PEERS = join(import.meta.dirname, "../../peers");
const PART = 64 * 1024;
const { path } = scratch();
let server: S3rver;
let sender: S3Sender;

beforeAll(async () => {
  if (!existsSync(join(PEERS, "node_modules/s3rver")))
    throw new Error("the tests need s3rver: npm ci --prefix test/peers");
  const Server = createRequire(join(PEERS, "package.json"))("s3rver") as new (options: object) => S3rver;
  const configureBuckets = [{ name: "footage", configs: [] }];
  server = new Server({ port: 0, address: "127.0.0.1", silent: true, directory: path("s3rver"), configureBuckets });
  const { port } = await server.run();
  const bucket = { endpoint: `http://127.0.0.1:${port}`, bucket: "footage", region: "us-east-1", isHostStyle: false };
  sender = new S3Sender(bucket, { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" }, new Pace(0), 5000);
});
afterAll(async () => {
  sender?.close();
  await server?.close();
});

it.each([
  ["in one piece", 1000, true],
  ["in parts", 5 * PART + 3, true],
  ["in parts, without checksums", 5 * PART + 3, false],
])("has the file byte for byte: %s", async (what, bytes, keepsChecksums) => {
  const random = mulberry32(bytes);
  const file = path(`${bytes}`);
  writeFileSync(file, Buffer.from(Array.from({ length: bytes }, () => random() * 32))); // text survives `body`
  const key = `a b/é+(1)/${what}.ts`;
  const objects = new S3Objects(sender, keepsChecksums);
  const tools = { objects, place: "s3rver", buffers: new PartBuffers(3), partBytes: PART, concurrency: 3, retryMs: 5 };
  const sent = { path: file, key, otherKey: undefined, sizeBytes: bytes, journalPath: path(`${what}.log`) };
  await new FileSender(sent, tools).send();
  const { body } = await sender.send({ method: "GET", key });
  expect(body).toBe(readFileSync(file, "latin1"));
});
