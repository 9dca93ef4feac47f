// Multitrack messages of more tracks than there are: what a publisher may make the server do for each of their parts.

import { expect, it } from "vitest";
import { messageBytes, obsOpening } from "../../../support/rtmp-bytes.js";
import { DirectConnection, IngestRig } from "../../../support/rtmp-rig.js";

const MANY_TRACKS_MANY_CODECS = Uint8Array.of(0x96, 0x21);
const PARTS = 2000;

/** Empty parts that go over all track ids, again and again, with another codec that is not recorded each time. */
function emptyParts(): Buffer {
  const parts = Array.from({ length: PARTS }, (_, i) => {
    const fourCc = Math.floor(i / 256) % 2 === 0 ? "aaaa" : "bbbb";
    return Buffer.concat([Buffer.from(fourCc), Buffer.of(i & 255, 0, 0, 0)]);
  });
  return Buffer.concat([MANY_TRACKS_MANY_CODECS, ...parts]);
}

function publish(): { rig: IngestRig; told: () => number; send: (payload: Buffer) => void } {
  const rig = new IngestRig();
  const direct = new DirectConnection(rig);
  direct.feed(obsOpening("live", "cam1"));
  const { inStream } = rig.only;
  const setUnrecorded = inStream.setUnrecorded.bind(inStream);
  let count = 0;
  inStream.setUnrecorded = (tracks) => {
    count++;
    setUnrecorded(tracks);
  };
  const send = (payload: Buffer): void =>
    direct.feed(messageBytes({ csid: 6, type: 9, streamId: 1, time: 0, payload }, 4096));
  return { rig, told: () => count, send };
}

it("tell once of all tracks that are not recorded, however many parts say so", () => {
  const { told, send } = publish();
  send(emptyParts());
  expect(told()).toBe(1);
});

it("are told apart up to a number, and said to be too many beyond it", () => {
  const { rig, send } = publish();
  send(emptyParts());
  expect(JSON.stringify(rig.logger.lines)).toContain("more than 32 further tracks of video");
});
