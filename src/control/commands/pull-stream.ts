// pullStream (ems-record-spec §2.2): validation, config and reply. The sources themselves are behind PullPort.

import { randomInt } from "node:crypto";
import { maskUri } from "../../base/credentials.js";
import { ReelError } from "../../base/reel-error.js";
import { checkStreamName } from "../../stream/stream-registry.js";
import type { PullSettings } from "../pull/pull-port.js";
import { parsePullUri, uriObject } from "../pull/pull-uri.js";
import { pullSettings } from "../replies/config-object.js";
import { success } from "../replies/reply.js";
import { type CommandContext, defineCommand } from "./command.js";
import { CommandFailure, flag, integer, optionalText, text } from "./parameter.js";

const DEFAULT_AGENT = "EvoStream Media Server (www.evostream.com) player";
/** Shorthands of emulateUserAgent, lower-case. */
const AGENTS: Readonly<Record<string, string>> = {
  evo: DEFAULT_AGENT,
  flash: "WIN 11,3,300,265",
  fmle: "FMLE/3.0 (compatible; FMSc/1.0)",
  wirecast: "Wirecast/FM 1.0 (compatible; FMSc/1.0)",
};
const NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const MAX_RANGE_S = 4_294_967_295;

export const pullStream = defineCommand({
  name: "pullStream",
  description: "Pulls in a stream from another server or a camera.",
  parameters: {
    uri: text("Source; user:password@ in front of the host is allowed."),
    keepAlive: flag("Try again for ever, and keep the config over restarts.", true),
    localStreamName: optionalText("Name of the stream here; generated where it is not given."),
    forceTcp: flag("RTSP: interleaved TCP.", false),
    rangeStart: integer(
      "Start of the play range in seconds; -2 and -1 as in RTMP.",
      -2,
      Number.MIN_SAFE_INTEGER,
      MAX_RANGE_S,
    ),
    rangeEnd: integer("Length of the play range in seconds; -1 = all.", -1, Number.MIN_SAFE_INTEGER, MAX_RANGE_S),
    rtcpDetectionInterval: integer("Seconds to wait for RTCP.", 10, 0, 60),
    emulateUserAgent: optionalText(
      "User agent shown to the source; evo, FMLE, wirecast and flash are short for well-known ones.",
      DEFAULT_AGENT,
    ),
    tcUrl: optionalText("RTMP: tcUrl of connect."),
    pageUrl: optionalText("RTMP: pageUrl of connect."),
    swfUrl: optionalText("RTMP: swfUrl of connect."),
    ssmIp: optionalText("MPEG-TS over UDP: source of a source-specific multicast."),
    httpProxy: optionalText("RTSP over HTTP: proxy. Not supported for rtsp: and rtsps:."),
    audioCodecBytes: optionalText("rtp://: AudioSpecificConfig, hexadecimal."),
    spsBytes: optionalText("rtp://: sequence parameter set, base64."),
    ppsBytes: optionalText("rtp://: picture parameter set, base64."),
    isAudio: flag("rtp://: audio, not video.", true),
    ttl: integer("Time to live of packets sent; 256 = the system's.", 256, 0, 256),
    tos: integer("Type of service of packets sent; 256 = the system's.", 256, 0, 256),
    sendRenewStream: flag("RTSP: send a renew request.", false),
    httpStreamType: optionalText("HTTP: kind of stream.", "ts"),
    saveToConfig: flag("0: do not keep the config over restarts.", true),
    sendDummyPayload: flag("RTSP over UDP: open the way through a NAT.", false),
    videoSourceIndex: optionalText("Which video track where there are several.", "high"),
  },
  takesVariables: true,
  shownKeys: ["configId", "forceTcp", "keepAlive", "localStreamName", "uri", "fullUri", "port", "scheme"],
  handle(args, context, variables) {
    const uri = parsePullUri(args.uri);
    const shownUri = maskUri(args.uri);
    if (!uri) throw new CommandFailure(`Invalid URI: ${shownUri}`);
    if (args.rangeStart < -2 || args.rangeEnd < -1)
      throw new CommandFailure("rangeStart and rangeEnd can only have positive values, -2 or -1");
    if (args.httpProxy !== "" && /^rtsps?$/.test(uri.scheme))
      throw new CommandFailure("Unable to pull requested stream. RTSP through an HTTP tunnel is not supported");
    const localStreamName = chooseName(args.localStreamName, context);
    const reason = context.pulls.checkUri(args.uri, args.ssmIp);
    if (reason !== undefined) throw new CommandFailure(`Unable to pull requested stream. ${reason}`);
    const emulateUserAgent = AGENTS[args.emulateUserAgent.toLowerCase()] ?? args.emulateUserAgent;
    const settings: PullSettings = {
      ...args,
      emulateUserAgent,
      localStreamName,
      variables,
      configId: context.recorder.nextConfigId(),
    };
    context.pulls.add(settings);
    return success(`Stream ${shownUri} enqueued for pulling`, {
      ...pullSettings(settings),
      uri: uriObject(args.uri, uri),
    });
  },
});

function isTaken(name: string, context: CommandContext): boolean {
  return context.recorder.streams.get(name) !== undefined || context.pulls.named(name) !== undefined;
}

function chooseName(given: string, context: CommandContext): string {
  if (given !== "") {
    checkName(given);
    if (isTaken(given, context)) throw new CommandFailure(`Stream name ${given} already taken`);
    return given;
  }
  for (;;) {
    const name = `stream_${Array.from({ length: 8 }, () => NAME_CHARACTERS.charAt(randomInt(NAME_CHARACTERS.length))).join("")}`;
    if (!isTaken(name, context)) return name;
  }
}

function checkName(name: string): void {
  try {
    checkStreamName(name);
  } catch (error) {
    if (error instanceof ReelError)
      throw new CommandFailure(`Unable to pull requested stream. ${error.message}`, { cause: error });
    throw error;
  }
}
