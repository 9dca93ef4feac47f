// The command line beside a running server, message by message.

import { join, resolve } from "node:path";
import { inspect } from "node:util";
import { afterAll, expect, it, vi } from "vitest";
import { connect } from "../../src/client/control-client.js";
import { COMMANDS } from "../../src/control/commands/command-table.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { type ProgramResult, runProgram } from "../support/run-program.js";

const DIST = resolve(import.meta.dirname, "../../dist/cli");

/** A command is a process of its own, and a busy machine takes its time to begin one. */
vi.setConfig({ testTimeout: 240_000 });

// Each has a server of its own: they run side by side.
afterAll(stopServers);

function reel(server: ReelProcess, ...args: string[]): Promise<ProgramResult> {
  const environment = [`REEL_URL=${server.wsUrl}`, "COLUMNS=100"];
  return runProgram("env", [...environment, process.execPath, join(DIST, "reel.js"), ...args]);
}

it.concurrent("refuses a mistyped command or parameter before it is sent, and sends it with --force", async () => {
  const server = await ReelProcess.start();
  expect(await reel(server, "send", "recrod localStreamName=a pathToFile=a")).toMatchObject({
    code: 1,
    stderr: "reel send: there is no command recrod; did you mean record? (--force sends it as it is)\n",
  });
  expect(await reel(server, "send", "record", "localStreamName=a", "pathToFile=a", "chunkLenght=60")).toMatchObject({
    code: 1,
    stderr: "reel send: record has no parameter chunkLenght; did you mean chunkLength? (--force sends it as it is)\n",
  });
  expect(await reel(server, "send", "--force", "record localStreamName=a pathToFile=a chunkLenght=60")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Recording Stream"),
  });
  expect(await reel(server, "send", "recrod", "--force")).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("command recrod not known. Type help for list of commands"),
  });
});

it.concurrent("names --token and REEL_TOKEN where the server wants credentials, and says where no server is", async () => {
  const server = await ReelProcess.start({ args: ["--token", "a-good-token"] });
  const text = "the server wants credentials: give its token with --token or REEL_TOKEN, or --user user:password\n";
  for (const command of ["status", "ls", "top", "events"])
    expect((await reel(server, command)).stderr).toBe(`reel ${command}: ${text}`);
  expect((await reel(server, "send", "version")).stderr).toBe(`reel send: ${text}`);
  expect((await reel(server, "status", "--token", "a-good-token")).code).toBe(0);
  await server.stop();
  expect((await reel(server, "status")).stderr).toMatch(
    /^reel status: .*; is the server running\? \(reel serve, or --url for another address\)\n$/,
  );
});

it.concurrent("shows streams, recordings and files, as text without colours and as JSON", async () => {
  const server = await ReelProcess.start();
  const control = await Control.connect(server);
  await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts keepAlive=0");
  await control.succeed("record localStreamName=later pathToFile=later type=mp4");
  expect((await reel(server, "ls")).stdout).toBe("no recorded files\n");
  const { stdout } = await reel(server, "status");
  expect(stdout).toMatch(/^Reel \S+ {2}up \d+s {2}0 streams {2}0 recordings, 2 waiting {2}\S+ MiB\n/);
  expect(stdout).toMatch(/^STREAM +KBIT\/S +UP +REC +LAG +LOST +FILE$/m);
  expect(stdout).toMatch(/^later +mp4 +\(waiting for stream\)$/m);
  expect(stdout).not.toContain("\u001b");
  const status = JSON.parse((await reel(server, "status", "--json")).stdout) as Record<string, unknown[]>;
  expect(status.recordings).toMatchObject([
    { localStreamName: "cam1", state: "Waiting for stream", outStreamId: 0 },
    { localStreamName: "later", state: "Waiting for stream", outStreamId: 0 },
  ]);
  expect((await reel(server, "ls", "--from", "yesterday")).stderr).toBe(
    "reel ls: Syntax error. Parameter from is invalid. It is a time such as 2026-11-27T08:00:00Z, or Unix milliseconds\n",
  );
});

