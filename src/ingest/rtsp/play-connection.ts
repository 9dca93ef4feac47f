// One RTSP connection that we have begun, to play a stream: the dialog, and packets that come interleaved with it or
// over UDP. It is fed by a PacedSocket and never throws at it.
//
//   socket ─▶ RtspReceiver ─┬▶ replies ─▶ PlayDialog ─▶ requests
//                           └▶ packets ─▶ RtpSession ─▶ in-stream          UDP ports ─▶ RtpSession

import { badInput } from "../../base/reel-error.js";
import type { Millis } from "../../time/units.js";
import { type Flow, reasonOf } from "../frame-sink.js";
import { completeMedia, whyNotRecorded } from "../rtp/depacketizer-table.js";
import type { RtpSession } from "../rtp/rtp-session.js";
import type { ByteConsumer, ReadMode } from "../sockets/paced-socket.js";
import type { Authentication } from "./authentication.js";
import { Channels } from "./channels.js";
import { eachStep } from "./each-step.js";
import { type DialogEnd, PlayDialog, type PlayPeer, type PlayRequest, type WantedMedia } from "./play-dialog.js";
import { RtspReceiver } from "./receiver.js";
import { newReceiverIdentity, type ReceiverIdentity } from "./receiver-identity.js";
import type { RtpInfo } from "./rtp-info.js";
import type { RtspMessage } from "./rtsp-message.js";
import { MAX_UNREAD_BYTES } from "./rtsp-protocol.js";
import type { DescribedMedia, SessionDescription } from "./session-description.js";
import { SourceLeaving } from "./source-leaving.js";
import { type TransportOffer, tcpTransport, udpTransport } from "./transport-header.js";
import { UdpMedia } from "./udp-media.js";

/** What a connection wants of its socket. */
export interface PlaySocket {
  write(bytes: Uint8Array): void;
  readonly unsentBytes: number;
  destroy(): void;
  replay(bytes: Uint8Array): void;
  resume(): void;
}

export interface PlayConnectionHost {
  nowMs(): Millis;
  random(): number;
  readonly isTcp: boolean;
  readonly isSecure: boolean;
  /** Of the connection, at our end and at the server's. */
  readonly nearIp: string;
  readonly farIp: string;
  connected(): void;
  received(): void;
  note(note: string): void;
  /** Where the packets of the media go, by their order in the description. */
  openSession(media: readonly DescribedMedia[], identity: ReceiverIdentity): RtpSession;
  /** Once: nothing more goes into the in-stream. The socket may be open still, to say goodbye. */
  over(end: DialogEnd): void;
}

/** ffmpeg's RTSP server, and cameras, leave some hundred bytes between packets when they drop one. */
const MAX_JUNK_BYTES = 262_144;
/** Datagrams that do not come in this time will not come. */
const FIRST_PACKET_MS: Millis = 3000;
/** A goodbye that is not answered. */
const GOODBYE_MS: Millis = 1000;
/** A description that is shorter than it says. */
const SHORT_BODY_MS: Millis = 1000;
/** Packets that make no frame are told after this time. */
const NOTHING_MS: Millis = 10_000;
const HTTP_START = Buffer.from("HTTP/");

export class RtspPlayConnection implements ByteConsumer, PlayPeer {
  /** Nothing more is wanted. */
  isOver = false;
  readonly #host: PlayConnectionHost;
  readonly #socket: PlaySocket;
  readonly #dialog: PlayDialog;
  readonly #receiver: RtspReceiver;
  #session: RtpSession | undefined;
  /** Of the media that are asked for: their numbers in the session. */
  #tracks: readonly number[] = [];
  readonly #leaving = new SourceLeaving();
  readonly #identity = newReceiverIdentity();
  #udp: UdpMedia | undefined;
  /** By the index of the medium that was asked for. */
  readonly #channels = new Channels();
  #playingSinceMs: Millis = Number.NaN;
  #lastBytesMs: Millis;
  /** Of the bytes that are being read: a clock for every packet would be no small cost. */
  #arrivalMs: Millis;
  #packets = 0;
  #hasToldNothing = false;
  #hasRead = false;
  /** There is nobody to say goodbye to. */
  #isLost = false;
  /** Saying goodbye since. */
  #leavingSinceMs: Millis = Number.NaN;

