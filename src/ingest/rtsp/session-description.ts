// The session description of a source (SDP, RFC 8866), read by sdp-transform: which media there are, what they hold,
// and where each is asked for. sdp-transform passes over lines that it does not know; what it makes of the others is
// checked here.

import { type MediaDescription, parse } from "sdp-transform";
import { badInput } from "../../base/reel-error.js";
import type { RtpMedia } from "../rtp/rtp-media.js";
import { MAX_MEDIA } from "./rtsp-protocol.js";

/** A medium that packets can be had of. */
export interface DescribedMedia {
  readonly media: RtpMedia;
  /** As written: absent, `*`, relative or absolute. */
  readonly control: string;
}

export interface SessionDescription {
  readonly control: string;
  readonly media: readonly DescribedMedia[];
  /** For people: what is there and is not asked for. */
  readonly passedOver: readonly string[];
}

/** Parameter sets in a=fmtp are the longest lines there are. */
const MAX_LINE = 8192;
const MAX_LINES = 1024;

/** Throws ReelError `badInput` for what has no media at all. */
export function parseSessionDescription(text: string): SessionDescription {
  const lines = text.split(/\r\n|\r|\n/, MAX_LINES + 1).filter((line) => line.length <= MAX_LINE);
  const session = parse(
    lines
      .slice(0, MAX_LINES)
      .map((line) => line.trim())
      .join("\r\n"),
  );
  const all = session.media.slice(0, MAX_MEDIA);
  if (all.length === 0) badInput("the session description has no media");
  const passedOver: string[] = [];
  const media: DescribedMedia[] = [];
  for (const one of all) {
    const why = whyNot(one, all);
    const described = why === undefined ? describe(one) : undefined;
    if (described) media.push(described);
    else passedOver.push(why ?? `${one.type} without a payload type`);
  }
  return { control: textOf((session as { control?: unknown }).control), media, passedOver };
}

function whyNot(one: MediaDescription, all: readonly MediaDescription[]): string | undefined {
  const { type, direction } = one;
  if (type !== "video" && type !== "audio")
    return `${textOf(type).slice(0, 40) || "a medium"} (no picture and no sound)`;
  if (direction === "inactive") return `inactive ${type}`;
  // ONVIF's back channel: the camera's loudspeaker. Where all media say so, the server has it the other way round.
  if (direction === "sendonly" && all.some((other) => other.direction !== "sendonly")) return `${type} back channel`;
  return undefined;
}

function describe(one: MediaDescription): DescribedMedia | undefined {
  const payloads = textOf(one.payloads).split(/\s+/).map(Number).filter(isPayloadType);
  const maps = one.rtp.filter(({ payload }) => isPayloadType(payload));
  // Cameras name other payload types in their attributes than in the m= line.
  const map = maps.find(({ payload }) => payloads.includes(payload)) ?? maps[0];
  const payloadType = map && payloads.includes(map.payload) ? map.payload : (payloads[0] ?? map?.payload);
  if (payloadType === undefined) return undefined;
  const formats = one.fmtp;
  const format = formats.find(({ payload }) => payload === (map?.payload ?? payloadType)) ?? formats[0];
  return {
    control: textOf((one as { control?: unknown }).control),
    media: {
      kind: one.type === "audio" ? "audio" : "video",
      payloadType,
      encodingName: textOf(map?.codec),
      clockRate: positive(map?.rate),
      channels: positive(map?.encoding),
      fmtp: parseFormat(textOf(format?.config)),
    },
  };
}

/** `name=value; name=value`; what holds no `=` is a name with an empty value. */
function parseFormat(text: string): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null);
  for (const part of text.split(";")) {
    const equals = part.indexOf("=");
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (name !== "") parameters[name] = equals < 0 ? "" : part.slice(equals + 1).trim();
  }
  return parameters;
}

function isPayloadType(payload: unknown): payload is number {
  return Number.isInteger(payload) && (payload as number) >= 0 && (payload as number) <= 127;
}

/** sdp-transform makes numbers of texts that look like one. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

function positive(value: unknown): number {
  const number = Number(value);
  return Number.isInteger(number) && number > 0 && number <= 0xffffffff ? number : 0;
}
