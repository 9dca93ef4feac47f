// The control plane: one dispatch behind its doors, one bus of events behind its sinks, the pull configs and the timers. The server composes it with a recorder;
// embedding programs may do without.

import type { Logger } from "../arena/logger.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { Clock } from "../time/units.js";
import { COMMANDS } from "./command-table.js";
import type { ControlView } from "./control-view.js";
import { Dispatch } from "./dispatch.js";
import { createSinks } from "./events/create-sinks.js";
import { EventBus } from "./events/event-bus.js";
import type { EventLoggerOptions, EventSink } from "./events/event-sink.js";
import { mapRecorderEvents } from "./events/recorder-mapper.js";
import { AddressGuard, type HttpProtection, RequestGuard, requireAddressList, requireHttpProtection } from "./protection.js";
import { PullConfigs } from "./pull/pull-configs.js";
import type { PullPort } from "./pull/pull-port.js";
import { type Schedule, systemSchedule, Timers } from "./timers.js";
import { type AddRoutes, HttpDoor } from "./transports/http-door.js";
import type { DoorAddress } from "./transports/listen.js";
import { humanFormat, jsonFormat } from "./transports/reply-formats.js";
import { type ReplyFormat, TcpDoor } from "./transports/tcp-door.js";
import { WebSocketDoor } from "./transports/websocket-door.js";

/** How long a stop waits for receivers of events. */
const FLUSH_MS = 5000;

export interface ControlOptions extends HttpProtection {
  /** 4-byte length in front of replies on the JSON door. Default true: published clients skip it blindly. */
  readonly lengthPadding?: boolean | undefined;
  /** Addresses and networks that may use the TCP doors. */
  readonly allowAddresses?: readonly string[] | undefined;
  readonly eventLogger?: EventLoggerOptions | undefined;
  /** Shown as mp4BinPath. */
  readonly mp4BinPath?: string | undefined;
  /** Routes beside the commands on the HTTP door. */
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

/** A door that is absent stays closed. */
export interface ControlDoors {
  readonly http?: DoorAddress | undefined;
  readonly jsonCli?: DoorAddress | undefined;
  readonly asciiCli?: DoorAddress | undefined;
}

interface OpenDoor {
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
  readonly #doors: OpenDoor[] = [];
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

  /** Opens the doors and takes up the pull configs. Throws ReelError `badArgument` where a door would be open to others without protection; none is open then. */
  async start(doors: ControlDoors): Promise<ControlDoors> {
    const { allowAddresses } = this.#options;
    if (doors.http) requireHttpProtection(doors.http.host, this.#options);
    if (doors.jsonCli) requireAddressList("jsonCli", doors.jsonCli.host, allowAddresses);
    if (doors.asciiCli) requireAddressList("asciiCli", doors.asciiCli.host, allowAddresses);
    const guard = new AddressGuard(allowAddresses);
    this.pulls.restore();
    const opened = {
      http: doors.http && (await this.#openHttp(doors.http)),
      jsonCli: doors.jsonCli && (await this.#openTcp(doors.jsonCli, guard, jsonFormat(this.#options.lengthPadding ?? true))),
      asciiCli: doors.asciiCli && (await this.#openTcp(doors.asciiCli, guard, humanFormat)),
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
    for (const door of this.#doors) door.stopAccepting();
  }

  /** After the recorder: gets the last events out, for a bounded time, and ends every connection. */
  async close(): Promise<void> {
    this.stopAccepting();
    this.#timers.close();
    await Promise.all([...this.#sinks.map((sink) => sink.close(FLUSH_MS)), ...this.#doors.map((door) => door.close())]);
    this.#unmap();
  }

  async #openHttp(address: DoorAddress): Promise<DoorAddress> {
    const guard = new RequestGuard(this.#options);
    const http = new HttpDoor(this.dispatch, guard, this.#options.addRoutes);
    const channel = new WebSocketDoor(http, this.dispatch, guard, this.bus, this.#recorder);
    this.#doors.push({
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

  async #openTcp(address: DoorAddress, guard: AddressGuard, format: ReplyFormat): Promise<DoorAddress> {
    const door = new TcpDoor(this.dispatch, guard, format);
    this.#doors.push(door);
    return door.open(address);
  }
}
