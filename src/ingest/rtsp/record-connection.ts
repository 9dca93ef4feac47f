// One RTSP connection of a publisher: its dialog, and packets that come interleaved with it or over UDP. It is fed by a
// PacedSocket and never throws at it: whatever goes wrong ends this connection and nothing else.
//
//   socket ─▶ RtspReceiver ─┬▶ requests ─▶ RecordDialog ─▶ replies
//                           └▶ packets ─▶ RtpSession ─▶ in-stream          UDP ports ─▶ RtpSession

import type { Arena } from "../../arena/arena.js";
import { badInput } from "../../base/reel-error.js";
import type { SourceInfo } from "../../stream/source-info.js";
import type { Clock, Millis } from "../../time/units.js";
import { FrameSink, reasonOf } from "../frame-sink.js";
import type { StagingBudget } from "../mpegts/staging.js";
import type { PublishAnswer, Publisher, PublishRefusal, PublishRequest } from "../publish-gate.js";
import { completeMedia, whyNotRecorded } from "../rtp/depacketizer-table.js";
import { RtpSession } from "../rtp/rtp-session.js";
import type { ByteConsumer, ReadMode } from "../sockets/paced-socket.js";
import { Channels } from "./channels.js";
import { eachStep } from "./each-step.js";
import { RtspReceiver } from "./receiver.js";
import { newReceiverIdentity } from "./receiver-identity.js";
import { RecordDialog, type RecordPeer, type Refusal } from "./record-dialog.js";
import type { RtspMessage } from "./rtsp-message.js";
import { MAX_UNREAD_BYTES, STATUS_BAD_REQUEST, STATUS_FORBIDDEN, STATUS_UNSUPPORTED_MEDIA } from "./rtsp-protocol.js";
import type { DescribedMedia } from "./session-description.js";
import type { Pair } from "./transport-header.js";
import { UdpMedia } from "./udp-media.js";

export interface RecordConnectionHost {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly budget: StagingBudget;
  /** A TLS record is a read, however small: then nothing rests between reads. */
  readonly isSecure: boolean;
  random(): number;
  refusalOf(request: Omit<PublishRequest, "source">): PublishRefusal | undefined;
  open(request: PublishRequest, publisher: Publisher): PublishAnswer;
  /** The connection is gone; `error` where it was not in order. */
  closed(connection: RtspRecordConnection, reason: string, error?: unknown): void;
  note(connection: RtspRecordConnection, streamName: string, note: string): void;
  /** A publisher was told no. `path` may end with a key. */
  refused(connection: RtspRecordConnection, path: string, why: string): void;
}

/** What a connection wants of its socket. */
export interface RecordSocket {
  write(bytes: Uint8Array): void;
  readonly unsentBytes: number;
  /** Closes after what was written has gone out. */
  end(): void;
  destroy(): void;
  replay(bytes: Uint8Array): void;
  resume(): void;
  readNow(): void;
}

/** Encoders put nothing between packets. */
const MAX_JUNK_BYTES = 4096;

export class RtspRecordConnection implements ByteConsumer, RecordPeer {
  isClosed = false;
  readonly acceptedMs: Millis;
  /** Of the last bytes or datagrams, or of the end of a hold: what we keep waiting is not idle. */
  lastBytesMs: Millis;
  readonly #host: RecordConnectionHost;
  readonly #address: Omit<SourceInfo, "type">;
  readonly #socket: RecordSocket;
  readonly #dialog = new RecordDialog(this);
  readonly #receiver: RtspReceiver;
  readonly #identity = newReceiverIdentity();
  #path = "";
  #media: readonly DescribedMedia[] = [];
  #session: RtpSession | undefined;
  #sink: FrameSink | undefined;
  #openUdp: UdpMedia | undefined;
  readonly #channels = new Channels();
  /** Of the bytes that are being read. */
  #arrivalMs: Millis;
  #isEnding = false;

