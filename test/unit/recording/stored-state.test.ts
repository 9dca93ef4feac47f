// What a state folder may hold that no run of this version wrote: it is refused, set aside or left out, never acted on.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Recorder } from "../../../src/recording/recorder.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-stored-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = (options: { discardConfigs?: boolean } = {}): Promise<Recorder> =>
  Recorder.open({ mediaFolders: [join(root, "media")], stateFolder: join(root, "state"), workers: 1, ...options });

async function store(configs: object): Promise<string> {
  await mkdir(join(root, "state"), { recursive: true });
  const path = join(root, "state", "configs.json");
  writeFileSync(path, JSON.stringify(configs));
  return path;
}

const CONFIG = { localStreamName: "cam", pathToFile: "cam", type: "mp4", keepAlive: true };

describe("stored configs", () => {
  it("of another format keep the server from starting, and say how to go on", async () => {
    const path = await store({ format: 2, record: [{ ...CONFIG, configId: 1 }] });
    await expect(open()).rejects.toThrow(/format 2.*--discard-configs/);
    expect(readFileSync(path, "utf8")).toContain('"format":2');
    const recorder = await open({ discardConfigs: true });
    expect(recorder.configs()).toEqual([]);
    await recorder.close();
    expect(readdirSync(join(root, "state")).some((name) => name.startsWith("configs.json.discarded-"))).toBe(true);
  });

  it.each(["null", "[]", "7", '{"record": []}', "{"])("that are %s are set aside as damaged", async (text) => {
    const path = await store({});
    writeFileSync(path, text);
    const recorder = await open();
    await recorder.close();
    expect(readdirSync(join(root, "state")).some((name) => name.startsWith("configs.json.damaged-"))).toBe(true);
  });

  it("with an id that is none do not give two configs one id", async () => {
    await store({ format: 1, record: [{ ...CONFIG, configId: 3 }], nextConfigId: 1e300 });
    const recorder = await open();
    const ids = [];
    for (const name of ["a", "b"])
      ids.push((await recorder.record({ localStreamName: name, pathToFile: name })).config.configId);
    expect(ids).toEqual([4, 5]);
    await recorder.close();
  });

  it("are checked as the command would check them", async () => {
    await store({
      format: 1,
      record: [
        { ...CONFIG, configId: 1 },
        { ...CONFIG, configId: 1, localStreamName: "twice" },
        { ...CONFIG, configId: 2, pathToFile: "../../etc/x" },
        { ...CONFIG, configId: 3, localStreamName: "e\u001bsc" },
        { ...CONFIG, configId: 4, chunkLength: 1e9 },
        { ...CONFIG, configId: 1e300 },
        { ...CONFIG, configId: 5, pathToFile: "../media/sub/../cam2" },
      ],
    });
    const recorder = await open();
    expect(recorder.configs().map(({ config }) => [config.configId, config.localStreamName])).toEqual([
      [1, "cam"],
      [5, "cam"],
    ]);
    await recorder.close();
  });
});

it("a ledger line of right checksum and other shape is passed over", async () => {
  await mkdir(join(root, "state"), { recursive: true });
  const lines = [
    "null",
    "7",
    "{}",
    '{"type":"closed","opened":1}',
    '{"type":"opened","report":{"sequence":1}}',
    '{"type":"later","report":{"sequence":1,"path":"/x"}}',
  ];
  writeFileSync(
    join(root, "state", "ledger.log"),
    lines.map((json) => `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`).join(""),
  );
  const recorder = await open();
  await recorder.whenRecovered();
  await recorder.close();
});

it("the state folder is its owner's alone, and so is every file in it", async () => {
  const recorder = await open();
  await recorder.record({ localStreamName: "cam", pathToFile: "cam" });
  await recorder.close();
  const seen: string[] = [];
  const look = (path: string): void => {
    const stat = statSync(path);
    seen.push(`${(stat.mode & 0o777).toString(8)} ${path.slice(root.length + 1)}`);
    if (stat.isDirectory()) for (const name of readdirSync(path)) look(join(path, name));
  };
  look(join(root, "state"));
  expect(seen.length).toBeGreaterThan(4);
  for (const line of seen) expect(line).toMatch(/^(700|600) /);
});