  /** `openSocket`: of a connection that stands. */
  constructor(
    host: PlayConnectionHost,
    request: PlayRequest,
    authentication: Authentication,
    openSocket: (consumer: ByteConsumer) => PlaySocket,
  ) {
    this.#host = host;
    this.#lastBytesMs = host.nowMs();
    this.#arrivalMs = this.#lastBytesMs;
    this.#dialog = new PlayDialog(this, request, authentication, () => host.nowMs());
    this.#receiver = new RtspReceiver(
      {
        isOver: () => this.isOver,
        channels: this.#channels,
        packet: (channel, bytes, start, end) => this.#onPacket(channel, bytes, start, end),
        message: (message) => this.#onMessage(message),
        resumed: (kept) => this.#socket.replay(kept),
        resumeReading: () => this.#socket.resume(),
        fail: (error) => this.fail(error),
      },
      MAX_JUNK_BYTES,
    );
    this.#socket = openSocket(this);
    this.#dialog.begin();
  }

  /** Undefined while datagrams are on their way, which cannot wait. */
  get flow(): Flow | undefined {
    return this.#udp ? undefined : this.#receiver.flow;
  }

  /** Once a second, or so. */
  tick(): void {
    const nowMs = this.#host.nowMs();
    if (this.isOver) {
      if (nowMs - this.#leavingSinceMs >= GOODBYE_MS) this.#socket.destroy();
      return;
    }
    this.#guarded(() => {
      if (this.#receiver.isInBody && nowMs - this.#lastBytesMs >= SHORT_BODY_MS) this.#receiver.endBody();
      this.#dialog.tick();
      if (this.#udp) this.#tickUdp(nowMs);
      if (nowMs - this.#playingSinceMs >= NOTHING_MS) this.#tellNothing();
      if (this.#leaving.isOver(this.#tracks, nowMs)) this.ended({ reason: "the source has ended" });
    });
  }

  /** Packets come, and no frame of them: a camera without parameter sets, or one that sends something else. */
  #tellNothing(): void {
    if (this.#hasToldNothing || !this.#session || this.#session.hasStream || this.#packets === 0) return;
    this.#hasToldNothing = true;
    this.#host.note(`nothing can be recorded of ${["what comes", ...this.#session.oddities].join("; ")}`);
  }

  #tickUdp(nowMs: Millis): void {
    this.#session?.poll(nowMs);
    this.#udp?.tick(nowMs, (track) => this.#session?.receiverReport(track, nowMs));
    if (this.#packets === 0 && nowMs - this.#playingSinceMs >= FIRST_PACKET_MS)
      this.ended({ reason: "no packet came over UDP", needsTcp: true });
  }

  /** What is complete goes into the sink now; the socket lives until the server has heard that we go. */
  close(reason: string): void {
    this.ended({ reason });
  }

  fail(error: unknown): void {
    this.ended({ reason: reasonOf(error) });
  }

  // ——— ByteConsumer ———

  onBytes(bytes: Uint8Array, start: number, end: number, newBytes: number): number {
    if (this.isOver) {
      this.#lookForGoodbye(bytes, start, end);
      return end;
    }
    this.#arrivalMs = this.#host.nowMs();
    if (newBytes > 0) this.#lastBytesMs = this.#arrivalMs;
    let at = end;
    const packets = this.#packets;
    const wasPlaying = this.#dialog.isPlaying;
    try {
      if (!this.#hasRead && HTTP_START.every((byte, i) => start + i < end && bytes[start + i] === byte))
        badInput("the server speaks HTTP: RTSP through an HTTP tunnel is not supported");
      this.#hasRead = true;
      at = this.#receiver.read(bytes, start, end);
    } catch (error) {
      this.fail(error);
    }
    // Of a source that plays only media are a sign of life: reports come from one that has nothing too.
    if (!this.isOver && (!wasPlaying || this.#packets > packets)) this.#host.received();
    return this.isOver ? end : at;
  }

  get readMode(): ReadMode {
    if (this.#receiver.isHeld && !this.isOver) return "held";
    // A TLS record is a read, however small: between them nothing may rest.
    return this.#dialog.isPlaying && !this.#udp && !this.#host.isSecure && !this.isOver ? "coalesced" : "immediate";
  }

  onEnd(): void {
    this.#lost("the server closed the connection");
  }

  onError(error: Error): void {
    this.#lost(`connection lost: ${error.message}`);
  }

  // ——— PlayPeer ———

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
    // What is over says goodbye, whether or not it is read.
    if (!this.isOver && this.#socket.unsentBytes > MAX_UNREAD_BYTES) badInput("the server does not read what we send");
  }

  described({ media: described, passedOver }: SessionDescription): void {
    if (passedOver.length > 0) this.#host.note(`not asked for: ${passedOver.join(", ")}`);
    const refusals = described.map(({ media }) => whyNotRecorded(completeMedia(media)));
    if (refusals.every((refusal) => refusal !== undefined)) {
      const names = [...refusals, ...passedOver].join(", ");
      this.ended({ reason: `the source has nothing that can be recorded: ${names}` });
      return;
    }
    const session = this.#host.openSession(described, this.#identity);
    this.#session = session;
    this.#tracks = [...described.keys()].filter((track) => session.isRecorded(track));
    this.#host.connected();
    // A listener may have ended it.
    if (this.isOver) return;
    const wanted = this.#tracks.map((track) => described[track] as DescribedMedia);
    if (this.#host.isTcp) this.#setUp(wanted, (index) => tcpTransport([2 * index, 2 * index + 1]));
    else void this.#openUdp(wanted);
  }

  isSetUp(index: number, offer: TransportOffer | undefined): string | undefined {
    if (offer?.isMulticast) return "the server offers multicast, which is not supported";
    if (this.#udp) {
      if (offer?.isTcp) return "the server sends over TCP what was asked for over UDP";
      this.#udp.isSetUp(index, offer?.serverPorts, offer?.source ?? "");
      return undefined;
    }
    if (offer && !offer.isTcp) return "the server sends over UDP what was asked for over TCP";
    const [packets, rtcp] = offer?.channels ?? [2 * index, 2 * index + 1];
    // Servers choose others than were asked for; one that gives the same to two media means the ones asked for.
    const isFree = !this.#channels.has(packets) && !this.#channels.has(rtcp);
    this.#channels.set(isFree ? packets : 2 * index, 2 * index);
    this.#channels.set(isFree ? rtcp : 2 * index + 1, 2 * index + 1);
    return undefined;
  }

  isRefused(index: number, why: string): void {
    const track = this.#tracks[index];
    if (track !== undefined) this.#session?.withdraw(track, why);
  }

  playing(infos: readonly (RtpInfo | undefined)[]): void {
    this.#playingSinceMs = this.#host.nowMs();
    for (const [index, info] of infos.entries()) {
      const track = this.#tracks[index];
      if (track !== undefined && info?.rtpTime !== undefined) this.#session?.rtpInfo(track, info.rtpTime);
    }
    this.#udp?.open();
  }

  note(text: string): void {
    this.#host.note(text);
  }

  ended(end: DialogEnd): void {
    if (this.isOver) return;
    let isLeaving = false;
    const fault = eachStep(
      // Frames that waited for a packet go into the sink, which may have no room.
      () => this.#session?.end(),
      () => {
        this.isOver = true;
        this.#leavingSinceMs = this.#host.nowMs();
        this.#udp?.close();
        this.#receiver.close();
      },
      () => {
        isLeaving = !this.#isLost && this.#dialog.tearDown();
      },
    );
    if (fault !== undefined) this.#host.note(`its end was not in order: ${reasonOf(fault)}`);
    const foreign = this.#udp?.foreignPackets ?? 0;
    if (foreign > 0) this.#host.note(`${foreign} datagrams from elsewhere than the server's ports were not taken`);
    if (this.#receiver.junkBytes > 0)
      this.#host.note(`${this.#receiver.junkBytes} bytes between its packets were no RTSP`);
    this.#host.over(end);
    if (isLeaving) this.#socket.resume();
    else this.#socket.destroy();
  }

  // ——— media ———

  #setUp(media: readonly DescribedMedia[], transport: (index: number) => string): void {
    const wanted: WantedMedia[] = media.map((described, index) => ({ described, transport: transport(index) }));
    this.#dialog.setUp(wanted);
  }

  async #openUdp(wanted: readonly DescribedMedia[]): Promise<void> {
    const { nearIp, farIp, random } = this.#host;
    const udp = new UdpMedia({
      nearIp,
      farIp,
      random,
      ssrc: this.#identity.ssrc,
      packet: (track, isRtcp, packet) => this.#take(track, isRtcp, packet),
      error: (error) => this.fail(error),
    });
    try {
      for (const [index, track] of this.#tracks.entries()) await udp.add(index, track);
      if (this.isOver) udp.close();
      else {
        this.#udp = udp;
        this.#guarded(() => this.#setUp(wanted, (index) => udpTransport(udp.ports(index))));
      }
    } catch (error) {
      udp.close();
      this.fail(error);
    }
  }

  #onPacket(channel: number, bytes: Uint8Array, start: number, end: number): void {
    const place = this.#channels.placeOf(channel);
    // Old servers mix packets of sessions that have ended into a new one's connection.
    const track = place < 0 ? undefined : this.#tracks[place >> 1];
    if (track !== undefined) this.#feed(track, (place & 1) === 1, this.#arrivalMs, bytes, start, end);
  }

  /** A datagram. */
  #take(track: number, isRtcp: boolean, packet: Uint8Array): void {
    if (this.isOver) return;
    this.#guarded(() => this.#feed(track, isRtcp, this.#host.nowMs(), packet, 0, packet.byteLength));
    if (!this.isOver && !isRtcp) this.#host.received();
  }

  #feed(track: number, isRtcp: boolean, nowMs: Millis, bytes: Uint8Array, start: number, end: number): void {
    if (isRtcp) {
      const packet = bytes.subarray(start, end);
      this.#leaving.rtcp(track, packet, nowMs);
      this.#session?.rtcp(track, packet, nowMs);
      return;
    }
    this.#packets++;
    this.#leaving.rtp(track, nowMs);
    this.#session?.rtp(track, bytes, nowMs, start, end);
  }

  #onMessage(message: RtspMessage): void {
    if (message.kind === "response") this.#dialog.response(message);
    else this.#dialog.requested(message);
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(error);
    }
  }

  #lost(reason: string): void {
    this.#isLost = true;
    if (this.isOver) this.#socket.destroy();
    this.ended({ reason });
  }

  /** A reply to the goodbye lies among the last packets. */
  #lookForGoodbye(bytes: Uint8Array, start: number, end: number): void {
    const text = Buffer.from(bytes.subarray(start, end)).toString("latin1");
    if (text.includes("RTSP/1.0 ")) this.#socket.destroy();
  }
}
