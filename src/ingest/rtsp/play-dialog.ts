// What is said to a server to play a stream (RFC 2326 §10), one request at a time:
//
//   OPTIONS ─▶ DESCRIBE ─▶ SETUP, once per medium ─▶ PLAY ─▶ playing, with a request now and then to stay ─▶ TEARDOWN
//
// Servers differ, so a refused OPTIONS, a refused medium, a refused keep-alive and a refused Range are no end. It knows
// no socket and no clock.

import type { Millis } from "../../time/units.js";
import type { Authentication } from "./authentication.js";
import { baseUri, controlUri } from "./control-uri.js";
import { infoOf, parseRtpInfo, type RtpInfo } from "./rtp-info.js";
import { type HeaderValues, type RtspRequest, type RtspResponse, writeRequest, writeResponse } from "./rtsp-message.js";
import {
  STATUS_NOT_IMPLEMENTED,
  STATUS_OK,
  STATUS_SESSION_NOT_FOUND,
  STATUS_UNAUTHORIZED,
  STATUS_UNSUPPORTED_TRANSPORT,
} from "./rtsp-protocol.js";
import { type DescribedMedia, parseSessionDescription, type SessionDescription } from "./session-description.js";
import { parseTransports, type TransportOffer } from "./transport-header.js";

/** Why a connection has nothing more to give. */
export interface DialogEnd {
  reason: string;
  /** Where the server sends us. */
  redirect?: string | undefined;
  /** The server does not send datagrams. */
  needsTcp?: boolean | undefined;
  /** The server does not take our credentials, or asks for some that we do not have. */
  isDenied?: boolean | undefined;
}

export interface PlayRequest {
  /** Without credentials and fragment, as it stands in requests. */
  readonly uri: string;
  readonly userAgent: string;
  /** Seconds; only above 0 it has an effect. */
  readonly rangeStart: number;
  /** Seconds; -1 = to the end. */
  readonly rangeLength: number;
}

/** The connection, as its dialog needs it. */
export interface PlayPeer {
  send(bytes: Uint8Array): void;
  /** The server has taken us. `setUp` is to be called with the media that are wanted. */
  described(description: SessionDescription): void;
  /** A medium is set up, with what the server says of its transport. Returns why that cannot be used. */
  isSetUp(index: number, transport: TransportOffer | undefined): string | undefined;
  /** A medium will not be sent. */
  isRefused(index: number, why: string): void;
  /** Media are on their way, or will be. */
  playing(infos: readonly (RtpInfo | undefined)[]): void;
  note(text: string): void;
  ended(end: DialogEnd): void;
}

/** A medium that is wanted, and the Transport header that asks for it. */
export interface WantedMedia {
  readonly described: DescribedMedia;
  readonly transport: string;
}

interface Pending {
  readonly method: string;
  readonly uri: string;
  readonly headers: HeaderValues;
  readonly wasAnswered: boolean;
  readonly sentMs: Millis;
  readonly then: (response: RtspResponse) => void;
}

/** RFC 2326 §12.37, where the server says nothing, or nothing that can be meant. */
const DEFAULT_TIMEOUT_S = 60;
const MIN_TIMEOUT_S = 4;
const MAX_KEEP_ALIVE_MS = 30_000;
/** A keep-alive that is not answered is asked again. */
const ANSWER_MS = 10_000;
const STATUS_INVALID_RANGE = 457;
const STATUS_NOT_AGGREGATE = 459;
const SESSION_ID = /^[!-:<-~]{1,256}$/;
const MAX_REASON = 200;

export class PlayDialog {
  readonly #peer: PlayPeer;
  readonly #request: PlayRequest;
  readonly #authentication: Authentication;
  readonly #nowMs: () => Millis;
  #cseq = 0;
  /** The first reply had the number of its request: so have the others. */
  #isNumbered: boolean | undefined;
  #pending: Pending | undefined;
  #sessionId = "";
  #timeoutS = DEFAULT_TIMEOUT_S;
  #keepAliveMethod = "OPTIONS";
  #lastRequestMs: Millis = 0;
  #base: string;
  #aggregate: string;
  #wanted: readonly WantedMedia[] = [];
  /** Of the media that are set up, by index in `wanted`. */
  #uris: (string | undefined)[] = [];
  #isPlaying = false;
  #isOver = false;

