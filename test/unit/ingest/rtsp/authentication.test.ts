// Answers to challenges, with the examples of the standards, and what is done about challenges that come again.

import { describe, expect, it } from "vitest";
import { Authentication } from "../../../../src/ingest/rtsp/authentication.js";

const NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
const REALM = 'realm="testrealm@host.com"';

function responseOf(header = ""): string {
  return /response="([0-9a-f]*)"/.exec(header)?.[1] ?? "";
}

describe("an answer to a challenge", () => {
  it("is RFC 2617's own, with qop", () => {
    const authentication = new Authentication("Mufasa", "Circle Of Life", true, "0a4f113b");
    authentication.challenged([`Digest ${REALM}, qop="auth,auth-int", nonce="${NONCE}", opaque="5ccc"`], false);
    const header = authentication.answer("GET", "/dir/index.html");
    expect(responseOf(header)).toBe("6629fae49393a05397450978507c4ef1");
    expect(header).toContain('opaque="5ccc", qop=auth, nc=00000001, cnonce="0a4f113b"');
    expect(authentication.answer("GET", "/dir/index.html")).toContain("nc=00000002");
  });

  it("is RFC 2069's own where qop is absent", () => {
    const authentication = new Authentication("Mufasa", "CircleOfLife");
    authentication.challenged([`Digest ${REALM}, nonce="${NONCE}", opaque="5ccc069c403ebaf9f0171e9517f40e41"`], false);
    const header = authentication.answer("GET", "/dir/index.html");
    expect(responseOf(header)).toBe("1949323746fe6a43ef61f9606e7febea");
    expect(header).not.toMatch(/qop|nc=|cnonce|algorithm/);
  });

  it("is RFC 7616's own for SHA-256, which goes before MD5 and Basic", () => {
    const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const digest = `Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="${nonce}", opaque="x"`;
    for (const challenges of [
      ['Basic realm="a"', `${digest}, algorithm=MD5`, `${digest}, algorithm=SHA-256`],
      [`Basic realm="a", ${digest}, algorithm=MD5, ${digest}, algorithm=SHA-256`],
    ]) {
      const authentication = new Authentication("Mufasa", "Circle of Life", true, cnonce);
      expect(authentication.challenged(challenges, false)).toBeUndefined();
      const header = authentication.answer("GET", "/dir/index.html");
      expect(responseOf(header)).toBe("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
      expect(header).toContain("algorithm=SHA-256");
    }
  });

  it("is Basic where nothing else is offered, with all that a password may hold", () => {
    const authentication = new Authentication("u", "p@:#%ß");
    authentication.challenged(['Basic realm="cam"'], false);
    expect(authentication.answer("OPTIONS", "rtsp://cam/")).toBe(`Basic ${Buffer.from("u:p@:#%ß").toString("base64")}`);
  });

  it("is none before a challenge, and none without credentials", () => {
    const authentication = new Authentication("", "");
    expect(authentication.answer("OPTIONS", "rtsp://cam/")).toBeUndefined();
    expect(authentication.challenged(['Basic realm="cam"'], false)).toContain("user:password@");
  });

  it("never shows a password to a host that another one has named", () => {
    const authentication = new Authentication("u", "secret", false);
    expect(authentication.challenged(['Basic realm="cam"'], false)).toContain("plain text");
    expect(authentication.challenged([`Digest ${REALM}, nonce="1"`], false)).toBeUndefined();
    expect(authentication.answer("OPTIONS", "rtsp://cam/")).not.toContain("secret");
  });
});

describe("a challenge that comes again", () => {
  const challenge = (nonce: string, stale = ""): string[] => [`Digest ${REALM}, nonce="${nonce}"${stale}`];

  it("ends it where the nonce is the same: the password is wrong", () => {
    const authentication = new Authentication("u", "p");
    expect(authentication.challenged(challenge("1"), false)).toBeUndefined();
    expect(authentication.challenged(challenge("1"), true)).toContain("refuses the user and password");
  });

  it("is answered with a new nonce, or a stale one, once for each request", () => {
    const authentication = new Authentication("u", "p");
    authentication.challenged(challenge("1"), false);
    for (const next of [challenge("2"), challenge("2", ", stale=TRUE"), challenge("3", ', stale="true"')]) {
      expect(authentication.challenged(next, true)).toBeUndefined();
      authentication.accepted();
    }
    // Every answer makes a new nonce here.
    expect(authentication.challenged(challenge("4"), true)).toBeUndefined();
    expect(authentication.challenged(challenge("5"), true)).toContain("refuses the user and password");
  });

  it("is refused by name where nobody here speaks it", () => {
    for (const unknown of [
      "Negotiate",
      `Digest ${REALM}, nonce="1", algorithm=SHA-512-256`,
      `Digest ${REALM}, qop="auth-int"`,
      "",
    ])
      expect(new Authentication("u", "p").challenged([unknown], false)).toContain("not supported");
  });
});
