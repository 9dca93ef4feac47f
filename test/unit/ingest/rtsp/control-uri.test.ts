// Which URI a camera is asked for: bases and controls as cameras write them.

import { expect, it } from "vitest";
import { baseUri, controlUri } from "../../../../src/ingest/rtsp/control-uri.js";

const ASKED = "rtsp://cam:554/live?channel=1&subtype=0";

it.each([
  ["what the server says", "rtsp://cam/base/", "rtsp://cam/other/", "rtsp://cam/base/"],
  ["the location, where there is no base", "", " rtsp://cam/there ", "rtsp://cam/there"],
  ["a path of the server that was asked", "/base/", "", "rtsp://cam:554/base/"],
  ["what was asked for, where nothing is said", "", "", ASKED],
  ["what was asked for, where the base has no scheme", "192.168.1.10/live/", "", ASKED],
])("the base of all controls is %s", (_name, base, location, expected) => {
  expect(baseUri(ASKED, base, location)).toBe(expected);
});

it.each([
  ["none is the whole", ASKED, "", ASKED],
  ["a star is the whole", ASKED, "*", ASKED],
  ["an absolute one is itself", ASKED, "RTSP://cam/track1?x=1", "RTSP://cam/track1?x=1"],
  ["a relative one stands behind the query", ASKED, "trackID=0", `${ASKED}/trackID=0`],
  ["a base with its slash gets no second one", "rtsp://cam/live/", "track1", "rtsp://cam/live/track1"],
  ["a query stands behind the base", "rtsp://cam/live", "?ctype=video", "rtsp://cam/live?ctype=video"],
  ["a path is one of the server", ASKED, "/track1", "rtsp://cam:554/track1"],
  ["blanks and line ends are no part of a request", ASKED, " a b\r\nX: y ", `${ASKED}/a%20b%0D%0AX:%20y`],
])("a control: %s", (_name, base, control, expected) => {
  expect(controlUri(base, control)).toBe(expected);
});
