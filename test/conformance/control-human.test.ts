// The human-readable listener, ems-record-spec §5: layout, shown keys, and the examples of the user guide.

import { afterEach, describe, expect, it } from "vitest";
import { renderHuman } from "../../src/control/replies/human.js";
import { Decimal, success } from "../../src/control/replies/reply.js";
import { ControlFixture } from "../support/control-fixture.js";

function lines(...text: string[]): string {
  return text.join("\r\n");
}

describe("human-readable replies", () => {
  it("renders nested objects, arrays, empty values and decimals as the manual does", () => {
    const reply = success("Stream rtmp://h/a enqueued for pulling", {
      uri: { scheme: "rtmp", port: 1935, fullUri: "rtmp://h/a", host: "hidden" },
      localStreamName: "",
      keepAlive: true,
      configId: 1,
      forceTcp: false,
    });
    expect(renderHuman("PULLSTREAM", reply)).toBe(
      lines(
        "Command entered successfully!",
        "Stream rtmp://h/a enqueued for pulling",
        "",
        "    configId: 1",
        "    forceTcp: false",
        "    keepAlive: true",
        "    localStreamName:",
        "    uri:",
        "      fullUri: rtmp://h/a",
        "      port: 1935",
        "      scheme: rtmp",
        "",
        "",
      ),
    );
    expect(
      renderHuman(
        "unlisted",
        success("d", {
          destinations: ["stream100", "stream200"],
          empty: [],
          none: null,
          t: new Decimal(2),
          list: [{ b: "x\r\ny", a: 1.5 }],
        }),
      ),
    ).toBe(
      lines(
        "Command entered successfully!",
        "d",
        "",
        "    destinations:",
        "      -- stream100",
        "      -- stream200",
        "    empty: []",
        "    list:",
        "      --",
        "        a: 1.5000",
        "        b: x y",
        "    none:",
        "    t: 2.0000",
        "",
        "",
      ),
    );
  });

  describe("over TCP", () => {
    let fixture: ControlFixture;
    afterEach(() => fixture.close());

    it("shows the selected keys, for success and failure", async () => {
      fixture = await ControlFixture.open();
      const client = await fixture.tcp(fixture.ascii);
      client.socket.write(
        "record localStreamName=testpullstream pathtofile=../media/testRecord type=mp4 overwrite=1 _x=y\r\n",
      );
      expect(await client.upTo("\r\n\r\n")).toBe(lines("Command entered successfully!", "Recording Stream", "", ""));
      expect(await client.upTo("\r\n\r\n")).toBe(
        lines(
          "    chunkLength: 0",
          "    configId: 1",
          "    localStreamName: testpullstream",
          "    pathToFile: ../media/testRecord",
          "    type: mp4",
          "",
          "",
        ),
      );
      client.socket.write("record\n");
      expect(await client.upTo("\r\n\r\n")).toBe(
        lines("Command failed!", "Syntax error. No parameters provided", "", ""),
      );
      client.socket.write("listConfig\n");
      await client.upTo("\r\n\r\n");
      expect(await client.upTo("\r\n\r\n")).toBe(
        lines(
          ...["dash", "hds", "hls", "metalistener", "mss", "process", "pull", "push"].map((name) => `    ${name}: []`),
          "    record:",
          "      --",
          "        configId: 1",
          "        localStreamName: testpullstream",
          "        pathToFile: ../media/testRecord",
          "        status:",
          "          current:",
          "            description: Waiting for stream",
          "            uniqueStreamId: 0",
          "    webrtc: []",
          "",
          "",
        ),
      );
      fixture.publish("live1");
      client.socket.write("listStreams\n");
      await client.upTo("\r\n\r\n");
      expect(await client.upTo("\r\n\r\n")).toBe(
        lines(
          "    --",
          "      audio:",
          "        bytesCount: 0",
          "        codec: AUNK",
          "      farIp: 10.0.0.9",
          "      name: live1",
          "      nearIp: 10.0.0.1",
          "      outStreamsUniqueIds:",
          `      processId: ${process.pid}`,
          "      processType: origin",
          "      type: INR",
          "      uniqueId: 1",
          "      video:",
          "        bytesCount: 0",
          "        codec: VUNK",
          "",
          "",
        ),
      );
      client.socket.write("quit\n");
      expect(await client.upTo("\r\n\r\n\r\n")).toBe(lines("Command entered successfully!", "Bye!", "", "", ""));
    });
  });
});
