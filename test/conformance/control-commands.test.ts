// Every row of ems-record-spec §1.2, §1.3 and §2 as a request and the bytes of its reply, over every transport that
// carries commands: WebSocket lines and JSON, JSON over TCP with and without length prefix, HTTP GET and POST. The
// human-readable listener has a test of its own (control-human.test.ts).

import { afterEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/control/commands/command-table.js";
import { parseCommandLine } from "../../src/control/commands/grammar.js";
import { tagNumber } from "../../src/control/replies/stream-object.js";
import { ControlFixture, WALL_MS } from "../support/control-fixture.js";

const PID = process.pid;
const SECONDS = Math.floor(WALL_MS / 1000);
const DECIMAL = `${WALL_MS}.0000`;

interface Row {
  line: string;
  reply: string;
  before?: (fixture: ControlFixture) => void;
}

function failure(description: string): string {
  return `{"data":null,"description":"${description}","status":"FAIL"}`;
}
function ok(description: string, data: string): string {
  return `{"data":${data},"description":"${description}","status":"SUCCESS"}`;
}

const SETTINGS =
  '"_localStreamName":"1","chunkLength":60,"computedPathToFile":"..\\/media\\/testRecord.mp4","configId":1,"dateFolderStructure":false,"hasAudio":true,"keepAlive":true,' +
  '"localStreamName":"cam1","mp4BinPath":"evo-mp4writer","operationType":7,"overwrite":true,"pathToFile":"..\\/media\\/testRecord","preset":0,';
const SETTINGS_TAIL = '"type":"mp4","waitForIDR":true,"winQtCompat":true';
const WAITING = `"status":{"current":{"code":2,"description":"Waiting for stream","timestamp":${SECONDS},"uniqueStreamId":0},"previous":null},`;
const ENTRY = `{${SETTINGS}${WAITING}${SETTINGS_TAIL}}`;
const TRACK = (codec: string, number: string): string =>
  `"bytesCount":0,"codec":"${codec}","codecNumeric":${number},"droppedBytesCount":0,"droppedPacketsCount":0`;
const IN_STREAM = (id: number, edge: string): string =>
  `{"appName":"evostreamms","audio":{${TRACK("AUNK", "4707755069515235328")},"packetsCount":0},"bandwidth":0,"connectionType":0,"creationTimestamp":${DECIMAL},${edge}` +
  `"farIp":"10.0.0.9","farPort":50123,"ip":"10.0.0.9","name":"live1","nearIp":"10.0.0.1","nearPort":1935,"outStreamsUniqueIds":null,"pageUrl":"","port":50123,` +
  `"processId":${PID},"processType":"origin","queryTimestamp":${DECIMAL},"serverAgent":"","swfUrl":"","tcUrl":"rtmp:\\/\\/u:***@h\\/live","type":"INR",` +
  `"typeNumeric":5282249572905648128,"uniqueId":${id},"upTime":0.0000,"userAgent":"FMLE\\/3.0",` +
  `"video":{${TRACK("VUNK", "6220964544311721984")},"height":0,"level":0,"packetsCount":0,"profile":0,"width":0}}`;

const rows: Row[] = [
  { line: "FooBar x=1", reply: failure("command foobar not known. Type help for list of commands") },
  { line: "record", reply: failure("Syntax error. No parameters provided") },
  { line: "record pathToFile=a", reply: failure("Syntax error. Parameter localStreamName is invalid") },
  {
    line: "record localStreamName= pathToFile=a",
    reply: failure("Syntax error. Parameter localStreamName is invalid"),
  },
  {
    line: "record localStreamName=a pathToFile=a chunkLength=1000000",
    reply: failure("Syntax error. Parameter chunkLength is invalid. Range: 0 - 999999"),
  },
  {
    line: "record localStreamName=a pathToFile=a chunkLength=",
    reply: failure("Syntax error. Parameter chunkLength is invalid"),
  },
  {
    line: "record localStreamName=a pathToFile=a chunkLength=01",
    reply: failure("Syntax error. Parameter chunkLength is invalid"),
  },
  {
    line: "record localStreamName=a pathToFile=a chunkLength=-1",
    reply: failure("Syntax error. Parameter chunkLength is invalid"),
  },
  {
    line: "record localStreamName=a pathToFile=a chunkLength=1.5",
    reply: failure("Syntax error. Parameter chunkLength is invalid"),
  },
  {
    line: "record localStreamName=a pathToFile=a overwrite=yes",
    reply: failure("Syntax error. Parameter overwrite is invalid"),
  },
  {
    line: "record localStreamName=a pathToFile=a type=avi",
    reply: failure("Syntax error for type parameter. Type help for details"),
  },
  {
    line: "record localStreamName=a pathToFile=/etc/x",
    reply: failure("Unable to record stream. \\/etc\\/x is outside the media folders (media.folders in reel.json)"),
  },
  { line: "listStreams", reply: ok("Available streams", "null") },
  { line: "listStreamsIds", reply: ok("Available stream IDs", "null") },
  { line: "getStreamsCount", reply: ok("Active streams count", '{"streamCount":0}') },
  { line: "getInboundStreamsCount", reply: ok("Inbound stream count", '{"inboundStreamsCount":0}') },
  { line: "listInboundStreams", reply: ok("Available inbound streams", "null") },
  { line: "listInboundStreamNames", reply: ok("Inbound local stream names", "null") },
  {
    line: "listConfig",
    reply: ok(
      "Run-time configuration",
      '{"dash":[],"hds":[],"hls":[],"metalistener":[],"mss":[],"process":[],"pull":[],"push":[],"record":[],"webrtc":[]}',
    ),
  },
  {
    line: "ReCoRd LOCALSTREAMNAME=cam1 pathtofile=../media/testRecord type=MP4 overwrite=1 keepalive=TRUE chunklength=60 HlsHdsGroup= _localStreamName=1 commandId=a/7",
    reply: `{"data":{${SETTINGS}${SETTINGS_TAIL}},"description":"Recording Stream","responseId":"a\\/7","status":"SUCCESS"}`,
  },
  { line: "getConfigInfo id=1", reply: ok("Configuration Info", ENTRY) },
  { line: "getConfigInfo id=99", reply: failure("Config ID not found") },
  { line: "getConfigInfo id=x", reply: failure("Syntax error. Parameter id is invalid") },
  { line: "getConfigInfo", reply: failure("Syntax error. No parameters provided") },
  {
    line: "listConfig",
    reply: ok(
      "Run-time configuration",
      `{"dash":[],"hds":[],"hls":[],"metalistener":[],"mss":[],"process":[],"pull":[],"push":[],"record":[${ENTRY}],"webrtc":[]}`,
    ),
  },
  { line: "isStreamRunning", reply: failure("id or localStreamName parameters needs to be supplied") },
  {
    line: "isStreamRunning id=1 localStreamName=cam1",
    reply: failure("id and localStreamName must not go together, choose only 1"),
  },
  { line: "isStreamRunning localStreamName=cam1", reply: ok("Stream status:", '{"Running":false}') },
  { line: "getStreamInfo", reply: failure("id or localStreamName parameters needs to be supplied") },
  {
    line: "getStreamInfo id=1 localStreamName=cam1",
    reply: failure("id and localStreamName must not go together, choose only 1"),
  },
  { line: "getStreamInfo id=77", reply: failure("Stream 0:77 not found") },
  { line: "getStreamInfo localStreamName=cam1", reply: failure("Stream cam1 not found") },
  { line: "shutdownStream", reply: failure("id or localStreamName parameters needs to be supplied") },
  { line: "shutdownStream id=77", reply: failure("Stream no longer available") },
  { line: "shutdownStream localStreamName=nobody", reply: failure("Stream no longer available") },
  { line: "shutdownStream localStreamName=cam1 permanently=0", reply: failure("Stream no longer available") },
  {
    line: "shutdownStream localStreamName=cam1",
    reply: ok(
      "Stream closed",
      `{"protocolStackInfo":{"carrier":null,"stack":[{"id":0,"type":""}]},"streamInfo":{"name":"cam1","recordSettings":{${SETTINGS}${SETTINGS_TAIL}}}}`,
    ),
  },
  { line: "getConfigInfo id=1", reply: failure("Config ID not found") },
  {
    line: "record localStreamName=cam2 pathToFile=a\\ b\\,c type=ts",
    reply: ok(
      "Recording Stream",
      '{"chunkLength":0,"computedPathToFile":"a b,c.ts","configId":2,"dateFolderStructure":false,"hasAudio":true,"keepAlive":true,"localStreamName":"cam2",' +
        '"operationType":7,"overwrite":false,"pathToFile":"a b,c","preset":0,"type":"ts","waitForIDR":true,"winQtCompat":true}',
    ),
  },
  { line: "removeConfig", reply: failure("No id nor group name provided") },
  { line: "removeConfig id=77", reply: ok("Configuration terminated", "null") },
  { line: "removeConfig groupName=hls", reply: ok("Configuration terminated", "null") },
  {
    line: "removeConfig id=2",
    reply: ok(
      "Configuration terminated",
      '{"chunkLength":0,"computedPathToFile":"a b,c.ts","configId":2,"dateFolderStructure":false,"hasAudio":true,"keepAlive":true,"localStreamName":"cam2",' +
        '"operationType":7,"overwrite":false,"pathToFile":"a b,c","preset":0,"type":"ts","waitForIDR":true,"winQtCompat":true}',
    ),
  },
  {
    before: (fixture) =>
      void fixture.publish("live1", { tcUrl: "rtmp://u:secret@h/live?key=secret", userAgent: "FMLE/3.0" }),
    line: "listStreams disableInternalStreams=1",
    reply: ok("Available streams", `[${IN_STREAM(1, '"edgePid":0,')}]`),
  },
  { line: "listInboundStreams", reply: ok("Available inbound streams", `[${IN_STREAM(1, '"edgePid":0,')}]`) },
  { line: "getStreamInfo localStreamName=live1", reply: ok("Stream information", IN_STREAM(1, "")) },
  { line: "getStreamInfo id=1", reply: ok("Stream information", IN_STREAM(1, "")) },
  { line: "listStreamsIds", reply: ok("Available stream IDs", "[1]") },
  { line: "getStreamsCount", reply: ok("Active streams count", '{"streamCount":1}') },
  { line: "getInboundStreamsCount", reply: ok("Inbound stream count", '{"inboundStreamsCount":1}') },
  { line: "isStreamRunning id=1", reply: ok("Stream status:", '{"Running":true}') },
  { line: "listInboundStreamNames", reply: ok("Inbound local stream names", '[{"name":"live1"}]') },
  {
    line: "shutdownStream id=1 localStreamName=ignored",
    reply: ok(
      "Stream closed",
      `{"protocolStackInfo":{"carrier":{"farIp":"10.0.0.9","farPort":50123,"nearIp":"10.0.0.1","nearPort":1935},"stack":[{"id":1,"type":"INR"}]},"streamInfo":${IN_STREAM(1, "")}}`,
    ),
  },
  { line: "isStreamRunning id=1", reply: ok("Stream status:", '{"Running":false}') },
  { line: "setTimer value=0", reply: failure("Syntax error. Parameter value is invalid. Range: 1 - 86399") },
  { line: "setTimer value=86400", reply: failure("Syntax error. Parameter value is invalid. Range: 1 - 86399") },
  { line: "setTimer value=25:00:00", reply: failure("Syntax error. Parameter value is invalid") },
  { line: "setTimer value=2017-02-31T00:00:00", reply: failure("Syntax error. Parameter value is invalid") },
  { line: "setTimer", reply: failure("Syntax error. No parameters provided") },
  {
    line: "setTimer value=3600 _uniqueId=5",
    reply: ok("Custom timer enqueued", '{"_uniqueId":"5","timerId":1,"triggerCount":0,"value":3600}'),
  },
  {
    line: "setTimer value=05:00:00",
    reply: ok("Custom timer enqueued", '{"timerId":2,"triggerCount":0,"value":"2017-09-19T05:00:00.000"}'),
  },
  {
    line: "setTimer value=2017-10-21T07:30:00",
    reply: ok("Custom timer enqueued", '{"timerId":3,"triggerCount":0,"value":"2017-10-21T07:30:00.000"}'),
  },
  {
    line: "listTimers",
    reply: ok(
      "List of armed timers",
      '[{"_uniqueId":"5","timerId":1,"triggerCount":0,"value":3600},{"timerId":2,"triggerCount":0,"value":"2017-09-19T05:00:00.000"},' +
        '{"timerId":3,"triggerCount":0,"value":"2017-10-21T07:30:00.000"}]',
    ),
  },
  {
    line: "removeTimer id=1",
    reply: ok("Timer removed", '{"_uniqueId":"5","timerId":1,"triggerCount":0,"value":3600}'),
  },
  { line: "removeTimer id=1", reply: failure("Timer not found") },
  { line: "getLicenseId", reply: ok("getLicenseId", '{"licenseId":"reel-9.8.7"}') },
  { line: "addStreamAlias localStreamName=a aliasName=b", reply: failure("Unable to set stream alias") },
  {
    line: "version",
    reply: ok(
      "Version",
      '{"banner":"Reel 9.8.7, a live-stream recorder with the control interface of EvoStream Media Server 2.0.0","branchName":"","buildDate":"2017-09-19T04:32:27.000",' +
        '"buildNumber":"9.8.7","codeName":"Reel","hash":"","releaseNumber":"2.0.0"}',
    ),
  },
  { line: "pullStream uri=", reply: failure("Syntax error. Parameter uri is invalid") },
  { line: "pullStream uri=nowhere", reply: failure("Invalid URI: nowhere") },
  {
    line: "pullStream uri=rtmp://h/a rangeStart=-3",
    reply: failure("rangeStart and rangeEnd can only have positive values, -2 or -1"),
  },
  {
    line: "pullStream uri=rtmp://h/a",
    reply: failure("Unable to pull requested stream. This server has no pull sources"),
  },
];

interface Wire {
  name: string;
  lengthPadding?: boolean;
  ask(fixture: ControlFixture): Promise<(line: string) => Promise<string>>;
}

/** The parameters of a line, as a JSON client would hold them. */
function jsonForm(line: string): { command: string; parameters: Record<string, string>; commandId?: string } {
  const request = parseCommandLine(line);
  if (!request) throw new Error("blank");
  const parameters = Object.fromEntries(request.parameters.map(({ name, text }) => [name, text]));
  delete parameters.commandId;
  return {
    command: request.command,
    parameters,
    ...(request.commandId !== undefined && { commandId: request.commandId }),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
function split(line: string): { command: string; rest: string } {
  const space = line.indexOf(" ");
  return space < 0 ? { command: line, rest: "" } : { command: line.slice(0, space), rest: line.slice(space + 1) };
}
function unframed(body: string): string {
  expect(body.endsWith("\r\n\r\n")).toBe(true);
  return body.slice(0, -4);
}

const wires: Wire[] = [
  {
    name: "WebSocket, lines",
    ask: async (fixture) => {
      const client = await fixture.webSocket();
      return (line) => client.ask(line);
    },
  },
  {
    name: "WebSocket, JSON",
    ask: async (fixture) => {
      const client = await fixture.webSocket();
      return (line) => client.ask(JSON.stringify(jsonForm(line)));
    },
  },
  {
    name: "JSON over TCP with length prefix",
    async ask(fixture) {
      const client = await fixture.tcp(fixture.json);
      return async (line) => {
        client.socket.write(`${line}\r\n`);
        return unframed((await client.reply()).subarray(4).toString());
      };
    },
  },
  {
    name: "JSON over TCP without length prefix",
    lengthPadding: false,
    async ask(fixture) {
      const client = await fixture.tcp(fixture.json);
      return async (line) => {
        client.socket.write(`${line}\n`);
        return unframed(await client.upTo("\r\n\r\n"));
      };
    },
  },
  {
    name: "HTTP GET",
    ask: async (fixture) => async (line) => {
      const { command, rest } = split(line);
      const answer = await fixture.httpRequest(rest === "" ? `/${command}` : `/${command}?params=${base64(rest)}`);
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("text/plain");
      expect(answer.headers.connection).toBe("close");
      return unframed(answer.body);
    },
  },
  {
    name: "HTTP POST, text",
    ask: async (fixture) => async (line) => {
      const { command, rest } = split(line);
      return unframed((await fixture.httpRequest(`/api/${command}`, { method: "POST", body: rest })).body);
    },
  },
  {
    name: "HTTP POST, JSON",
    ask: async (fixture) => async (line) => {
      const body = JSON.stringify(jsonForm(line));
      return unframed(
        (await fixture.httpRequest("/", { method: "POST", body, headers: { "Content-Type": "application/json" } }))
          .body,
      );
    },
  },
];

describe("every command, to the byte", () => {
  let fixture: ControlFixture | undefined;
  afterEach(async () => {
    await fixture?.close();
    fixture = undefined;
  });

  it.each(wires)("over $name", async ({ lengthPadding, ask }) => {
    fixture = await ControlFixture.open({ control: { lengthPadding } });
    const send = await ask(fixture);
    for (const row of rows) {
      row.before?.(fixture);
      // How long a stream lives goes by a clock that no test stops.
      expect((await send(row.line)).replace(/"upTime":\d+\.\d{4}/, '"upTime":0.0000'), row.line).toBe(row.reply);
    }
    expect(await send("listStorage")).toBe(
      ok(
        "Available storages",
        `[{"description":"Media folder of recordings","mediaFolder":"${fixture.root.replaceAll("/", "\\/")}\\/media","name":"media"}]`,
      ),
    );
    expect(await send("quit")).toBe(ok("Bye!", "null"));
  });

  it.each([-86_400_000, 86_400_000])(
    "a stream's upTime does not follow a wall clock that is set by %i ms",
    async (ms) => {
      fixture = await ControlFixture.open();
      fixture.publish("live1");
      fixture.clock.nowMs += ms;
      const client = await fixture.webSocket();
      const [stream] = (JSON.parse(await client.ask("listStreams")) as { data: { upTime: number }[] }).data;
      expect(stream?.upTime).toBeGreaterThan(0);
      expect(stream?.upTime).toBeLessThan(60_000);
    },
  );

  it("a variable may have any name that begins with _, in replies and in what is listed", async () => {
    fixture = await ControlFixture.open();
    const client = await fixture.webSocket();
    const variables = '{"___":"2","__proto__":"1","_constructor":"3","chunkLength":0';
    expect(await client.ask("record localStreamName=odd pathToFile=odd __proto__=1 ___=2 _constructor=3")).toContain(
      `{"data":${variables}`,
    );
    expect(await client.ask("listConfig")).toContain(variables);
  });

  it("help lists every command with commandId last, and mandatory parameters without default", async () => {
    fixture = await ControlFixture.open();
    const client = await fixture.webSocket();
    const reply = JSON.parse(await client.ask("help")) as {
      description: string;
      data: { command: string; parameters: { name: string; mandatory: boolean; defaultValue: string | null }[] }[];
    };
    expect(reply.description).toBe("Available commands");
    expect(reply.data.map((entry) => entry.command)).toEqual(COMMANDS.map((command) => command.name));
    for (const { parameters } of reply.data) {
      expect(parameters.at(-1)).toMatchObject({
        name: "commandId",
        defaultValue: "-No default value-",
        mandatory: false,
      });
      for (const parameter of parameters) expect(parameter.defaultValue === null).toBe(parameter.mandatory);
    }
  });

  it("tags are their ASCII bytes in a 64-bit integer", () => {
    expect(["INR", "OFMP4", "OFTS", "OFRFLV", "AUNK", "VUNK", "AAAC", "VH264"].map(tagNumber)).toEqual([
      5282249572905648128n,
      5712338184231190528n,
      5712345892825071616n,
      5712343639247945728n,
      4707755069515235328n,
      6220964544311721984n,
      4702111241970122752n,
      6217274493967007744n,
    ]);
  });
});
