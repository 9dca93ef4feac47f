// Names of recordings: which are taken, and that a folder that does not answer keeps nobody waiting who writes
// elsewhere.

import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CONTAINERS, type ContainerName } from "../../../../src/container/table.js";
import { Naming, numbered, partOf } from "../../../../src/recording/naming/naming.js";
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

  it.each([
    ["x", { type: "mp4" }, "x.mp4", "x.mp4"],
    ["x.MP4", { type: "mp4" }, "x.MP4", "x.MP4"],
    ["x.ts", { type: "mp4" }, "x.ts.mp4", "x.ts.mp4"],
    ["  x  ", {}, "x.ts", "x.ts"],
    ["../media/x", {}, "../media/x.ts", "x.ts"],
    ["../media", {}, "../media/cam.ts", "cam.ts"],
    ["sub", {}, "sub/cam.ts", "sub/cam.ts"],
    ["sub/", {}, "sub/cam.ts", "sub/cam.ts"],
    ["taken", { overwrite: true }, "taken.ts", "taken.ts"],
    ["taken", {}, "taken_0001.ts", "taken_0001.ts"],
    ["sub", { dateFolderStructure: true }, "sub", "sub"],
    ["new/deep", { dateFolderStructure: true }, "new/deep", "new/deep"],
  ] as const)("of pathToFile=%s, %o: shown as %s", async (path, more, shown, place) => {
    const naming = await Naming.open([root], new Reservations());
    await mkdir(join(root, "sub"));
    await writeFile(join(root, "taken.ts"), "");
    const target = await naming.resolve({ ...config(path), ...more });
    expect(target).toMatchObject({ computedPathToFile: shown, basePath: join(root, place) });
    expect(target.volume).toBe((await stat(root)).dev);
    expect(await readdir(root)).toEqual(["sub", "taken.ts"]); // nothing is made
  });

  it("keep the plain one apart from the one with a number", async () => {
    const naming = await Naming.open([root], new Reservations());
    await writeFile(join(root, "x.ts"), "");
    expect(await naming.resolve(config("x"))).toMatchObject({
      basePath: join(root, "x_0001.ts"),
      plainPath: join(root, "x.ts"),
    });
  });

  it.each([
    ["", "badPath", "is empty"],
    ["a\0b", "badPath", "is empty"],
    ["missing/x", "notWritable", "does not exist"],
    ["file.txt/x", "notWritable", "is not a folder"],
    ["folder", "badPath", "is not a regular file"],
    ["link", "badPath", "is not a regular file"],
    ["out/x", "badPath", "outside the media folders"],
    ["/etc/x", "badPath", "outside the media folders"],
    [`${"x".repeat(198)}`, "badPath", "longer than 200 bytes"],
  ])("are refused where pathToFile is %j", async (path, code, reason) => {
    const naming = await Naming.open([root], new Reservations());
    await writeFile(join(root, "file.txt"), "");
    await mkdir(join(root, "folder.ts"));
    await symlink("file.txt", join(root, "link.ts"));
    await symlink("/etc", join(root, "out"));
    const refused = { code, message: expect.stringContaining(reason) };
    await expect(naming.resolve(config(path))).rejects.toMatchObject(refused);
  });

  it("take 200 bytes, and no folder at all is refused", async () => {
    const naming = await Naming.open([root], new Reservations());
    expect(basename((await naming.resolve(config("x".repeat(197)))).basePath)).toHaveLength(200);
    await expect(Naming.open([], new Reservations())).rejects.toMatchObject({ code: "badArgument" });
  });

  it.each(["/etc/dated", "out/dated", "file.txt"])("are refused for dated folders below %s", async (path) => {
    const naming = await Naming.open([root], new Reservations());
    await symlink("/etc", join(root, "out"));
    await writeFile(join(root, "file.txt"), "");
    const refused = expect(naming.resolve({ ...config(path), dateFolderStructure: true })).rejects;
    await refused.toMatchObject({ code: path === "file.txt" ? "notWritable" : "badPath" });
  });

  it("are refused to overwrite what another recording writes, not what it finishes", async () => {
    const reservations = new Reservations();
    const naming = await Naming.open([root], reservations);
    const over = { ...config("x"), overwrite: true };
    const { reservation } = await naming.claim(over);
    await expect(naming.claim(over)).rejects.toMatchObject({ code: "targetBusy" });
    expect(basename((await naming.claim(config("x"))).basePath)).toBe("x_0001.ts");
    reservation.stopWriting();
    expect(basename((await naming.claim(over)).basePath)).toBe("x.ts");
  });

  it("are dated by local time, in folders of the stream and the day that are made then", async () => {
    const reservations = new Reservations();
    const naming = await Naming.open([root], reservations);
    const dated = { ...config("", 10), pathToFile: "deep/er", localStreamName: "live/cam", dateFolderStructure: true };
    const { reservation, ...target } = await naming.claim(dated);
    const at = new Date(2026, 2, 4, 5, 6, 7).getTime();
    const place = join(root, "deep/er/live/cam/20260304");
    const first = await naming.dated(target, dated, at);
    expect(first.path).toBe(join(place, "cam-20260304-050607.ts"));
    expect(await readdir(place)).toEqual([]);
    const second = await naming.dated(target, dated, at);
    expect(second.path).toBe(join(place, "cam-20260304-050607_0001.ts"));
    expect(reservations.has(second.path)).toBe(true);
    const late = await naming.dated(target, dated, new Date(2026, 10, 14, 15, 16, 17).getTime());
    expect(late.path).toBe(join(root, "deep/er/live/cam/20261114/cam-20261114-151617.ts"));
    await writeFile(join(place, "cam-20260304-050608_part0000.ts"), ""); // dated names have no parts
    const after = await naming.dated(target, dated, at + 1000);
    expect(after.path).toBe(join(place, "cam-20260304-050608.ts"));
    reservation.release();
  });

  it("are not dated through a link that leads out, nor where a file stands in the way", async () => {
    const naming = await Naming.open([root], new Reservations());
    const dated = { ...config("."), dateFolderStructure: true };
    const target = await naming.resolve({ ...config("sub"), dateFolderStructure: true });
    await symlink("/tmp", join(root, "sub"));
    await expect(naming.dated(target, dated, 0)).rejects.toMatchObject({ code: "badPath" });
    const other = await naming.resolve({ ...config("other"), dateFolderStructure: true });
    await writeFile(join(root, "other"), "");
    await expect(naming.dated(other, dated, 0)).rejects.toMatchObject({ code: "notWritable" });
  });

  it("go on behind the highest number, and end at 8192", async () => {
    const reservations = new Reservations();
    const naming = await Naming.open([root], reservations);
    const base = join(root, "x.ts");
    for (let number = 0; number < 8192; number++) reservations.take(numbered(base, number, "ts"));
    expect((await naming.resolve(config("x"))).basePath).toBe(join(root, "x_8192.ts"));
    const last = await naming.nextFree(base, "ts");
    expect(last.path).toBe(join(root, "x_8192.ts"));
    await expect(naming.nextFree(base, "ts")).rejects.toMatchObject({ code: "noFreeName" });
    await expect(naming.resolve(config("x"))).rejects.toMatchObject({ code: "noFreeName" });
    last.release();
  });

  it("of parts have four digits, and five when they must", () => {
    expect([0, 41, 9999, 10_000].map((part) => partOf("/m/x.mp4", part, "mp4"))).toEqual([
      "/m/x_part0000.mp4",
      "/m/x_part0041.mp4",
      "/m/x_part9999.mp4",
      "/m/x_part10000.mp4",
    ]);
    expect([0, 1, 123].map((number) => numbered("/m/x.flv", number, "flv"))).toEqual([
      "/m/x.flv",
      "/m/x_0001.flv",
      "/m/x_0123.flv",
    ]);
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

describe("looks at a folder", () => {
  const claimAll = (naming: Naming, names: readonly string[]) =>
    Promise.all(names.map(async (name) => basename((await naming.claim(config(name))).basePath)));

  it("are shared by those who ask before they begin: a storm of names takes two", async () => {
    const naming = await Naming.open([root], new Reservations());
    await writeFile(join(root, "s1.ts"), "");
    await mkdir(join(root, "s2"));
    for (const call of [readdir, realpath, stat]) vi.mocked(call).mockClear();
    const names = Array.from({ length: 100 }, (_, i) => `s${i}`);
    const claimed = await claimAll(naming, [...names, "s0"]);
    expect(claimed[0]).toBe("s0.ts");
    expect(claimed[1]).toBe("s1_0001.ts");
    expect(claimed[2]).toBe("cam.ts");
    expect(claimed.slice(3, 100)).toEqual(names.slice(3).map((name) => `${name}.ts`));
    expect(claimed[100]).toBe("s0_0001.ts");
    const ofRoot = vi.mocked(readdir).mock.calls.filter(([folder]) => folder === root);
    expect(ofRoot.length).toBeLessThan(4);
    expect(vi.mocked(realpath).mock.calls.length).toBeLessThan(5);
  });

  it("that have begun are no answer for who asks later", async () => {
    const naming = await Naming.open([root], new Reservations());
    const first = naming.claim(config("a"));
    await vi.waitFor(() => expect(readdir).toHaveBeenCalled());
    await writeFile(join(root, "b.ts"), "");
    const second = naming.claim(config("b"));
    expect(basename((await first).basePath)).toBe("a.ts");
    expect(basename((await second).basePath)).toBe("b_0001.ts");
  });

  it("are no answer once a name was given back: a file came and its recording is over", async () => {
    const reservations = new Reservations();
    const naming = await Naming.open([root], reservations);
    const first = naming.claim(config("a"));
    const second = naming.claim(config("a"));
    void first.then(({ basePath, reservation }) => {
      writeFileSync(basePath, "");
      reservation.release();
    });
    expect(basename((await first).basePath)).toBe("a.ts");
    expect(basename((await second).basePath)).toBe("a_0001.ts");
  });

  it("are not kept by a claim that is refused at once", async () => {
    const naming = await Naming.open([root], new Reservations());
    await expect(naming.claim({ ...config("{nothing}"), template: true })).rejects.toThrow();
    await naming.claim(config("a"));
    await writeFile(join(root, "b.ts"), "");
    vi.mocked(readdir).mockClear();
    expect(basename((await naming.claim(config("b"))).basePath)).toBe("b_0001.ts");
    expect(readdir).toHaveBeenCalled();
  });

  it.each(["", "/."])("find a folder that is named absolutely, with '%s' behind it", async (end) => {
    const naming = await Naming.open([root], new Reservations());
    await mkdir(join(root, "sub"));
    const { basePath } = await naming.claim(config(`${await realpath(join(root, "sub"))}${end}`));
    expect(basePath.endsWith("/sub/cam.ts")).toBe(true);
  });

  it("that fail are told each in its own words", async () => {
    const naming = await Naming.open([root], new Reservations());
    await symlink("/", join(root, "out"));
    const refused = await Promise.allSettled(["out/x", "out/y"].map((name) => naming.claim(config(name))));
    expect(refused.map((one) => (one as PromiseRejectedResult).reason.message)).toEqual(
      ["out/x", "out/y"].map((name) => expect.stringContaining(`${name} is outside`)),
    );
  });
});
