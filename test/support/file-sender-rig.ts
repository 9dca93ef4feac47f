// One file that is sent to the tests' own S3, again and again, with its journal beside it.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach } from "vitest";
import { Pace } from "../../src/upload/pace.js";
import { PartBuffers } from "../../src/upload/part-buffers.js";
import { S3Objects } from "../../src/upload/s3-objects.js";
import { S3Sender } from "../../src/upload/s3-request.js";
import { FileSender, type UploadedFile } from "../../src/upload/upload-file.js";
import { mulberry32 } from "./random.js";
import { type Fault, S3Server, type S3ServerOptions, stopS3Servers, TEST_ACCOUNT } from "./s3-server.js";
import { scratch } from "./scratch.js";

export const PART = 64 * 1024;
export const CONCURRENCY = 3;
export const KEY = "a folder/cam+1 (é)/part_0001.ts";
export const OTHER_KEY = "a folder/cam+1 (é)/part_0001.7.ts";
export const PART_3 = /^PUT .*partNumber=3/;
export const COMPLETE = /^POST .*uploadId=/;

export interface Sending {
  sizeBytes: number;
  partBytes?: number;
  place?: string;
  secretAccessKey?: string;
  keepsChecksums?: boolean;
}

/** The faults of the first requests that match. */
export function once(...faults: [pattern: RegExp, fault: Fault][]): NonNullable<S3ServerOptions["fault"]> {
  return ({ method, url }) => {
    const at = faults.findIndex(([pattern]) => pattern.test(`${method} ${url}`));
    return at < 0 ? undefined : faults.splice(at, 1)[0]?.[1];
  };
}

/** For the tests of one file: its server and its journal are new for each. */
export class FileSenderRig {
  readonly #path = scratch().path;
  readonly file = this.#path("part_0001.ts");
  readonly journalPath = this.#path("7.log");
  #server: S3Server | undefined;
  #senders: S3Sender[] = [];

  constructor() {
    beforeEach(() => {
      rmSync(this.journalPath, { force: true });
      mkdirSync(this.#path("."), { recursive: true });
    });
    afterEach(async () => {
      for (const sender of this.#senders.splice(0)) sender.close();
      await stopS3Servers();
    });
  }

  get server(): S3Server {
    if (!this.#server) throw new Error("the server is not started");
    return this.#server;
  }

  async start(options: S3ServerOptions = {}): Promise<void> {
    this.#server = await S3Server.start({ minPartBytes: PART, pageParts: 2, ...options });
  }

  writeBytes(bytes: number): Buffer {
    const random = mulberry32(bytes);
    const content = Buffer.from(Array.from({ length: bytes }, () => random() * 256));
    writeFileSync(this.file, content);
    return content;
  }

  send({
    sizeBytes,
    partBytes = PART,
    place = "one",
    secretAccessKey = TEST_ACCOUNT.secretAccessKey,
    keepsChecksums = true,
  }: Sending): Promise<UploadedFile> {
    const { accessKeyId, region } = TEST_ACCOUNT;
    const bucket = { endpoint: this.server.endpoint, bucket: "footage", region, isHostStyle: false };
    const sender = new S3Sender(bucket, { accessKeyId, secretAccessKey }, new Pace(0), 1000);
    this.#senders.push(sender);
    const objects = new S3Objects(sender, keepsChecksums);
    const tools = {
      objects,
      place,
      buffers: new PartBuffers(CONCURRENCY),
      partBytes,
      concurrency: CONCURRENCY,
      retryMs: 1,
    };
    return new FileSender(
      { path: this.file, key: KEY, otherKey: OTHER_KEY, sizeBytes, journalPath: this.journalPath },
      tools,
    ).send();
  }
}
