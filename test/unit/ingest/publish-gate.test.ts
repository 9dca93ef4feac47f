// Who gives way to whom, where an encoder comes back by another protocol: every listener has a gate of its own.

import { expect, it } from "vitest";
import { PublishGate, type PublishRequest } from "../../../src/ingest/publish-gate.js";
import { IngestRig } from "../../support/rtmp-rig.js";

const ENDS = { ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };

it("a publisher that shows the key of a live stream takes its name over, by whatever protocol either came", () => {
  const { registry, clock } = new IngestRig();
  const options = { publishKeys: { cam: "k", other: "o" }, takeOverAfterMs: 3000 };
  const gates = { rtmp: new PublishGate(registry, clock, options), rtsp: new PublishGate(registry, clock, options) };
  const ended: string[] = [];
  const request = (type: string, streamKey: string): PublishRequest => ({
    app: "",
    streamKey,
    source: { ...ENDS, type },
  });
  const open = (gate: PublishGate, one: PublishRequest) => {
    const answer = gate.open(one, {
      close: (reason) => {
        ended.push(`${one.source.type}: ${reason}`);
        if (answer.ok) answer.inStream.end(reason);
      },
      readNow: () => ended.push(`${one.source.type} is read`),
    });
    return answer;
  };
  expect(open(gates.rtmp, request("INR", "live/cam?key=k")).ok).toBe(true);
  expect(open(gates.rtsp, request("INP", "live/cam?key=wrong"))).toMatchObject({ ok: false, code: "denied" });
  expect(open(gates.rtsp, request("INP", "live/cam?key=k")).ok).toBe(true);
  expect(open(gates.rtmp, request("INR", "live/cam?key=k")).ok).toBe(true);
  const reason = "another publisher showed the same key";
  expect(ended).toEqual(["INR is read", `INR: ${reason}`, "INP is read", `INP: ${reason}`]);
  expect(registry.get("cam")?.source.type).toBe("INR");
});
