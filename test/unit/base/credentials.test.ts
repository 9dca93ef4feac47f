// Masking of passwords: values that are a URI, and text that holds some.

import { describe, expect, it } from "vitest";
import { maskCredentials, maskUri, originOf } from "../../../src/base/credentials.js";

describe("a value that is a URI", () => {
  it.each([
    ["rtsp://u:p@h/a", "rtsp://u:***@h/a"],
    ["rtsp://u@h/a", "rtsp://u@h/a"],
    ["rtsp://h:554/a@b", "rtsp://h:554/a@b"],
    ["rtsp://u:p/w@h/a", "rtsp://***@h/a"],
    ["rtsp://u:p w@h/a", "rtsp://u:***@h/a"],
    ["rtsp://u:p@q@h/a", "rtsp://u:***@h/a"],
    ["rtsp://u:x://y@h/a", "rtsp://***@h/a"],
    ["srt://h:9000?mode=caller&passphrase=x y&latency=20", "srt://h:9000?mode=caller&passphrase=***&latency=20"],
    ["http://cam/v?user=a&pwd=b", "http://cam/v?user=a&pwd=***"],
    ["http://p/?u=rtsp://a:b@c/d", "http://p/?u=rtsp://a:***@c/d"],
    ["plain text", "plain text"],
    ["me:secret@nowhere", "me:secret@nowhere"],
  ])("%s is shown as %s", (given, shown) => expect(maskUri(given)).toBe(shown));
});

describe("text", () => {
  it.each([
    [
      "Opening 'rtsp://user:p@ss@cam/x' for http://a:b@c/d?token=abc&x=1",
      "Opening 'rtsp://user:***@cam/x' for http://a:***@c/d?token=***&x=1",
    ],
    ["rtsp://cam: refused, write to a@b", "rtsp://cam: refused, write to a@b"],
    [
      "[0x55]rtsp://u:p@h async:rtsp://u:p@h 12:30:rtsp://u:p@h",
      "[0x55]rtsp://u:***@h async:rtsp://u:***@h 12:30:rtsp://u:***@h",
    ],
    ["srt://h:1?passphrase=abcdefghij: timed out", "srt://h:1?passphrase=*** timed out"],
    [
      "rtsp://h/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream was refused",
      "rtsp://h/user=admin_password=***_channel=1_stream=0.sdp?real_stream was refused",
    ],
    [
      "rtsp://h/user=a_password=x_y_channel=1, rtsp://h/password=",
      "rtsp://h/user=a_password=***_channel=1, rtsp://h/password=***",
    ],
  ])("%s is shown as %s", (given, shown) => expect(maskCredentials(given)).toBe(shown));

  it("of the greatest length and the worst shape is masked at once", () => {
    const startMs = performance.now();
    for (const part of ["a", "a:", "a,", "a=", "://", "a://", "a:b@", "?key=", "@", "a://a:", "/pw=", "_a", "://_pw=_"])
      maskUri(part.repeat(16_384 / part.length));
    // Quadratic work would take minutes.
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });
});

describe("to those who only look on", () => {
  it.each([
    ["rtsp://u:p@cam.lan:554/live?streamkey=k", "rtsp://cam.lan:554"],
    ["http://cam/videostream.cgi?loginuse=a&loginpas=b", "http://cam"],
    ["https://cdn:8443/a.m3u8?X-Amz-Signature=f#t=1", "https://cdn:8443"],
    ["https://cdn/hdnts=exp=1~hmac=f/a.m3u8", "https://cdn"],
    ["rtmp://h/live/secret-key", "rtmp://h"],
    ["rtsp://[2001:db8::1]:554/a", "rtsp://[2001:db8::1]:554"],
    ["srt://h:9000?passphrase=x", "srt://h:9000"],
    ["async:rtsp://u:p@h/a", "async:rtsp://h"],
    ["rtsp://u:12/34@h/a", "rtsp://***"],
    ["rtsp://u:p w@h/a", "rtsp://h"],
    ["rtsp://u:x://y@h/a", "rtsp://***"],
    ["h:3128", "h:3128"],
  ])("%s is %s", (given, shown) => expect(originOf(given)).toBe(shown));
});
