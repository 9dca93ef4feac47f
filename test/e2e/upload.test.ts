// A real server that uploads what it records and writes manifests, killed in between: every file is an object, the one
// that the crash left included, and no reply, event or line of the log has the secret in it.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { S3Server, stopS3Servers, TEST_ACCOUNT } from "../support/s3-server.js";
import { until } from "../support/until.js";

const CLI = resolve(import.meta.dirname, "../../dist/cli/reel.js");

afterEach(async () => {
  await stopPublishers();
  await stopServers();
  await stopS3Servers();
});

it("uploads what was recorded, over a crash of the server and a server that is down", {
  timeout: 120_000,
}, async () => {
  const root = await mkdtemp(join(tmpdir(), "reel-upload-"));
  const s3 = await S3Server.start({ fault: () => "503" });
  const { accessKeyId, secretAccessKey, region } = TEST_ACCOUNT;
  writeFileSync(join(root, "keys.json"), JSON.stringify({ accessKeyId, secretAccessKey }), { mode: 0o600 });
  const upload = {
    ...{ endpoint: s3.endpoint, bucket: "footage", region, credentialsFile: "keys.json" },
    key: "site/{stream}/{name}",
  };
  const args = ["--config", join(root, "reel.json")];
  let server = await ReelProcess.start({ root, config: { upload }, args });
  let control = await Control.connect(server);
  await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4 chunkLength=1 upload=1 manifest=1");
  await control.succeed("record localStreamName=cam1 pathToFile=other type=ts upload=0");
  const clip = await makeClip({ seconds: 4 });
  publishWithFfmpeg({ url: server.rtmpUrl("cam1"), input: clip, loops: -1 });
  await control.wait("recordChunkClosed", 2);
  const [failed] = await control.wait("uploadFailed");
  expect(failed?.payload).toMatchObject({
    ...{ localStreamName: "cam1", configId: 1, code: expect.stringMatching(/^(SlowDown|503)$/), tries: 1 },
    reason: expect.stringContaining("503"),
    nextTryTime: expect.any(String),
  });
  const shown = spawnSync(process.execPath, [CLI, "upload", "--dry-run", "--url", server.wsUrl], { encoding: "utf8" });
  expect(shown.stdout).toMatch(/site\/cam1\/cam1_part0001\.mp4/);
  expect(shown.stdout).toMatch(/files, .* would be uploaded/);
  const outputs = [server.output, shown.stdout, JSON.stringify(control.events)];
  await server.kill();
  await stopPublishers();
  delete s3.options.fault;
  server = await ReelProcess.start({ root, config: { upload }, args });
  control = await Control.connect(server, false);
  await until("everything is uploaded", async () => {
    const { segments } = (await control.succeed("listSegments localStreamName=cam1")) as {
      segments: { state: string; type: string }[];
    };
    const mp4 = segments.filter(({ type }) => type === "mp4");
    return mp4.length >= 3 && mp4.every(({ state }) => state === "uploaded");
  });
  const answer = await fetch(`http://${server.addresses.http}/api/recordings?stream=cam1`);
  const { recordings } = (await answer.json()) as { recordings: Record<string, string>[] };
  const files = recordings.filter(({ type }) => type === "mp4").map(({ file = "" }) => file);
  expect([...s3.objects.keys()].sort()).toEqual(
    files.map((file) => `site/cam1/${file.slice(file.lastIndexOf("/") + 1)}`).sort(),
  );
  for (const { file = "", type, object = "" } of recordings.filter(({ type }) => type === "mp4"))
    expect(
      s3.objects.get(object.replace("s3://footage/", ""))?.bytes.equals(readFileSync(file)),
      `${type} ${file}`,
    ).toBe(true);
  expect(await control.succeed("upload")).toMatchObject({ isComplete: true, uploads: null });
  const verified = spawnSync(process.execPath, [CLI, "verify", "--manifest", server.media], { encoding: "utf8" });
  expect(verified.stdout).toMatch(
    new RegExp(`^${files.length} of ${files.length} files are what was recorded; \\d hashed after a crash`),
  );
  const configs = await control.succeed("listConfig");
  outputs.push(server.output, JSON.stringify(recordings), JSON.stringify(configs), verified.stdout);
  for (const output of outputs) {
    expect(output).not.toContain(secretAccessKey);
    expect(output).not.toContain(accessKeyId);
  }
  control.close();
  expect(await server.stop()).toMatchObject({ code: 0 });
});

it("refuses upload=1 without a bucket, and says what to set", async () => {
  const server = await ReelProcess.start();
  const control = await Control.connect(server, false);
  expect(await control.send("record localStreamName=a pathToFile=a upload=1")).toMatchObject({
    status: "FAIL",
    description: expect.stringContaining("upload=1 needs a bucket: see upload of reel.json"),
  });
  expect(await control.send("upload dryRun=1")).toMatchObject({ status: "FAIL" });
  control.close();
});
