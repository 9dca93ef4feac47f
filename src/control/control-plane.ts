// The control plane: one dispatch behind its listeners, one bus of events behind its sinks, the pull configs and the
// timers. The server composes it with a recorder; embedding programs may do without.

import type { ChannelModule } from "../base/channels.js";
import type { Logger } from "../base/logger.js";
import type { RouteModule } from "../base/routes.js";
import { type Collector, counter, gauge, type Sample } from "../base/samples.js";
import { systemTimers, type Timers } from "../base/timers.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { Retention } from "../retention/retention.js";
import type { Clock } from "../time/units.js";
import type { Uploads } from "../upload/uploads.js";
import { COMMANDS } from "./commands/command-table.js";
import { CommandTimers } from "./commands/command-timers.js";
import type { ControlView } from "./control-view.js";
import { Dispatch } from "./dispatch.js";
import { createSinks } from "./events/create-sinks.js";
import { EventBus } from "./events/event-bus.js";
import type { EventLoggerOptions, EventSink } from "./events/event-sink.js";
import { mapRecorderEvents } from "./events/recorder-mapper.js";
import { GroupEventSink } from "./group/group-event-sink.js";
import type { GroupPort } from "./group/group-port.js";
import { PullConfigs } from "./pull/pull-configs.js";
import type { PullPort } from "./pull/pull-port.js";
import type { ValueObject } from "./replies/reply.js";
import { slotLimits } from "./security/connection-slots.js";
import type { HttpCredentials } from "./security/credentials.js";
import { loginRoutes } from "./security/login-routes.js";
import {
  AddressGuard,
  type HttpProtection,
  RequestGuard,
  requireAddressList,
  requireHttpProtection,
} from "./security/protection.js";
import { HttpListener, type HttpTls } from "./transports/http-listener.js";
import type { ListenerAddress } from "./transports/listen.js";
import { humanFormat, jsonFormat } from "./transports/reply-formats.js";
import { type ReplyFormat, TcpListener } from "./transports/tcp-listener.js";
import { WebSocketListener } from "./transports/websocket-listener.js";

/** How long a stop waits for receivers of events. */
const FLUSH_MS = 5000;

/** The stream objects say the same appName. */
const APPLICATION = { id: 1, name: "evostreamms" } as const;

/** A listener as EMS names it in its configuration (ems-record-spec §1.4). */
interface Acceptor {
  ip: string;
  port: number;
  protocol: "inboundAsciiCli" | "inboundHttpJsonCli" | "inboundJsonCli";
}

/** As in `limits` of reel.json. */
export interface ControlLimits {
  readonly pullConfigs: number;
  readonly httpConnections: number;
  readonly tcpConnections: number;
  readonly connectionsPerAddress: number;
}

export const DEFAULT_CONTROL_LIMITS: ControlLimits = {
  pullConfigs: 4_000,
  httpConnections: 512,
  tcpConnections: 256,
  connectionsPerAddress: 64,
};

export interface ControlOptions extends HttpProtection {
  /** 4-byte length in front of replies on the JSON listener. Default true: published clients skip it blindly. */
  readonly lengthPadding?: boolean | undefined;
  /** Addresses and networks that may use the TCP listeners. */
  readonly allowAddresses?: readonly string[] | undefined;
  readonly eventLogger?: EventLoggerOptions | undefined;
  /** Shown as mp4BinPath. */
  readonly mp4BinPath?: string | undefined;
  /** The HTTP listener serves HTTPS and wss. */
  readonly tls?: HttpTls | undefined;
  /** Beside the commands on the HTTP listener. */
  readonly routes?: readonly RouteModule[] | undefined;
  /** WebSocket channels beside the commands'. */
  readonly channels?: readonly ChannelModule[] | undefined;
  /** How many connections and configs there may be; the server's defaults where they are not given. */
  readonly limits?: Partial<ControlLimits> | undefined;
  /** What version shows beside the version. */
  readonly build?: { readonly ms?: number; readonly branch?: string; readonly hash?: string } | undefined;
}

