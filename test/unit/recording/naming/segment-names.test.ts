// Which name a segment gets, by its recording's config: asked of a naming and a finisher that say what they were asked.

import { describe, expect, it } from "vitest";
import type { Finisher } from "../../../../src/recording/finishing/finisher.js";
import type { Naming, Target } from "../../../../src/recording/naming/naming.js";
import { type Reservation, Reservations } from "../../../../src/recording/naming/reservations.js";
import { SegmentNames } from "../../../../src/recording/naming/segment-names.js";
import type { RecordConfig } from "../../../../src/recording/record-config.js";

const TARGET: Target = {
  computedPathToFile: "cam_0002.mp4",
  basePath: "/media/cam_0002.mp4",
  plainPath: "/media/cam.mp4",
  volume: 1,
};

function names(config: Partial<RecordConfig>) {
  const reservations = new Reservations();
  const asked: string[] = [];
  const naming = {
    nextFree: async (path: string, type: string): Promise<Reservation> => {
      asked.push(`free ${path} ${type}`);
      return reservations.take("free");
    },
    dated: async (target: Target, _config: unknown, wallMs: number): Promise<Reservation> => {
      asked.push(`dated ${target.basePath} ${wallMs}`);
      return reservations.take("dated");
    },
  } as unknown as Naming;
  const finisher = {
    makeWay: async (path: string, type: string): Promise<Reservation> => {
      asked.push(`way ${path} ${type}`);
      return reservations.take(path);
    },
  } as unknown as Finisher;
  const whole = {
    type: "mp4",
    chunkLength: 0,
    dateFolderStructure: false,
    overwrite: false,
    ...config,
  } as RecordConfig;
  const own = new SegmentNames(TARGET, whole, naming, finisher, reservations, {
    wallMs: () => 5000,
    monotonicMs: () => 0,
  });
  return { own, asked, reservations };
}

async function next(of: SegmentNames, isInnerCut: boolean): Promise<string> {
  return (await of.next(isInnerCut)).path;
}

describe("the next name of a recording", () => {
  it("is its base path, and behind an inner cut the next number of the plain one", async () => {
    const { own, asked, reservations } = names({});
    expect(await next(own, false)).toBe(TARGET.basePath);
    expect(reservations.has(TARGET.basePath)).toBe(true);
    expect(await next(own, true)).toBe("free");
    expect(asked).toEqual(["free /media/cam.mp4 mp4"]);
  });

  it("is part after part where it is chunked, inner cuts or not", async () => {
    const { own, asked } = names({ chunkLength: 10, type: "mp4" });
    expect([await next(own, false), await next(own, true), await next(own, false)]).toEqual(
      [0, 1, 2].map((part) => `/media/cam_0002_part000${part}.mp4`),
    );
    expect(asked).toEqual([]);
  });

  it("that may replace a file is given when the deletion of that file has ended", async () => {
    const { own, reservations } = names({ type: "ts", overwrite: true });
    const end = reservations.beginDeletion(TARGET.basePath);
    const steps: string[] = [];
    const named = next(own, false).then(() => steps.push("named"));
    await new Promise(setImmediate);
    steps.push("deleted");
    end?.();
    await named;
    expect(steps).toEqual(["deleted", "named"]);
  });

  it("is another where somebody writes to the part", async () => {
    const { own, asked, reservations } = names({ chunkLength: 10, overwrite: true });
    const other = reservations.take("/media/cam_0002_part0000.mp4");
    expect(await next(own, false)).toBe("free");
    expect(asked).toEqual(["free /media/cam_0002_part0000.mp4 mp4"]);
    const second = reservations.take("/media/cam_0002_part0001.mp4");
    second.stopWriting();
    other.release();
    expect(await next(own, false)).toBe("/media/cam_0002_part0001.mp4");
    expect(asked.at(-1)).toBe("way /media/cam_0002_part0001.mp4 mp4");
  });

  it("is its base path though that is held, by the recording itself", async () => {
    const { own, reservations } = names({});
    reservations.take(TARGET.basePath);
    expect(await next(own, false)).toBe(TARGET.basePath);
  });

  it("is freed first where it overwrites, and an inner cut does not", async () => {
    const { own, asked } = names({ overwrite: true });
    await next(own, false);
    await next(own, true);
    expect(asked).toEqual(["way /media/cam_0002.mp4 mp4", "free /media/cam.mp4 mp4"]);
  });

  it("is the time of the segment where names are dated", async () => {
    const { own, asked } = names({ dateFolderStructure: true, overwrite: true, chunkLength: 10 });
    expect([await next(own, false), await next(own, true)]).toEqual(["dated", "dated"]);
    expect(asked).toEqual(["dated /media/cam_0002.mp4 5000", "dated /media/cam_0002.mp4 5000"]);
  });
});

describe("a file is replaced", () => {
  const OTHER = "/media/cam_0003.mp4";
  it.each([
    ["only with overwrite", {}, TARGET.basePath, false],
    ["under the name that was asked for", { overwrite: true }, TARGET.basePath, true],
    ["under no other name", { overwrite: true }, OTHER, false],
    ["under every name of a part", { overwrite: true, chunkLength: 10 }, OTHER, true],
    ["under no dated name", { overwrite: true, chunkLength: 10, dateFolderStructure: true }, OTHER, false],
    ["only with overwrite, parts too", { chunkLength: 10 }, OTHER, false],
  ] as const)("%s", (_what, config, path, expected) => {
    expect(names(config).own.mayReplace(path)).toBe(expected);
  });
});
