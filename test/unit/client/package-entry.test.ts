// `reel/client` as another program imports it: by the name of the package, from the build.

import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");
const CONSUMER = `
  import { connect } from "reel/client";
  console.log(typeof connect);
  console.log(import.meta.resolve("reel/client"));
`;

it("reel/client is the client of the build", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", CONSUMER], {
    cwd: ROOT,
  });
  const [type, url] = stdout.trim().split("\n");
  expect(type).toBe("function");
  expect(url?.endsWith("/dist/client/control-client.js")).toBe(true);
});
