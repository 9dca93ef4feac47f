// What a publisher says, and what it is answered (RFC 2326 §10):
//
//   ANNOUNCE, with a description ─▶ SETUP, once per medium ─▶ RECORD ─▶ media ─▶ TEARDOWN, or the end of the connection
//
// It knows no socket and no clock. Whatever is asked gets a reply that says what is wrong.

import { randomBytes } from "node:crypto";
import { ReelError } from "../../base/reel-error.js";
import { type HeaderValues, type RtspRequest, writeResponse } from "./rtsp-message.js";
import {
  STATUS_BAD_REQUEST,
  STATUS_METHOD_NOT_ALLOWED,
  STATUS_NOT_FOUND,
  STATUS_NOT_IMPLEMENTED,
  STATUS_NOT_VALID_IN_STATE,
  STATUS_OK,
  STATUS_SESSION_NOT_FOUND,
  STATUS_UNSUPPORTED_TRANSPORT,
} from "./rtsp-protocol.js";
import { type DescribedMedia, parseSessionDescription } from "./session-description.js";
import { type Pair, parseTransports, type TransportOffer } from "./transport-header.js";

export interface Refusal {
  readonly status: number;
  /** In place of the status' own reason. */
  readonly reason?: string | undefined;
}

/** The connection, as its dialog needs it. */
export interface RecordPeer {
  send(bytes: Uint8Array): void;
  /** What is in a stream's path and query is its name and its key. Returns why it cannot be published. */
  announced(path: string, media: readonly DescribedMedia[]): Refusal | undefined;
  /** The ports at our end for a medium, once they are there; rejects where there are none. */
  openPorts(index: number, clientPorts: Pair): Promise<Pair>;
  openChannels(index: number, channels: Pair): void;
  /** Media follow. Returns why they are not taken. */
  record(userAgent: string): Refusal | undefined;
  /** The publisher has said goodbye. */
  left(): void;
  fail(error: unknown): void;
}

const PUBLIC = "OPTIONS, ANNOUNCE, SETUP, RECORD, GET_PARAMETER, SET_PARAMETER, TEARDOWN";
/** Seconds. Packets keep a session alive too. */
export const SESSION_TIMEOUT_S = 60;
const MAX_PATH = 2048;

export class RecordDialog {
  readonly #peer: RecordPeer;
  readonly #sessionId = randomBytes(8).toString("hex");
  #media: readonly DescribedMedia[] | undefined;
  /** By index of the medium. */
  readonly #setUp = new Set<number>();
  #isTcp: boolean | undefined;
  #isRecording = false;

  constructor(peer: RecordPeer) {
    this.#peer = peer;
  }

  get isRecording(): boolean {
    return this.#isRecording;
  }

  requested(request: RtspRequest): void {
    const session = request.headers.get("session").split(";")[0]?.trim() ?? "";
    if (session !== "" && session !== this.#sessionId) {
      this.#refuse(request, { status: STATUS_SESSION_NOT_FOUND });
      return;
    }
    switch (request.method) {
      case "OPTIONS":
        this.#reply(request, { Public: PUBLIC });
        return;
      case "GET_PARAMETER":
      case "SET_PARAMETER":
        this.#reply(request, {});
        return;
      case "ANNOUNCE":
        this.#announce(request);
        return;
      case "SETUP":
        this.#setUpMedium(request);
        return;
      case "RECORD":
        this.#record(request);
        return;
      case "TEARDOWN":
        this.#reply(request, {});
        this.#peer.left();
        return;
      case "DESCRIBE":
      case "PLAY":
      case "PAUSE":
        this.#refuse(request, { status: STATUS_METHOD_NOT_ALLOWED, reason: "Streams are published here, not played" });
        return;
      default:
        this.#refuse(request, { status: STATUS_NOT_IMPLEMENTED });
    }
  }