it.concurrent("explains commands, its own and the server's", async () => {
  const server = await ReelProcess.start();
  const help = await reel(server, "help", "record");
  expect(help.stdout).toMatch(/^reel send record localStreamName=… pathToFile=…\n\nRecords a live stream to files\./);
  expect(help.stdout).toMatch(/^chunkLength +integer 0–999999 +0 +Seconds per file; 0 = one file\.$/m);
  expect((await reel(server, "help", "status")).stdout).toContain("Usage: reel status");
  expect(await reel(server, "help", "recrod")).toMatchObject({
    code: 1,
    stderr: "reel help: there is no command recrod; did you mean record?\n",
  });
  expect(JSON.parse((await reel(server, "help", "record", "--json")).stdout)).toMatchObject({
    name: "record",
    parameters: expect.arrayContaining([
      expect.objectContaining({ name: "chunkLength", range: { min: 0, max: 999999 } }),
    ]),
  });
  const all = JSON.parse((await reel(server, "help", "--json")).stdout) as Record<string, { name: string }[]>;
  expect(all.commands?.map(({ name }) => name)).toContain("status");
  expect(all.send?.map(({ name }) => name)).toEqual(COMMANDS.map(({ name }) => name));
  const list = (await reel(server, "help")).stdout;
  for (const { name } of COMMANDS) expect(list).toContain(name);
});

it.concurrent("completes commands, parameters and options in bash", async () => {
  const server = await ReelProcess.start();
  const { stdout: script } = await reel(server, "completion", "bash");
  const complete = async (...words: string[]) =>
    (
      await runProgram("bash", [
        "-c",
        `${script}\ncompopt() { :; }\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reel; echo "\${COMPREPLY[*]}"`,
        ...["bash", "reel", ...words],
      ])
    ).stdout.trim();
  expect(await complete("sta")).toBe("status");
  expect(await complete("send", "rec")).toBe("record recordRule");
  expect(await complete("send", "record", "chunk")).toBe("chunkLength=");
  expect(await complete("ls", "--fr")).toBe("--from");
  expect(await complete("help", "pull")).toBe("pullStream");
  expect(await reel(server, "completion", "bash", "--json")).toMatchObject({
    code: 1,
    stderr: "reel completion: there is no JSON of a script; reel help --json lists commands and options\n",
  });
});

it.concurrent("refuses to wait for an event that does not exist", async () => {
  const server = await ReelProcess.start();
  expect((await reel(server, "events", "--filter", "recordChunkClosd")).stderr).toBe(
    "reel events: there is no event recordChunkClosd; did you mean recordChunkClosed?\n",
  );
});

it.concurrent("evo-mp4writer explains itself", async () => {
  const help = await runProgram(process.execPath, [join(DIST, "evo-mp4writer.js"), "--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toMatch(/^usage: evo-mp4writer -path=<file\.mp4> \[--recovery\]\n\nFinishes an MP4 that/);
});

it.concurrent("a client that is printed, awaited or turned into JSON sends nothing; an unknown command is an error", async () => {
  const server = await ReelProcess.start();
  const control = await Control.connect(server);
  const client = await await connect({ url: server.wsUrl });
  inspect(client, { depth: 5 });
  JSON.stringify(client);
  String(Object.prototype.toString.call(client));
  const untyped = client as unknown as Record<string, () => Promise<unknown>>;
  expect(() => untyped.recrod?.call(client)).not.toThrow();
  expect(() => (untyped.recrod as () => unknown)()).toThrow(TypeError);
  expect(await client.getStreamsCount()).toEqual({ streamCount: 0 });
  const requests = await control.wait("cliRequest");
  expect(requests.map(({ payload }) => payload.command).filter((name) => name !== "subscribe")).toEqual([
    "getStreamsCount",
  ]);
  await client.close();
});
