// The control plane: one dispatch behind its listeners, one bus of events behind its sinks, the pull configs and the
// timers. The server composes it with a recorder; embedding programs may do without.

import type { Logger } from "../base/logger.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { Clock } from "../time/units.js";
import { COMMANDS } from "./command-table.js";
import type { ControlView } from "./control-view.js";
import { Dispatch } from "./dispatch.js";
import { createSinks } from "./events/create-sinks.js";
import { EventBus } from "./events/event-bus.js";
import type { EventLoggerOptions, EventSink } from "./events/event-sink.js";
import { mapRecorderEvents } from "./events/recorder-mapper.js";
import { PullConfigs } from "./pull/pull-configs.js";
import type { PullPort } from "./pull/pull-port.js";
import {
  AddressGuard,
  type HttpProtection,
  RequestGuard,
  requireAddressList,
  requireHttpProtection,
} from "./security/protection.js";
import { type Schedule, systemSchedule, Timers } from "./timers.js";
import { type AddRoutes, HttpListener } from "./transports/http-listener.js";
import type { ListenerAddress } from "./transports/listen.js";
import { humanFormat, jsonFormat } from "./transports/reply-formats.js";
import { type ReplyFormat, TcpListener } from "./transports/tcp-listener.js";
import { WebSocketListener } from "./transports/websocket-listener.js";

/** How long a stop waits for receivers of events. */
const FLUSH_MS = 5000;

export interface ControlOptions extends HttpProtection {
  /** 4-byte length in front of replies on the JSON listener. Default true: published clients skip it blindly. */
  readonly lengthPadding?: boolean | undefined;
  /** Addresses and networks that may use the TCP listeners. */
  readonly allowAddresses?: readonly string[] | undefined;
  readonly eventLogger?: EventLoggerOptions | undefined;
  /** Shown as mp4BinPath. */
  readonly mp4BinPath?: string | undefined;
  /** Routes beside the commands on the HTTP listener. */
  readonly addRoutes?: AddRoutes | undefined;
  /** What version shows beside the version. */
  readonly build?: { readonly ms?: number; readonly branch?: string; readonly hash?: string } | undefined;
}

export interface ControlPlaneParts {
  readonly recorder: RecorderApi;
  readonly pulls?: PullPort | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly options?: ControlOptions | undefined;
  readonly schedule?: Schedule | undefined;
}

/** A listener that is absent stays closed. */
export interface ControlListeners {
  readonly http?: ListenerAddress | undefined;
  readonly jsonCli?: ListenerAddress | undefined;
  readonly asciiCli?: ListenerAddress | undefined;
}

interface OpenListener {
  stopAccepting(): void;
  close(): Promise<void>;
}

export class ControlPlane {
  readonly bus: EventBus;
  readonly pulls: PullConfigs;
  readonly dispatch: Dispatch;
  readonly #recorder: RecorderApi;
  readonly #options: ControlOptions;
  readonly #version: string;
  readonly #timers: Timers;
  readonly #sinks: EventSink[];
  readonly #listeners: OpenListener[] = [];
  readonly #unmap: () => void;
  #isStopping = false;

  /** Events reach the sinks from now on. Throws ReelError `badArgument` where a sink cannot be. */
  constructor({ recorder, pulls, clock, logger, version, options = {}, schedule = systemSchedule }: ControlPlaneParts) {
    this.#recorder = recorder;
    this.#options = options;
    this.#version = version;
    this.bus = new EventBus(clock, logger);
    this.#sinks = createSinks(options.eventLogger, clock, logger);
    for (const sink of this.#sinks) this.bus.add(sink);
    this.pulls = new PullConfigs(pulls, recorder.store, clock, logger);
    const view: ControlView = { recorder, pulls: this.pulls, clock, mp4BinPath: options.mp4BinPath ?? "evo-mp4writer" };
    this.#unmap = mapRecorderEvents(view, this.bus);
    this.#timers = new Timers(clock, schedule, (type, timer) => this.bus.emit(type, () => timer));
    const { ms = 0, branch = "", hash = "" } = options.build ?? {};
    const identity = { version, buildMs: ms, branch, hash, licenseId: `reel-${version}` };
    this.dispatch = new Dispatch({ ...view, timers: this.#timers, commands: COMMANDS, identity }, this.bus, logger);
  }

  /**
   * Opens the listeners and takes up the pull configs. Throws ReelError `badArgument` where a listener would be open to others
   * without protection; none is open then.
   */
  async start(listeners: ControlListeners): Promise<ControlListeners> {
    const { allowAddresses } = this.#options;
    if (listeners.http) requireHttpProtection(listeners.http.host, this.#options);
    if (listeners.jsonCli) requireAddressList("jsonCli", listeners.jsonCli.host, allowAddresses);
    if (listeners.asciiCli) requireAddressList("asciiCli", listeners.asciiCli.host, allowAddresses);
    const guard = new AddressGuard(allowAddresses);
    this.pulls.restore();
    const opened = {
      http: listeners.http && (await this.#openHttp(listeners.http)),
      jsonCli:
        listeners.jsonCli &&
        (await this.#openTcp(listeners.jsonCli, guard, jsonFormat(this.#options.lengthPadding ?? true))),
      asciiCli: listeners.asciiCli && (await this.#openTcp(listeners.asciiCli, guard, humanFormat)),
    };
    this.pulls.startRestored();
    this.bus.emit("serverStarted", () => ({ version: this.#version }));
    return opened;
  }

  /** Takes no new connections; those that are open stay, to carry the last events. */
  stopAccepting(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.bus.emit("serverStopping", () => ({ version: this.#version }));
    for (const listener of this.#listeners) listener.stopAccepting();
  }

  /** After the recorder: gets the last events out, for a bounded time, and ends every connection. */
  async close(): Promise<void> {
    this.stopAccepting();
    this.#timers.close();
    await Promise.all([
      ...this.#sinks.map((sink) => sink.close(FLUSH_MS)),
      ...this.#listeners.map((listener) => listener.close()),
    ]);
    this.#unmap();
  }

  async #openHttp(address: ListenerAddress): Promise<ListenerAddress> {
    const guard = new RequestGuard(this.#options);
    const http = new HttpListener(this.dispatch, guard, this.#options.addRoutes);
    const channel = new WebSocketListener(http, this.dispatch, guard, this.bus, this.#recorder);
    this.#listeners.push({
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
    return http.open(address);
  }

  async #openTcp(address: ListenerAddress, guard: AddressGuard, format: ReplyFormat): Promise<ListenerAddress> {
    const listener = new TcpListener(this.dispatch, guard, format);
    this.#listeners.push(listener);
    return listener.open(address);
  }
}
