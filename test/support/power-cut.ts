// Power cuts. A file system on a loop device over an image file writes to the image what it has sent to its disk; what
// is still in its page cache is not in the image. So a copy of the image is the disk after a cut at that moment.
//
//   host ─▶ XFS with reflinks (outer) ─▶ disk.img ─▶ ext4 or XFS (inner) ─▶ the recorder's folders
//                                          └─ cut(): a clone of the image, made by the outer file system in one step
//
// A plain copy takes a while and would mix two moments, which no disk does. As root on Linux; afterEach closes the rig.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "./run-program.js";

export const FILE_SYSTEMS = ["ext4", "xfs"] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

const OUTER_MIB = 4096;
/** mkfs.xfs makes none below 300 MiB. The image is sparse. */
const INNER_MIB = 320;

const MAKE: Record<FileSystem, readonly string[]> = {
  ext4: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
  xfs: ["mkfs.xfs", "-q", "-f"],
};

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} (exit ${code}): ${stderr.trim()}`);
}

export class PowerCutDisk {
  /** Where the inner file system is mounted: the same place for the live disk and for every copy. */
  readonly path: string;
  readonly #outer: string;
  readonly #image: string;
  #mounted: string[] = [];
  #cuts = 0;

  private constructor(
    readonly root: string,
    readonly fileSystem: FileSystem,
  ) {
    this.path = join(root, "disk");
    this.#outer = join(root, "outer");
    this.#image = join(this.#outer, "disk.img");
  }

  static async open(fileSystem: FileSystem): Promise<PowerCutDisk> {
    const disk = new PowerCutDisk(await mkdtemp(join(tmpdir(), "reel-power-")), fileSystem);
    try {
      await disk.#make();
    } catch (error) {
      await disk.close();
      throw error;
    }
    return disk;
  }

  /** The disk as a cut at this moment leaves it; to be given to `turnOn`. */
  async cut(): Promise<string> {
    const copy = join(this.#outer, `cut${this.#cuts++}.img`);
    await must("cp", "--reflink=always", this.#image, copy);
    return copy;
  }

  /** Nobody has a file on it any more. */
  async turnOff(): Promise<void> {
    await this.#unmount(this.path);
  }

  /** Mounts a copy in the place of the disk; the file system replays its log. */
  async turnOn(image: string): Promise<void> {
    await this.#mount(image, this.path);
  }

  async forget(image: string): Promise<void> {
    await rm(image);
  }

  /** Unmounts whatever is mounted, also after a failure, and leaves nothing behind. */
  async close(): Promise<void> {
    for (const path of this.#mounted.toReversed()) await this.#unmount(path);
    await rm(this.root, { recursive: true });
  }

  async #make(): Promise<void> {
    await mkdir(this.#outer);
    await mkdir(this.path);
    const outerImage = join(this.root, "outer.img");
    await must("truncate", "-s", `${OUTER_MIB}M`, outerImage);
    await must("mkfs.xfs", "-q", "-m", "reflink=1", outerImage);
    await this.#mount(outerImage, this.#outer);
    await must("truncate", "-s", `${INNER_MIB}M`, this.#image);
    const [program = "", ...args] = MAKE[this.fileSystem];
    await must(program, ...args, this.#image);
    await this.#mount(this.#image, this.path);
  }

  async #mount(image: string, path: string): Promise<void> {
    await must("mount", "-o", "loop", image, path);
    this.#mounted.push(path);
  }

  async #unmount(path: string): Promise<void> {
    this.#mounted = this.#mounted.filter((other) => other !== path);
    const { code } = await runProgram("umount", [path]);
    // A failed test may have left a file open: the mount goes with it.
    if (code !== 0) await must("umount", "--lazy", path);
  }
}
