// s3rver, an S3 server that others wrote, behind a relay that fails some requests: it answers 503, cuts before the
// server has seen them, or after it has answered. s3rver knows neither ListParts nor abort, and fails where an upload
// is completed again.

import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Account } from "./signature-v4.js";

const PEERS = join(import.meta.dirname, "../peers");
const SUFFIX = "._S3rver_object";

interface Server {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}

export interface FaultyS3rver {
  readonly endpoint: string;
  readonly account: Account;
  faults(): number;
  /** Keys that it has stored more than once. */
  storedAgain(): string[];
  /** Keys of its objects, in order. */
  objects(): string[];
  read(key: string): Buffer;
  close(): Promise<void>;
}

/** Its bucket is `footage`; `fails` is asked for each request. */
export async function startFaultyS3rver(directory: string, fails: () => boolean): Promise<FaultyS3rver> {
  if (!existsSync(join(PEERS, "node_modules/s3rver")))
    throw new Error("the tests need s3rver: npm ci --prefix test/peers");
  const Server = createRequire(join(PEERS, "package.json"))("s3rver") as new (options: object) => Server;
  const configureBuckets = [{ name: "footage", configs: [] }];
  const server = new Server({ port: 0, address: "127.0.0.1", silent: true, directory, configureBuckets });
  const { port } = await server.run();
  let faults = 0;
  const stored = new Map<string, number>();
  const relay = createServer((from, to) => {
    const fault = fails() ? faults++ % 3 : undefined;
    if (fault === 0) {
      from.resume().on("end", () => to.writeHead(503).end());
      return;
    }
    if (fault === 1) {
      from.socket.destroy();
      return;
    }
    const { method, url, headers } = from;
    const onward = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      if (answer.statusCode === 200 && makesObject(method, url)) {
        const key = decodeURIComponent(url?.replace(/\?.*/, "") ?? "");
        stored.set(key, (stored.get(key) ?? 0) + 1);
      }
      if (fault === 2) {
        answer.resume().on("end", () => from.socket.destroy());
        return;
      }
      to.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(to);
    });
    onward.on("error", () => from.socket.destroy());
    from.on("error", () => onward.destroy());
    from.pipe(onward);
  });
  await once(relay.listen(0, "127.0.0.1"), "listening");
  const bucket = join(directory, "footage");
  return {
    endpoint: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    account: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER", region: "us-east-1" },
    faults: () => faults,
    storedAgain: () => [...stored].filter(([, times]) => times > 1).map(([key]) => key),
    objects: () =>
      readdirSync(bucket)
        .filter((name) => name.endsWith(SUFFIX))
        .map((name) => name.slice(0, -SUFFIX.length))
        .sort(),
    read: (key) => readFileSync(join(bucket, `${key}${SUFFIX}`)),
    async close() {
      relay.closeAllConnections();
      relay.close();
      await server.close();
    },
  };
}

function makesObject(method = "", url = ""): boolean {
  return method === "PUT" ? !url.includes("partNumber=") : method === "POST" && url.includes("uploadId=");
}
