// Names of recordings: which are taken, and that a folder that does not answer keeps nobody waiting who writes
// elsewhere.

import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CONTAINERS, type ContainerName } from "../../../../src/container/table.js";
import { Naming } from "../../../../src/recording/naming/naming.js";
import { Reservations } from "../../../../src/recording/naming/reservations.js";

vi.mock("node:fs/promises", { spy: true });

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-test-"));
});
afterEach(async () => {
  for (const call of [readdir, realpath, stat]) vi.mocked(call).mockReset();
  await rm(root, { recursive: true, force: true });
});

const config = (pathToFile: string, chunkLength = 0) =>
  ({
    pathToFile,
    localStreamName: "cam",
    type: "ts",
    overwrite: false,
    chunkLength,
    dateFolderStructure: false,
  }) as const;

describe("names", () => {
  it("are taken by files, by temporary files, and for chunks by parts", async () => {
    const naming = await Naming.open([root], new Reservations());
    for (const name of ["a.ts", "b.ts.info", "c_part0003.ts", "d_part_x_part0000.ts"])
      await writeFile(join(root, name), "");
    const claimed = async (path: string, chunkLength = 0): Promise<string> =>
      basename((await naming.resolve(config(path, chunkLength))).basePath);
    expect(await claimed("a")).toBe("a_0001.ts");
    expect(await claimed("b")).toBe("b_0001.ts");
    expect(await claimed("c")).toBe("c.ts");
    expect(await claimed("c", 1)).toBe("c_0001.ts");
    expect(await claimed("d", 1)).toBe("d_0001.ts");
    expect(await claimed("d_part_x", 1)).toBe("d_part_x_0001.ts");
  });

  it.each([
    ["a/../b", "b.ts", "b.ts"],
    ["../media/a/../b", "../media/b.ts", "b.ts"],
    ["a/../../elsewhere/../media/b", "b.ts", undefined],
    ["sub/x/../../sub/b", "sub/b.ts", "sub/b.ts"],
    ["missing/../sub/", "sub/cam.ts", "sub/cam.ts"],
    ["sub/..", "./cam.ts", "cam.ts"],
    ["link/../b", "b.ts", "b.ts"],
  ])("go by where %s leads: shown as %s", async (path, shown, place) => {
    const naming = await Naming.open([root], new Reservations());
    await mkdir(join(root, "sub"));
    await symlink("/", join(root, "link"));
    if (place === undefined) {
      await expect(naming.resolve(config(path))).rejects.toMatchObject({ code: "badPath" });
      return;
    }
    const { computedPathToFile, basePath } = await naming.resolve(config(path));
    expect([computedPathToFile, basePath]).toEqual([shown, join(root, place)]);
    if (path.startsWith("../")) return;
    const absolute = await naming.resolve(config(`${root}/sub/../${path}`));
    expect(absolute.basePath).toBe(join(root, place));
  });

  it.each(["../b", "a/../../b", "../media/../b", "/../b", "..", "a/../.."])(
    "are refused where %s leads out of the media folder",
    async (path) => {
      const naming = await Naming.open([root], new Reservations());
      for (const dateFolderStructure of [false, true]) {
        const refused = expect(naming.resolve({ ...config(path), dateFolderStructure }), path).rejects;
        await refused.toMatchObject({ code: "badPath", message: expect.stringContaining("by '..'") });
      }
    },
  );

  it.each([
    ["C:\\EvoStream\\media\\x", "is a Windows path"],
    ["\\\\host\\share\\x", "is a Windows path"],
    ["media\\x", "write / instead"],
    ["..\\media\\x", "write / instead"],
    ["sub/x\\", "write / instead"],
  ])("are refused where %s is written in the manner of Windows", async (path, reason) => {
    const naming = await Naming.open([root], new Reservations());
    await expect(naming.resolve(config(path))).rejects.toMatchObject({
      code: "badPath",
      message: expect.stringContaining(reason),
    });
  });

  it("are taken by every file that an unfinished segment may have, not by its marker alone", async () => {
    for (const { journal, extension } of Object.values(CONTAINERS)) {
      for (const [i, suffix] of (journal?.suffixes ?? []).entries()) {
        const naming = await Naming.open([root], new Reservations());
        await writeFile(join(root, `s${i}.${extension}${suffix}`), "");
        const { basePath } = await naming.resolve({ ...config(`s${i}`), type: extension as ContainerName });
        expect(basename(basePath), suffix).toBe(`s${i}_0001.${extension}`);
      }
    }
  });

  it("are found in other folders while one does not answer", async () => {
    const naming = await Naming.open([root], new Reservations());
    await mkdir(join(root, "dead"));
    const { readdir: list } = await vi.importActual<{ readdir: (path: string) => Promise<string[]> }>(
      "node:fs/promises",
    );
    const look = (path: string): Promise<string[]> =>
      path.endsWith("dead") ? new Promise(() => undefined) : list(path);
    vi.mocked(readdir).mockImplementation(look as unknown as typeof readdir);
    void naming.claim(config("dead/x"));
    void naming.nextFree(join(root, "dead", "y.ts"), "ts");
    expect((await naming.claim(config("x"))).basePath).toBe(join(root, "x.ts"));
    expect((await naming.nextFree(join(root, "x.ts"), "ts")).path).toBe(join(root, "x_0001.ts"));
  });

  it("hold one thread of those that look up for all, however many folders of a volume do not answer", async () => {
    const naming = await Naming.open([root], new Reservations());
    const folders = Array.from({ length: 6 }, (_, i) => `dead${i}`);
    for (const folder of folders) await mkdir(join(root, folder));
    for (const folder of folders) await naming.claim(config(`${folder}/`));
    let asked = 0;
    const hang = (): Promise<never> => {
      asked++;
      return new Promise(() => undefined);
    };
    for (const call of [readdir, realpath, stat]) vi.mocked(call).mockImplementation(hang as unknown as never);
    for (const folder of folders) {
      void naming.claim(config(`${folder}/`));
      void naming.claim(config(`${folder}/x`));
      void naming.nextFree(join(root, folder, "y.ts"), "ts");
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(1);
  });

  it("are found beside a mount that has never answered, named as a folder", async () => {
    const naming = await Naming.open([root], new Reservations());
    await mkdir(join(root, "dead"));
    const { realpath: real } = await vi.importActual<{ realpath: (path: string) => Promise<string> }>(
      "node:fs/promises",
    );
    const look = (path: string): Promise<string> => (path.includes("dead") ? new Promise(() => undefined) : real(path));
    vi.mocked(realpath).mockImplementation(look as unknown as typeof realpath);
    void naming.claim(config("dead/"));
    expect((await naming.claim(config("x"))).basePath).toBe(join(root, "x.ts"));
  });
});