  /** `openSocket` begins to read; bytes come later. */
  constructor(
    host: RecordConnectionHost,
    address: Omit<SourceInfo, "type">,
    openSocket: (consumer: ByteConsumer) => RecordSocket,
  ) {
    this.#host = host;
    this.#address = address;
    this.acceptedMs = host.clock.monotonicMs();
    this.lastBytesMs = this.acceptedMs;
    this.#arrivalMs = this.acceptedMs;
    this.#receiver = new RtspReceiver(
      {
        isOver: () => this.#isOver,
        channels: this.#channels,
        packet: (channel, bytes, start, end) => this.#onPacket(channel, bytes, start, end),
        message: (message) => this.#onMessage(message),
        resumed: (kept) => {
          this.lastBytesMs = this.#host.clock.monotonicMs();
          this.#socket.replay(kept);
        },
        resumeReading: () => this.#socket.resume(),
        fail: (error) => this.fail(error),
      },
      MAX_JUNK_BYTES,
    );
    this.#socket = openSocket(this);
  }

  get isHeld(): boolean {
    return this.#receiver.isHeld;
  }

  get isPublishing(): boolean {
    return this.#session !== undefined;
  }

  get farAddress(): string {
    return `${this.#address.farIp}:${this.#address.farPort}`;
  }

  get #isOver(): boolean {
    return this.isClosed || this.#isEnding;
  }

  /** Once a second, or so. */
  tick(nowMs: Millis): void {
    const session = this.#session;
    if (!session || !this.#openUdp || this.#isOver) return;
    this.#guarded(() => {
      session.poll(nowMs);
      this.#openUdp?.tick(nowMs, (track) => session.receiverReport(track, nowMs));
    });
  }

  // ——— ByteConsumer ———

  onBytes(bytes: Uint8Array, start: number, end: number, newBytes: number): number {
    if (this.#isOver) return end;
    this.#arrivalMs = this.#host.clock.monotonicMs();
    if (newBytes > 0) this.lastBytesMs = this.#arrivalMs;
    let at = end;
    try {
      at = this.#receiver.read(bytes, start, end);
    } catch (error) {
      this.fail(error);
    }
    return this.#isOver ? end : at;
  }

  get readMode(): ReadMode {
    if (this.isHeld) return "held";
    return this.isPublishing && !this.#openUdp && !this.#host.isSecure ? "coalesced" : "immediate";
  }

  onEnd(): void {
    this.close("the publisher closed the connection");
  }

  onError(error: Error): void {
    this.close(`connection lost: ${error.message}`);
  }

  // ——— life ———

  fail(error: unknown): void {
    this.close(reasonOf(error), error);
  }

  /** `atOnce`: frames that wait for room are given up. */
  close(reason: string, error?: unknown, atOnce = false): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const fault = eachStep(
      // Frames that waited for a packet go into the sink, which may have no room.
      () => this.#session?.end(),
      () => this.#sink?.end(reason, atOnce),
      () => {
        this.#session = undefined;
        this.#receiver.close();
        this.#openUdp?.close();
      },
      () => (this.#isEnding ? this.#socket.end() : this.#socket.destroy()),
    );
    this.#host.closed(this, reason, error ?? fault);
  }

  // ——— RecordPeer ———

  send(bytes: Uint8Array): void {
    if (this.isClosed) return;
    this.#socket.write(bytes);
    if (this.#socket.unsentBytes > MAX_UNREAD_BYTES) badInput("the peer does not read our replies");
  }

  announced(path: string, media: readonly DescribedMedia[]): Refusal | undefined {
    const refusal = this.#host.refusalOf({ app: "", streamKey: path });
    if (refusal) return this.#refuse(path, refusal);
    const refusals = media.map((described) => whyNotRecorded(completeMedia(described.media)));
    if (refusals.every((why) => why !== undefined)) {
      const reason = `nothing that can be recorded: ${refusals.join(", ")}`;
      this.#host.refused(this, path, reason);
      return { status: STATUS_UNSUPPORTED_MEDIA, reason };
    }
    this.#path = path;
    this.#media = media;
    return undefined;
  }

  openChannels(index: number, [packets, rtcp]: Pair): void {
    this.#channels.set(packets, 2 * index);
    this.#channels.set(rtcp, 2 * index + 1);
  }

  async openPorts(index: number, clientPorts: Pair): Promise<Pair> {
    // What comes behind the request waits for its reply.
    this.#receiver.flow.pause();
    this.#openUdp ??= new UdpMedia({
      nearIp: this.#address.nearIp,
      farIp: this.#address.farIp,
      random: this.#host.random,
      ssrc: this.#identity.ssrc,
      packet: (track, isRtcp, packet) => this.#take(track, isRtcp, packet),
      error: (error) => this.fail(error),
    });
    const udp = this.#openUdp;
    await udp.add(index, index);
    udp.isSetUp(index, clientPorts, "");
    this.#receiver.flow.resume();
    return udp.ports(index);
  }

  record(userAgent: string): Refusal | undefined {
    const { arena, budget } = this.#host;
    const source: SourceInfo = { type: "INP", ...this.#address, userAgent };
    const answer = this.#host.open(
      { app: "", streamKey: this.#path, source },
      {
        // The encoder notices by the end of its connection.
        close: (reason) => {
          if (this.isClosed) this.#sink?.end(reason, true);
          else this.#end(reason, true);
        },
        readNow: () => {
          if (!this.isHeld) this.#socket.readNow();
        },
      },
    );
    if (!answer.ok) return this.#refuse(this.#path, answer);
    const { inStream } = answer;
    const { flow } = this.#receiver;
    // Datagrams cannot wait.
    const sink = new FrameSink({ arena, open: () => inStream, flow: () => (this.#openUdp ? undefined : flow) });
    this.#sink = sink;
    this.#session = new RtpSession(
      this.#media.map(({ media }) => media),
      sink,
      {
        arena,
        budget,
        isReordering: this.#openUdp !== undefined,
        whyTransport: "the publisher's choice",
        ownSsrc: this.#identity.ssrc,
        cname: this.#identity.cname,
        note: (note) => this.#host.note(this, inStream.name, note),
      },
    );
    // Behind the session, which tells the sink that its tracks have one clock.
    sink.openStream();
    return undefined;
  }

  left(): void {
    this.#end("the publisher has ended the stream", false);
  }

  // ——— media ———

  #onPacket(channel: number, bytes: Uint8Array, start: number, end: number): void {
    const place = this.#channels.placeOf(channel);
    if (place >= 0) this.#feed(place >> 1, (place & 1) === 1, this.#arrivalMs, bytes, start, end);
  }

  /** A datagram. */
  #take(track: number, isRtcp: boolean, packet: Uint8Array): void {
    if (this.#isOver) return;
    this.lastBytesMs = this.#host.clock.monotonicMs();
    const nowMs = this.lastBytesMs;
    this.#guarded(() => this.#feed(track, isRtcp, nowMs, packet, 0, packet.byteLength));
  }

  #feed(track: number, isRtcp: boolean, nowMs: Millis, bytes: Uint8Array, start: number, end: number): void {
    if (isRtcp) this.#session?.rtcp(track, bytes.subarray(start, end), nowMs);
    else this.#session?.rtp(track, bytes, nowMs, start, end);
  }

  #onMessage(message: RtspMessage): void {
    if (message.kind === "request") this.#dialog.requested(message);
  }

  #refuse(path: string, { code, description }: PublishRefusal): Refusal {
    this.#host.refused(this, path, description);
    return { status: code === "denied" ? STATUS_FORBIDDEN : STATUS_BAD_REQUEST, reason: description };
  }

  #end(reason: string, atOnce: boolean): void {
    this.#isEnding = true;
    this.close(reason, undefined, atOnce);
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(error);
    }
  }
}
