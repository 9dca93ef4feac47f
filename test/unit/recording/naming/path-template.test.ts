// Templates of pathToFile: their fields, the local time of a zone across daylight saving, and names from outside.

import { describe, expect, it } from "vitest";
import { PathTemplate } from "../../../../src/recording/naming/path-template.js";

const AT = Date.UTC(2026, 9, 25, 0, 30, 5);
const HOUR = 3_600_000;

function expand(text: string, localStreamName = "cam/1", wallMs = AT, zone = "UTC"): string {
  return new PathTemplate(text, zone).expand({ localStreamName, configId: 7, part: 12, wallMs });
}

describe("a template", () => {
  it("puts in the stream, the config, the part and the segment's start", () => {
    expect(expand("{stream}/%Y-%m-%d/%H%M%S%z-{configId}-{part}")).toBe("cam/1/2026-10-25/003005+0000-7-0012");
    expect(expand("100%%-%Y")).toBe("100%-2026");
  });

  it("has the local time of its zone, before and after the clocks go back", () => {
    const at = (wallMs: number): string => expand("%H:%M%z", "cam", wallMs, "Europe/Berlin");
    expect([at(AT), at(AT + HOUR), at(AT + 2 * HOUR)]).toEqual(["02:30+0200", "02:30+0100", "03:30+0100"]);
    expect(expand("%d %H%z", "cam", AT, "America/St_Johns")).toBe("24 22-0230");
    expect(() => new PathTemplate("%Y", "Mars/Olympus")).toThrow(/Mars\/Olympus is no time zone/);
  });

  it("refuses what it does not know, by its name", () => {
    const known = "known are {stream} {configId} {part} %Y %m %d %H %M %S %z %%";
    expect(() => new PathTemplate("a/{camera}")).toThrow(`a/{camera}: unknown field {camera}; ${known}`);
    expect(() => new PathTemplate("%y")).toThrow(/unknown field %y;/);
    expect(() => new PathTemplate("100%")).toThrow(/unknown field %;/);
    expect(() => new PathTemplate("{stream")).toThrow(/unknown field \{stream;/);
    expect(() => new PathTemplate("{toString}")).toThrow(/unknown field \{toString\};/);
  });

  it("never reads a name from outside as a template, nor lets it lead anywhere", () => {
    expect(expand("{stream}/x", "%Y{part}")).toBe("%Y{part}/x");
    expect(expand("a/{stream}", "/etc//./passwd/")).toBe("a/etc/passwd");
    expect(expand("{stream}", "/etc")).toBe("etc");
    expect(expand("{stream}", "../..")).toBe("_");
    expect(() => expand("x{stream}", "n".repeat(255))).toThrow(/longer than 255 bytes/);
  });

  it("says what is the same for all segments", () => {
    const of = (text: string): [boolean, string] => {
      const template = new PathTemplate(text, "UTC");
      return [template.isPerSegment, template.folder({ localStreamName: "cam/1", configId: 7, part: 0, wallMs: AT })];
    };
    expect(of("{stream}/{configId}")).toEqual([false, "cam/1/"]);
    expect(of("{stream}/%Y/x")).toEqual([true, "cam/1/"]);
    expect(of("a-%Y")).toEqual([true, ""]);
    expect(of("../media/b/a{part}")).toEqual([true, "../media/b/"]);
  });
});