export interface ControlPlaneParts {
  readonly recorder: RecorderApi;
  readonly pulls?: PullPort | undefined;
  readonly retention?: Retention | undefined;
  readonly uploads?: Uploads | undefined;
  /** undefined where the server is alone. */
  readonly group?: GroupPort | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly options?: ControlOptions | undefined;
  readonly timers?: Timers | undefined;
}

/** A listener of the plane, not yet open. The plane closes it, at its own end at the latest. */
export interface ControlListener {
  /** Resolves with the address in use; port 0 = any free one. */
  open(): Promise<ListenerAddress>;
  close(): Promise<void>;
}

interface OwnListener extends ControlListener {
  stopAccepting(): void;
}

export class ControlPlane implements Collector {
  readonly bus: EventBus;
  readonly pulls: PullConfigs;
  readonly dispatch: Dispatch;
  readonly #recorder: RecorderApi;
  readonly #options: ControlOptions;
  readonly #version: string;
  readonly #clock: Clock;
  /** The open ones, in the order of their opening. */
  readonly #acceptors: Acceptor[] = [];
  readonly #logger: Logger;
  readonly #addressGuard: AddressGuard;
  readonly #limits: ControlLimits;
  readonly #timers: CommandTimers;
  readonly #sinks: EventSink[];
  readonly #groupEvents: GroupEventSink | undefined;
  readonly #listeners: OwnListener[] = [];
  readonly #guards: RequestGuard[] = [];
  /** Where they listen. */
  readonly #httpHosts: string[] = [];
  readonly #unmap: () => void;
  #isStopping = false;
  #isClosed = false;

