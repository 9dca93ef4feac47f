// What others may do to a file system under twenty recordings of all containers, at random and seeded: growing files
// are deleted, moved, replaced, cut short and forbidden, folders forbidden, volumes remounted and unmounted under them.
// What is missing in the end is exactly what was told: frames sent = frames in announced files + frames told as lost.
// What somebody else has put there is as it was.

import { chmod, mkdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { CONTAINER_NAMES, CONTAINERS, containerOf } from "../../src/container/table.js";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { effort, seed } from "../support/effort.js";
import { publishLooped } from "../support/looped-publisher.js";
import { mulberry32 } from "../support/random.js";
import { Control, type ReelEvent, ReelProcess, stopServers } from "../support/reel-server.js";
import { bindMount, mountLoop, mountTmpfs, remount, removeVolumes, unmountLazily } from "../support/volumes.js";

const RECORDINGS = 20;
const SECONDS = effort(9, 300);
/** Root that writes only where the mode lets it. */
const WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
/** Losses are noticed once a second, and failed recordings tried again. */
const NOTICED_MS = 2500;

let server: ReelProcess;
afterEach(async () => {
  await removeVolumes();
  await stopServers();
});

/** Where a media folder's files are: some lie on a volume that is mounted there, others below its mount point. */
interface Folder {
  path: string;
  /** Undefined of a plain folder. */
  backing: string | undefined;
}

async function makeFolders(): Promise<Folder[]> {
  await mkdir(server.file("plain"));
  const folders: Folder[] = [{ path: server.file("plain"), backing: undefined }];
  for (const [name, mount] of [
    ["tmp", mountTmpfs],
    ["ext", mountLoop],
  ] as const) {
    const backing = join(server.root, `backing-${name}`);
    await mount(backing, 512);
    await bindMount(backing, server.file(name));
    folders.push({ path: server.file(name), backing });
  }
  return folders;
}

/** What is done to files and volumes; each leaves the file system usable. */
class Vandal {
  /** What lies where, put there by us. */
  readonly foreign = new Map<string, string>();
  readonly done = new Map<string, number>();
  #turn = 0;

  constructor(
    private readonly folders: readonly Folder[],
    private readonly growing: () => readonly string[],
    private readonly random: () => number,
  ) {}

  /** Every way comes, however short the run is. */
  async act(): Promise<void> {
    const ways = [...Object.keys(this.#ofFiles), ...Object.keys(this.#ofFolders)];
    const way = ways[this.#turn++ % ways.length] as string;
    const ofFile = this.#ofFiles[way];
    if (ofFile) {
      const files = this.growing();
      const file = files[Math.floor(this.random() * files.length)];
      if (file === undefined) return;
      const path = CONTAINERS[containerOf(file) ?? "ts"].mediaPath(file);
      // Ours already, though the server has not noticed yet.
      if (this.foreign.has(this.#below(path))) return;
      // It may have been lost meanwhile, and not be there any more.
      await ofFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
    } else await this.#ofFolders[way]?.(this.folders[Math.floor(this.random() * this.folders.length)] as Folder);
    this.done.set(way, (this.done.get(way) ?? 0) + 1);
  }

  readonly #ofFiles: Readonly<Record<string, (path: string) => Promise<void>>> = {
    deleted: (path) => rm(path),
    moved: (path) => rename(path, `${path}.moved`),
    replaced: async (path) => {
      await stat(path);
      const text = `somebody else's ${this.#turn}`;
      await writeFile(`${path}.theirs`, text);
      await rename(`${path}.theirs`, path);
      this.foreign.set(this.#below(path), text);
    },
    "cut short": (path) => truncate(path, Math.floor(this.random() * 3000)),
    forbidden: async (path) => {
      await chmod(path, 0);
      await delay(400);
      await chmod(path, 0o644);
    },
  };

  readonly #ofFolders: Readonly<Record<string, (folder: Folder) => Promise<void>>> = {
    "folder forbidden": async ({ path }) => {
      await chmod(path, 0o555);
      const [file] = this.growing().filter((name) => name.startsWith(`${path}/`));
      if (file) await rm(CONTAINERS[containerOf(file) ?? "ts"].mediaPath(file), { force: true });
      await delay(1500);
      await chmod(path, 0o755);
    },
    remounted: async ({ path, backing }) => {
      if (backing === undefined || !(await remount(path, "ro"))) return;
      await delay(800);
      await remount(path, "rw");
    },
    unmounted: ({ path, backing }) => this.#unmount(path, backing, false),
    "mounted read-only": ({ path, backing }) => this.#unmount(path, backing, true),
  };

  async #unmount(path: string, backing: string | undefined, readOnly: boolean): Promise<void> {
    if (backing === undefined) return;
    await unmountLazily(path);
    if (readOnly) {
      await bindMount(backing, path, { readOnly });
      await delay(1200);
      await unmountLazily(path);
    } else await delay(1200 * this.random());
    await bindMount(backing, path);
  }

  /** Its place on the volume. */
  #below(path: string): string {
    const folder = this.folders.find((entry) => path.startsWith(`${entry.path}/`));
    return folder?.backing === undefined ? path : folder.backing + path.slice(folder.path.length);
  }
}

/** Frames of the announced file; both places of a folder that is a mount point are looked at. */
async function framesOf(event: ReelEvent, folders: readonly Folder[]): Promise<number> {
  const file = String(event.payload.file);
  const folder = folders.find(({ path }) => file.startsWith(`${path}/`));
  const places = folder?.backing === undefined ? [file] : [folder.backing + file.slice(folder.path.length), file];
  const seen: string[] = [];
  for (const place of places) {
    const report = await verifyFile(place).catch((error: Error) => void seen.push(`${place}: ${error.message}`));
    if (!report) continue;
    const video = report.tracks.find(({ kind }) => kind === "video")?.frames ?? 0;
    seen.push(`${place}: ${video} pictures`);
    if (video === event.payload.frameCount) return report.tracks.reduce((sum, { frames }) => sum + frames, 0);
  }
  throw new Error(`${file} was announced with ${event.payload.frameCount} pictures, and there are: ${seen.join(", ")}`);
}

it(`of ${RECORDINGS} recordings nothing is missing that was not told, after ${SECONDS} s of vandalism (REEL_SEED=${seed})`, async () => {
  const tags = [...parseFlvFile(await readFile(await makeClip({ seconds: 4 })))];
  server = await ReelProcess.start({ prefix: WITHOUT_OVERRIDE, args: ["--log-level", "error"] });
  const folders = await makeFolders();
  const control = await Control.connect(server);
  const names = Array.from({ length: RECORDINGS }, (_, i) => `cam${i}`);
  for (const [i, name] of names.entries()) {
    const folder = ["plain", "tmp", "ext"][i % 3];
    const type = CONTAINER_NAMES[Math.floor(i / 3) % CONTAINER_NAMES.length];
    await control.succeed(`record localStreamName=${name} pathToFile=${folder}/${name} type=${type}`);
  }
  let isOver = false;
  const publishing = Promise.all(names.map((name) => publishLooped(server.rtmpUrl(name), tags, () => isOver)));
  await control.wait("recordChunkCreated", RECORDINGS);

  const filesOf = (type: string): string[] => control.of(type).map(({ payload }) => String(payload.file));
  const growing = (): string[] => {
    const ended = new Set([...filesOf("recordChunkClosed"), ...filesOf("recordChunkError")]);
    return filesOf("recordChunkCreated").filter((file) => !ended.has(file));
  };
  const random = mulberry32(seed);
  const vandal = new Vandal(folders, growing, random);
  for (const endMs = performance.now() + SECONDS * 1000; performance.now() < endMs; ) {
    await delay(200 + 300 * random());
    await vandal.act();
  }
  await delay(NOTICED_MS);
  isOver = true;
  const sent = await publishing;
  await control.wait("inStreamClosed", RECORDINGS, 60_000);
  expect(vandal.done.size, [...vandal.done.keys()].join(", ")).toBe(9);

  for (const { path, backing } of folders) if (backing !== undefined) await unmountLazily(path);
  for (const [path, text] of vandal.foreign) expect(await readFile(path, "utf8"), path).toBe(text);
  for (const [i, name] of names.entries()) {
    const own = (type: string): ReelEvent[] =>
      control.of(type).filter(({ payload }) => payload.localStreamName === name);
    let held = 0;
    for (const event of own("recordChunkClosed")) held += await framesOf(event, folders);
    const gaps = own("recordGap").map(({ payload }) => payload.gap as { cause: string; frames: number });
    const lost = gaps.reduce((sum, { frames }) => sum + frames, 0);
    const { video = 0, audio = 0 } = sent[i] ?? {};
    const told = gaps.map(({ cause, frames }) => `${cause} ${frames}`).join(", ");
    expect(held + lost, `${name}: ${held} in files, told as lost: ${told}`).toBe(video + audio);
  }
});
