// Heads of RTSP messages, and lines that were made to cost time.

import { describe, expect, it } from "vitest";
import { parseRtpInfo } from "../../../../src/ingest/rtsp/rtp-info.js";
import { type MessageHead, parseHead } from "../../../../src/ingest/rtsp/rtsp-message.js";

const head = (...lines: string[]): MessageHead | undefined => parseHead([...lines, "", ""].join("\r\n"));

/** Of the processor: other work on the machine does not count. */
function cpuMsOf(action: () => void): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("parseHead", () => {
  it("takes headers with blanks around name and value, and lines that go on", () => {
    const headers = head("RTSP/1.0 200 OK", "CSeq :\t7 ", "Session:4711;timeout=60", "Public: A,", "\tB", "x")?.headers;
    expect(["cseq", "session", "public", "x"].map((name) => headers?.get(name))).toEqual([
      "7",
      "4711;timeout=60",
      "A, B",
      "",
    ]);
  });

  it("passes over lines without a name, and names with blanks inside", () => {
    const headers = head("OPTIONS * RTSP/1.0", ": nothing", "a b: c", "CSeq: 1")?.headers;
    expect([headers?.get(""), headers?.get("a b"), headers?.get("b"), headers?.get("cseq")]).toEqual(["", "", "", "1"]);
  });

  const blanks = " ".repeat(16_000);
  it.each([
    ["a header that ends with a line separator", `OPTIONS * RTSP/1.0\r\na:${" ".repeat(2400)}\u2028`],
    ["a value with blanks inside", `OPTIONS * RTSP/1.0\r\na:x${blanks}x`],
    ["a status line that ends with a line separator", `RTSP/1.0 200${blanks}\u2028`],
    ["a request line of blanks", `OPTIONS *${blanks}x`],
  ])("reads %s in the time that its length takes", (_name, text) => {
    expect(cpuMsOf(() => Array.from({ length: 5 }, () => parseHead(`${text}\r\n\r\n`)))).toBeLessThan(1000);
  });
});

describe("parseRtpInfo", () => {
  it("reads what servers write", () => {
    expect(parseRtpInfo("url=rtsp://h/a;seq=1;rtptime=2, url=b; seq=70000 ;rtptime=4294967295")).toEqual([
      { url: "rtsp://h/a", sequenceNumber: 1, rtpTime: 2 },
      { url: "b", sequenceNumber: undefined, rtpTime: 4_294_967_295 },
    ]);
  });

  it.each([`x${" ".repeat(16_000)}x`, `${"url=".repeat(4000)}\u2028`])("reads texts of any kind at once", (text) => {
    expect(cpuMsOf(() => Array.from({ length: 5 }, () => parseRtpInfo(text)))).toBeLessThan(1000);
  });
});