  /**
   * From now on events reach the sinks. Stored pull configs are loaded here, so that the first command does not
   * overwrite them. Throws ReelError `badArgument` where a sink or a protection is not possible.
   */
  constructor({ recorder, pulls, clock, logger, version, ...parts }: ControlPlaneParts) {
    const { options = {}, timers = systemTimers, retention, uploads, group } = parts;
    this.#recorder = recorder;
    this.#options = options;
    this.#version = version;
    this.#clock = clock;
    this.#logger = logger;
    this.#addressGuard = new AddressGuard(options.allowAddresses);
    this.#limits = { ...DEFAULT_CONTROL_LIMITS, ...options.limits };
    this.bus = new EventBus(clock, logger);
    this.#sinks = createSinks(options.eventLogger, clock, logger);
    this.#groupEvents = group && new GroupEventSink(group, recorder, logger);
    if (this.#groupEvents) this.#sinks.push(this.#groupEvents);
    for (const sink of this.#sinks) this.bus.add(sink);
    this.pulls = new PullConfigs(pulls, recorder.store, clock, logger, this.#limits.pullConfigs);
    this.pulls.restore();
    const mp4BinPath = options.mp4BinPath ?? "evo-mp4writer";
    const view: ControlView = { recorder, pulls: this.pulls, clock, retention, uploads, group, mp4BinPath };
    this.#unmap = mapRecorderEvents(view, this.bus);
    this.#timers = new CommandTimers(clock, timers, (type, timer) => this.bus.emit(type, () => timer));
    const { ms = 0, branch = "", hash = "" } = options.build ?? {};
    const identity = { version, buildMs: ms, branch, hash, licenseId: `reel-${version}` };
    const context = { ...view, timers: this.#timers, commands: COMMANDS, identity, group };
    this.dispatch = new Dispatch(context, this.bus, logger);
  }

  /** For commands, events and routes. Throws ReelError `badArgument` where others could reach it without protection. */
  createHttpListener(address: ListenerAddress): ControlListener {
    requireHttpProtection(address.host, this.#options);
    const isSecure = this.#options.tls !== undefined;
    const guard = new RequestGuard(this.#options, { clock: this.#clock, logger: this.#logger, isSecure });
    this.#guards.push(guard);
    this.#httpHosts.push(address.host);
    const http = new HttpListener(this.dispatch, guard, {
      logger: this.#logger,
      routes: [loginRoutes(guard, isSecure), ...(this.#options.routes ?? [])],
      slots: slotLimits(this.#limits.httpConnections, this.#limits),
      tls: this.#options.tls,
    });
    const channel = new WebSocketListener(http, this.dispatch, this.bus, this.#recorder, this.#options.channels);
    return this.#own("inboundHttpJsonCli", {
      open: () => http.open(address),
      stopAccepting() {
        channel.stopAccepting();
        http.stopAccepting();
      },
      // The channel says goodbye before its sockets are cut.
      close: async () => {
        await channel.close();
        await http.close();
      },
    });
  }

  /** Throws as createHttpListener does; `name` is what the message calls it. */
  createJsonListener(name: string, address: ListenerAddress): ControlListener {
    const format = jsonFormat(this.#options.lengthPadding ?? true);
    return this.#createTcpListener("inboundJsonCli", name, address, format);
  }

  /** Replies are for people. Throws as createHttpListener does. */
  createHumanListener(name: string, address: ListenerAddress): ControlListener {
    return this.#createTcpListener("inboundAsciiCli", name, address, humanFormat);
  }

  /** Called when the listeners are open: begins the stored pulls and reports that the server has started. */
  start(): void {
    this.pulls.startRestored();
    this.#groupEvents?.start();
    this.bus.emit("applicationStart", () => ({ ...APPLICATION, config: this.#applicationConfig() }));
    this.bus.emit("serverStarted", () => ({ version: this.#version }));
  }

  collect(): readonly Sample[] {
    const sinks = this.#sinks.flatMap(({ dropped, queued }, index) => [
      counter("reel_sink_dropped_events_total", "Events that a sink gave up.", dropped, { sink: String(index) }),
      gauge("reel_sink_queued_events", "Events that wait in a sink.", queued, { sink: String(index) }),
    ]);
    return [...this.bus.collect(), ...this.pulls.collect(), ...sinks];
  }

  /** Takes other credentials, and ends the channels of those that are no longer among them. */
  setCredentials({ token, user, password, viewers }: HttpCredentials): void {
    for (const host of this.#httpHosts) requireHttpProtection(host, { token, user, password, viewers });
    for (const guard of this.#guards) guard.setCredentials({ token, user, password, viewers });
  }

  /** Takes no new connections. The open ones stay, to carry the last events. */
  stopAccepting(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.bus.emit("serverStopping", () => ({ version: this.#version }));
    for (const listener of this.#listeners) listener.stopAccepting();
  }

  /** Called after the recorder has closed: sends the last events, for a bounded time, and ends every connection. */
  async close(): Promise<void> {
    this.stopAccepting();
    this.#timers.close();
    if (!this.#isClosed) this.bus.emit("applicationStop", () => ({ ...APPLICATION }));
    this.#isClosed = true;
    await Promise.all([
      ...this.#sinks.map((sink) => sink.close(FLUSH_MS)),
      ...this.#listeners.map((listener) => listener.close()),
    ]);
    this.#unmap();
  }

  #applicationConfig(): ValueObject {
    const acceptors = this.#acceptors.map((acceptor) => ({ ...acceptor }));
    return { acceptors, description: "Reel", name: APPLICATION.name };
  }

  #createTcpListener(
    protocol: Acceptor["protocol"],
    name: string,
    address: ListenerAddress,
    format: ReplyFormat,
  ): ControlListener {
    requireAddressList(name, address.host, this.#options.allowAddresses);
    const listener = new TcpListener(this.dispatch, this.#addressGuard, format, {
      slots: slotLimits(this.#limits.tcpConnections, this.#limits),
      logger: this.#logger,
    });
    return this.#own(protocol, {
      open: () => listener.open(address),
      stopAccepting: () => listener.stopAccepting(),
      close: () => listener.close(),
    });
  }

  #own(protocol: Acceptor["protocol"], listener: OwnListener): ControlListener {
    this.#listeners.push(listener);
    return {
      open: async () => {
        const bound = await listener.open();
        this.#acceptors.push({ ip: bound.host, port: bound.port, protocol });
        return bound;
      },
      close: () => listener.close(),
    };
  }
}
