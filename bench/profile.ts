// npm run bench:profile -- --streams 200 --seconds 15 [--type mp4]
//
// Where the cycles of a recorded stream go: the density load to a Reel that runs under V8's CPU profiler, then the self
// time of every function, per thread.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startLoad } from "./load/load.js";
import type { RecordType } from "./servers/recording-server.js";
import { startReel } from "./servers/reel.js";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "200" },
    seconds: { type: "string", default: "15" },
    type: { type: "string", default: "mp4" },
    top: { type: "string", default: "30" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "reel-profile-"));
const profiles = join(folder, "profiles");
mkdirSync(profiles);
try {
  const names = Array.from({ length: Number(values.streams) }, (_, i) => `s${String(i).padStart(4, "0")}`);
  const server = await startReel({
    folder,
    streams: names,
    type: values.type as RecordType,
    nodeArgs: ["--cpu-prof", `--cpu-prof-dir=${profiles}`],
  });
  const load = startLoad({
    port: server.port,
    app: server.app,
    names,
    workload: "720p30",
    seconds: Number(values.seconds),
    seed: 1,
    chunkBytes: 4096,
  });
  await load.done;
  await server.settled();
  await server.stop();
  for (const name of readdirSync(profiles))
    print(JSON.parse(readFileSync(join(profiles, name), "utf8")) as Profile, Number(values.top));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function print(profile: Profile, top: number): void {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const self = new Map<string, number>();
  let total = 0;
  profile.samples.forEach((id, i) => {
    const frame = nodes.get(id)?.callFrame;
    const micros = profile.timeDeltas[i] ?? 0;
    const key = `${frame?.functionName || "(anonymous)"}  ${frame?.url.split("/").slice(-2).join("/") ?? ""}:${frame?.lineNumber ?? 0}`;
    self.set(key, (self.get(key) ?? 0) + micros);
    total += micros;
  });
  const busy =
    total - [...self].filter(([key]) => key.startsWith("(idle)")).reduce((sum, [, micros]) => sum + micros, 0);
  console.log(`\nthread: ${(busy / 1e6).toFixed(2)} s busy of ${(total / 1e6).toFixed(2)} s`);
  for (const [key, micros] of [...self].sort((a, b) => b[1] - a[1]).slice(0, top)) {
    if (!key.startsWith("(idle)"))
      console.log(
        `  ${(micros / 1000).toFixed(0).padStart(7)} ms ${((100 * micros) / busy).toFixed(1).padStart(5)} %  ${key}`,
      );
  }
}