  constructor(peer: PlayPeer, request: PlayRequest, authentication: Authentication, nowMs: () => Millis) {
    this.#peer = peer;
    this.#request = request;
    this.#authentication = authentication;
    this.#nowMs = nowMs;
    this.#base = request.uri;
    this.#aggregate = request.uri;
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  begin(): void {
    this.#send("OPTIONS", this.#request.uri, {}, (response) => {
      // Some ask for nothing else before it, some refuse it: DESCRIBE tells.
      if (/\bGET_PARAMETER\b/i.test(response.headers.all("public").join(","))) this.#keepAliveMethod = "GET_PARAMETER";
      this.#describe();
    });
  }

  /** The media to be asked for, in their order. */
  setUp(wanted: readonly WantedMedia[]): void {
    this.#wanted = wanted;
    this.#setUpFrom(0, "");
  }

  /** Throws ReelError `badInput`. */
  response(response: RtspResponse): void {
    const pending = this.#pending;
    if (!pending || this.#isOver || response.status < STATUS_OK) return;
    const number = response.headers.get("cseq");
    // Without a number it is the reply that we wait for.
    if (number !== "") {
      const isOurs = Number(number) === this.#cseq;
      this.#isNumbered ??= isOurs;
      // A late or doubled reply. Where a server's numbers never were ours, every reply is taken.
      if (this.#isNumbered && !isOurs) return;
    }
    this.#pending = undefined;
    const { status, headers } = response;
    if (status === STATUS_UNAUTHORIZED) {
      const refusal = this.#authentication.challenged(headers.all("www-authenticate"), pending.wasAnswered);
      if (refusal === undefined) this.#send(pending.method, pending.uri, pending.headers, pending.then);
      else if (this.#isPlaying) this.#peer.note(refusal);
      else this.#end({ reason: refusal, isDenied: true });
      return;
    }
    this.#authentication.accepted();
    if (status >= 300 && status < 400 && headers.get("location") !== "" && !this.#isPlaying)
      this.#end({ reason: said(pending.method, response), redirect: headers.get("location") });
    else pending.then(response);
  }

  /** A request of the server's: it is answered, and some end the stream. */
  requested({ method, headers }: RtspRequest): void {
    if (this.#isOver) return;
    const status = /^(OPTIONS|GET_PARAMETER|SET_PARAMETER|ANNOUNCE|REDIRECT|TEARDOWN|PLAY_NOTIFY)$/.test(method)
      ? STATUS_OK
      : STATUS_NOT_IMPLEMENTED;
    this.#peer.send(writeResponse(status, { CSeq: headers.get("cseq") }));
    if (method === "TEARDOWN") this.#end({ reason: "the server ended the stream" });
    else if (method === "REDIRECT")
      this.#end({ reason: "the server sends us elsewhere", redirect: headers.get("location") || undefined });
  }

  /** Called once a second, or so. */
  tick(): void {
    const nowMs = this.#nowMs();
    if (!this.#isPlaying || this.#isOver) return;
    if (this.#pending && nowMs - this.#pending.sentMs >= ANSWER_MS) this.#pending = undefined;
    const pauseMs = Math.min(MAX_KEEP_ALIVE_MS, this.#timeoutS * 500);
    if (!this.#pending && nowMs - this.#lastRequestMs >= pauseMs) this.#keepAlive();
  }

  /**
   * Says goodbye, where there is something to leave: cameras have few places, and keep those of the silent for a while.
   */
  tearDown(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#sessionId === "") return false;
    this.#write("TEARDOWN", this.#aggregate, {});
    return true;
  }

  #describe(): void {
    this.#send("DESCRIBE", this.#request.uri, { Accept: "application/sdp" }, (response) => {
      if (!isOk(response)) {
        this.#end({ reason: said("DESCRIBE", response) });
        return;
      }
      const description = parseSessionDescription(response.body.toString("utf8"));
      const { headers } = response;
      this.#base = baseUri(this.#request.uri, headers.get("content-base"), headers.get("content-location"));
      this.#aggregate = controlUri(this.#base, description.control);
      this.#peer.described(description);
    });
  }

  #setUpFrom(index: number, lastRefusal: string): void {
    const wanted = this.#wanted[index];
    if (!wanted) {
      if (this.#uris.some((uri) => uri !== undefined)) this.#play(this.#aggregate, this.#range());
      else this.#end({ reason: lastRefusal || "the source has nothing that can be recorded", needsTcp: this.#isUdp });
      return;
    }
    const uri = controlUri(this.#base, wanted.described.control);
    this.#send("SETUP", uri, { Transport: wanted.transport }, (response) => {
      const header = response.headers.get("transport");
      const offer = header === "" ? undefined : parseTransports(header)[0];
      const refusal = isOk(response) ? this.#takeSetUp(index, response, offer) : said("SETUP", response);
      if (refusal === undefined) this.#uris[index] = uri;
      else if (response.status === STATUS_UNSUPPORTED_TRANSPORT && this.#isUdp) {
        this.#end({ reason: refusal, needsTcp: true });
        return;
      } else {
        this.#peer.note(`${wanted.described.media.kind} is not sent: ${refusal}`);
        this.#peer.isRefused(index, refusal);
      }
      this.#setUpFrom(index + 1, refusal ?? lastRefusal);
    });
  }

  get #isUdp(): boolean {
    return this.#wanted.some(({ transport }) => !transport.includes("TCP"));
  }

  #takeSetUp(index: number, { headers }: RtspResponse, offer: TransportOffer | undefined): string | undefined {
    const [id = "", ...parameters] = headers.get("session").split(";");
    // A second session in place of the first is the one that plays.
    if (SESSION_ID.test(id.trim())) this.#sessionId = id.trim();
    const timeout = parameters.map((text) => /^\s*timeout\s*=\s*(\d{1,6})/i.exec(text)?.[1]).find((text) => text);
    const timeoutS = Number(timeout ?? 0);
    if (timeout !== undefined) this.#timeoutS = timeoutS === 0 ? DEFAULT_TIMEOUT_S : Math.max(MIN_TIMEOUT_S, timeoutS);
    return this.#peer.isSetUp(index, offer);
  }

  #range(): string | undefined {
    const { rangeStart, rangeLength } = this.#request;
    const start = Math.max(0, rangeStart);
    const end = rangeLength > 0 ? (start + rangeLength).toFixed(3) : "";
    return `npt=${start.toFixed(3)}-${end}`;
  }

  #play(uri: string, range: string | undefined): void {
    this.#send("PLAY", uri, { Range: range }, (response) => {
      if (isOk(response)) this.#onPlaying(response);
      else if (response.status === STATUS_INVALID_RANGE && range !== undefined) this.#play(uri, undefined);
      else if (response.status === STATUS_NOT_AGGREGATE) this.#playEach(0, range);
      else this.#end({ reason: said("PLAY", response) });
    });
  }

  /** For servers that know no URI of the whole. */
  #playEach(index: number, range: string | undefined): void {
    const uris = this.#uris.filter((uri) => uri !== undefined);
    const uri = uris[index];
    if (uri === undefined) return;
    this.#send("PLAY", uri, { Range: range }, (response) => {
      if (!isOk(response)) this.#end({ reason: said("PLAY", response) });
      else if (index + 1 < uris.length) this.#playEach(index + 1, range);
      else this.#onPlaying(response);
    });
  }

  #onPlaying(response: RtspResponse): void {
    this.#isPlaying = true;
    const infos = parseRtpInfo(response.headers.all("rtp-info").join(","));
    this.#peer.playing(
      infoOf(
        infos,
        this.#uris.map((uri) => uri ?? ""),
      ),
    );
  }

  #keepAlive(): void {
    const method = this.#keepAliveMethod;
    this.#send(method, this.#aggregate, {}, (response) => {
      if (response.status === STATUS_SESSION_NOT_FOUND)
        this.#end({ reason: "the server does not know the session any more" });
      // Announced and refused: any request keeps a session alive.
      else if (!isOk(response)) this.#keepAliveMethod = "OPTIONS";
    });
  }

  #send(method: string, uri: string, headers: HeaderValues, then: Pending["then"]): void {
    if (this.#isOver) return;
    const wasAnswered = this.#write(method, uri, headers);
    this.#pending = { method, uri, headers, wasAnswered, sentMs: this.#lastRequestMs, then };
  }

  /** Returns whether it had credentials. */
  #write(method: string, uri: string, headers: HeaderValues): boolean {
    const answer = this.#authentication.answer(method, uri);
    this.#lastRequestMs = this.#nowMs();
    this.#peer.send(
      writeRequest(method, uri, {
        CSeq: ++this.#cseq,
        "User-Agent": this.#request.userAgent || undefined,
        Session: this.#sessionId || undefined,
        Authorization: answer,
        ...headers,
      }),
    );
    return answer !== undefined;
  }

  #end(end: DialogEnd): void {
    if (!this.#isOver) this.#peer.ended(end);
  }
}

function isOk({ status }: RtspResponse): boolean {
  return status >= STATUS_OK && status < 300;
}

function said(method: string, { status, reason }: RtspResponse): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
  const text = reason.replace(/[\u0000-\u001f\u007f]/g, " ").slice(0, MAX_REASON);
  return `the server answers ${method} with ${status} ${text}`.trimEnd();
}