  #announce(request: RtspRequest): void {
    if (this.#isRecording || this.#setUp.size > 0) {
      this.#refuse(request, { status: STATUS_NOT_VALID_IN_STATE });
      return;
    }
    const path = pathOf(request.uri);
    let media: readonly DescribedMedia[];
    try {
      if (path.length > MAX_PATH) throw new ReelError("badInput", "the URI is too long");
      ({ media } = parseSessionDescription(request.body.toString("utf8")));
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      this.#refuse(request, { status: STATUS_BAD_REQUEST, reason: error.message });
      return;
    }
    const refusal = this.#peer.announced(path, media);
    if (refusal) {
      this.#refuse(request, refusal);
      return;
    }
    this.#media = media;
    this.#reply(request, {});
  }

  #setUpMedium(request: RtspRequest): void {
    const media = this.#media;
    if (!media || this.#isRecording) {
      this.#refuse(request, { status: STATUS_NOT_VALID_IN_STATE, reason: media ? undefined : "ANNOUNCE comes first" });
      return;
    }
    const index = this.#indexOf(media, request.uri);
    if (index === undefined) {
      this.#refuse(request, { status: STATUS_NOT_FOUND });
      return;
    }
    const offer = parseTransports(request.headers.get("transport")).find((one) => this.#canTake(one));
    if (!offer) {
      this.#refuse(request, { status: STATUS_UNSUPPORTED_TRANSPORT });
      return;
    }
    this.#isTcp = offer.isTcp;
    this.#setUp.add(index);
    if (offer.isTcp) {
      const channels = offer.channels ?? [2 * index, 2 * index + 1];
      this.#peer.openChannels(index, channels);
      this.#replySetUp(request, `RTP/AVP/TCP;unicast;interleaved=${channels.join("-")};mode=record`);
    } else void this.#openPorts(request, index, offer.clientPorts as Pair);
  }

  /** Of one session all media travel alike. */
  #canTake(offer: TransportOffer): boolean {
    if (offer.isMulticast || (this.#isTcp !== undefined && this.#isTcp !== offer.isTcp)) return false;
    return offer.isTcp || offer.clientPorts !== undefined;
  }

  async #openPorts(request: RtspRequest, index: number, clientPorts: Pair): Promise<void> {
    try {
      const ports = await this.#peer.openPorts(index, clientPorts);
      const transport = `RTP/AVP;unicast;client_port=${clientPorts.join("-")};server_port=${ports.join("-")};mode=record`;
      this.#replySetUp(request, transport);
    } catch (error) {
      this.#peer.fail(error);
    }
  }

  #record(request: RtspRequest): void {
    if (this.#setUp.size === 0 || this.#isRecording) {
      this.#refuse(request, { status: STATUS_NOT_VALID_IN_STATE });
      return;
    }
    const refusal = this.#peer.record(request.headers.get("user-agent"));
    if (refusal) {
      this.#refuse(request, refusal);
      return;
    }
    this.#isRecording = true;
    this.#reply(request, { Session: this.#sessionId });
  }

  /** The medium whose control ends the URI; else the only one, or the next one. */
  #indexOf(media: readonly DescribedMedia[], uri: string): number | undefined {
    // GStreamer puts the query of the whole behind the control, where others have it between.
    const path = uri.replace(/\?.*$/s, "");
    const isFree = (index: number): boolean => !this.#setUp.has(index);
    const isNamed = ({ control }: DescribedMedia): boolean => {
      const name = control.trim();
      return (
        name !== "" &&
        name !== "*" &&
        [uri, path].some((one) => one === name || one.endsWith(`/${name}`) || one.endsWith(`&${name}`))
      );
    };
    const named = media.findIndex((one, index) => isFree(index) && isNamed(one));
    if (named >= 0) return named;
    const next = media.findIndex((one, index) => isFree(index) && (one.control === "" || media.length === 1));
    return next >= 0 ? next : undefined;
  }

  #replySetUp(request: RtspRequest, transport: string): void {
    this.#reply(request, { Session: `${this.#sessionId};timeout=${SESSION_TIMEOUT_S}`, Transport: transport });
  }

  #reply({ headers }: RtspRequest, values: HeaderValues): void {
    this.#peer.send(writeResponse(STATUS_OK, { CSeq: headers.get("cseq"), ...values }));
  }

  #refuse({ headers }: RtspRequest, { status, reason }: Refusal): void {
    const values = { CSeq: headers.get("cseq"), Public: status === STATUS_METHOD_NOT_ALLOWED ? PUBLIC : undefined };
    this.#peer.send(writeResponse(status, values, "", reason));
  }
}

/** Path and query. */
function pathOf(uri: string): string {
  return uri.replace(/^rtsps?:\/\/[^/?]*/i, "").replace(/(?<!\/)\/+(?=\?|$)/, "");
}
