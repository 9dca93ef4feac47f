import { describe, expect, it } from "vitest";
import { isHttpLine, isTlsHandshake } from "../../../../src/control/security/foreign-protocol.js";

describe("a first line of HTTP", () => {
  it.each([
    "POST / HTTP/1.1",
    "GET /record?params=a b HTTP/1.0",
    "PRI * HTTP/2.0",
    "M-SEARCH * HTTP/1.1",
    "Host: 127.0.0.1:1112",
    "Content-Type:text/plain",
    "X-A:",
  ])("is known: %s", (line) => expect(isHttpLine(line)).toBe(true));

  it.each([
    "record localStreamName=cam1 pathToFile=../media/cam1",
    "listStreams",
    "version",
    "pullStream uri=http://host/a.m3u8 localStreamName=HTTP/1.1x",
    '{"command":"version"}',
  ])("is no command: %s", (line) => expect(isHttpLine(line)).toBe(false));
});

it("a TLS handshake begins with its record type", () => {
  expect(isTlsHandshake(Uint8Array.of(0x16, 3, 1, 2, 0))).toBe(true);
  expect(isTlsHandshake(Buffer.from("version\n"))).toBe(false);
});
