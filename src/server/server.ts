// The composition root: a recorder, its ingests and its control plane, wired by one configuration. Nothing below this
// file reads configuration.

import { renameSync, statSync, writeFileSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { descriptorLimit, descriptorsFor } from "../base/descriptors.js";
import type { Logger } from "../base/logger.js";
import type { RouteModule } from "../base/routes.js";
import type { Collector } from "../base/samples.js";
import { ControlPlane } from "../control/control-plane.js";
import type { EventLoggerOptions } from "../control/events/event-sink.js";
import type { PullPort, PullSettings, PullTrouble } from "../control/pull/pull-port.js";
import type { Group } from "../group/group.js";
import type { Flow } from "../group/group-pulls.js";
import type { GroupSettings } from "../group/group-settings.js";
import { PullSources } from "../ingest/pull/pull-sources.js";
import { IngestWorkers } from "../ingest/workers/ingest-workers.js";
import { Previews } from "../preview/previews.js";
import type { OutStream } from "../recording/lifecycle/out-stream.js";
import { Recorder } from "../recording/recorder.js";
import { DEFAULT_STATE_FOLDER } from "../recording/recorder-options.js";
import { savedHoldsGuard } from "../retention/holds.js";
import { Retention, type RetentionSettings } from "../retention/retention.js";
import { systemClock } from "../time/units.js";
import { completeUploadSettings, type UploadSettings } from "../upload/upload-settings.js";
import { Uploads } from "../upload/uploads.js";
import { type ChangedSettings, changedSettings } from "./changed-settings.js";
import type { ServerConfig } from "./config-schema.js";
import { groupRoutes } from "./group-routes.js";
import { FolderProbe } from "./health-routes.js";
import { completeLimits } from "./limits-schema.js";
import { formatListenerAddress, parseListenerAddress } from "./listener-address.js";
import type { ListenerParts, ServerListener } from "./listeners/listener-entry.js";
import { LISTENER_NAMES, type ListenerName, listenerEntry } from "./listeners/listener-table.js";
import { nodeLoad } from "./node-load.js";
import { type RouteParts, serverRoutes } from "./route-table.js";
import { readRules } from "./rule-settings.js";
import { sharedWithGroup } from "./shared-with-group.js";
import { listenFailure } from "./start-failure.js";
import { tellStory } from "./story-log.js";
import { TlsFiles } from "./tls-files.js";
import { VERSION } from "./version.js";

/** What clients are told finishes MP4 files (mp4BinPath). */
const MP4_WRITER = fileURLToPath(new URL("../cli/evo-mp4writer.js", import.meta.url));

/** Where the server really listens, `host:port`; a listener that is off is absent. */
export type Addresses = Partial<Record<ListenerName, string>>;

export class ReelServer {
  #config: ServerConfig;

  private constructor(
    readonly recorder: Recorder,
    readonly addresses: Addresses,
    config: ServerConfig,
    private readonly publishing: readonly ServerListener[],
    private readonly pulls: PullSources,
    private readonly control: ControlPlane,
    private readonly retention: Retention,
    private readonly uploads: Uploads | undefined,
    private readonly group: Group | undefined,
    private readonly previews: Previews | undefined,
    private readonly tls: TlsFiles | undefined,
    private readonly workers: IngestWorkers | undefined,
  ) {
    this.#config = config;
  }

  /** Throws ReelError if a listener cannot be opened, or others could reach it without protection. */
  static async start(config: ServerConfig, logger: Logger, { discardConfigs = false } = {}): Promise<ReelServer> {
    let group: Group | undefined;
    const opening = Recorder.open({
      logger,
      guard: (store) => savedHoldsGuard(store, systemClock, logger),
      ...(config.group && {
        ids: async () => {
          group = await joinGroup(config, logger);
          return group;
        },
      }),
      maxConfigs: completeLimits(config.limits).recordConfigs,
      discardConfigs,
      ...(config.media?.folders && { mediaFolders: config.media.folders }),
      ...(config.state?.folder && { stateFolder: config.state.folder }),
      ...(config.workers && { workers: config.workers }),
      ...(config.arena?.maximumMib && { arenaMib: config.arena.maximumMib }),
      ...(config.ring?.bytes && { ringBytes: config.ring.bytes }),
      ...(config.ring?.maximumBytes && { maxRingBytes: config.ring.maximumBytes }),
      ...(config.ring?.lagLimitMs && { lagLimitMs: config.ring.lagLimitMs }),
      ...(config.preRecord?.seconds && { preRecordSeconds: config.preRecord.seconds }),
      ...(config.preRecord?.streams && { preRecordStreams: config.preRecord.streams }),
      ...(config.preRecord?.maximumMib && { preRecordMib: config.preRecord.maximumMib }),
      ...(config.preRecord?.spillMib && { preRecordSpillMib: config.preRecord.spillMib }),
      ...(config.preRecord?.spillFolder && { preRecordSpillFolder: config.preRecord.spillFolder }),
      rules: readRules(config.rules, config.upload !== undefined),
      ...(config.recording?.syncIntervalMs && { syncIntervalMs: config.recording.syncIntervalMs }),
      ...(config.recording?.manifest && { manifests: true }),
      ...(config.recording?.durability && { durability: config.recording.durability as "none" | "close" | "interval" }),
    });
    try {
      const recorder = await opening;
      try {
        return await ReelServer.#open(recorder, group, config, logger);
      } catch (error) {
        await recorder.close();
        throw error;
      }
    } catch (error) {
      await group?.close();
      throw error;
    }
  }

  static async #open(
    recorder: Recorder,
    group: Group | undefined,
    config: ServerConfig,
    logger: Logger,
  ): Promise<ReelServer> {
    const tls = config.tls && new TlsFiles(config.tls, logger);
    const { arena, clock, streams: registry } = recorder;
    const workers = config.ingest?.workers
      ? await IngestWorkers.start({ arena, clock, logger, workers: config.ingest.workers })
      : undefined;
    const ingest = { registry, arena, clock, logger, workers };
    const limits = completeLimits(config.limits);
    const pulls = new PullSources({
      maxFfmpegs: limits.ffmpegProcesses,
      ...ingest,
      silenceMs: config.pull?.silenceMs,
      fileFolders: config.pull?.fileFolders ?? recorder.mediaFolders,
    });
    const settings = await realFolders(config.retention);
    const flow = (name: string): Flow => flowOf(recorder, name);
    const load = config.group && nodeLoad(recorder, settings, config.group);
    const port: PullPort =
      (load && group?.createPulls<PullSettings, PullTrouble>(pulls, flow, () => load.get())) ?? pulls;
    const uploads = config.upload && (await startUploads(config.upload as UploadSettings, recorder, logger));
    const isNeeded = (id: number): boolean => uploads?.isNeeded(id) ?? false;
    const retention = Retention.start({ recorder, settings, clock: recorder.clock, logger, isNeeded });
    const addresses: Addresses = {};
    const previews: Previews | undefined = config.preview?.streams
      ? new Previews({
          streams: config.preview.streams,
          width: config.preview.width,
          uriOf: (stream) => control.pulls.named(stream)?.settings.uri,
          clock: recorder.clock,
          logger,
        })
      : undefined;
    let server: ReelServer | undefined;
    const control: ControlPlane = new ControlPlane({
      recorder,
      pulls: port,
      retention,
      uploads,
      group,
      clock: recorder.clock,
      logger,
      version: VERSION,
      options: {
        ...config.control,
        eventLogger: config.eventLogger as EventLoggerOptions | undefined,
        mp4BinPath: MP4_WRITER,
        limits,
        tls,
        routes: ofGroup(group, config.group?.url, {
          recorder,
          pulls: () => control.pulls.list(),
          collectors: () => present(recorder, control, retention, uploads, group, previews, workers),
          hoursLeft: (folder) => retention.hoursLeft(`${folder}/`),
          previewOf: (stream) => previews?.pathOf(stream),
          conflictsOf: (stream) => group?.conflictsOf(stream) ?? [],
          ...{ clock: recorder.clock, stateFolder: recorder.stateFolder, logger },
          config: () => (server ? server.#config : config),
          addresses: () => addresses,
          isSecure: tls !== undefined,
        }),
        channels: previews ? [previews] : [],
        build: { ms: statSync(fileURLToPath(import.meta.url)).mtimeMs },
      },
    });
    tellStory({
      recorder,
      logger,
      monotonicMs: () => recorder.clock.monotonicMs(),
      isPulled: (stream) => control.pulls.ofStream(stream) !== undefined,
    });
    warnOfDescriptors(recorder.configs().length, logger);
    let listeners: readonly NamedListener[] = [];
    try {
      listeners = createListeners({ control, ingest, limits, tls, publishKeys: config.rtmp?.publishKeys }, config);
      for (const { name, listener, wanted } of listeners) {
        const bound = await listener.open().catch((error: unknown) => {
          throw listenFailure(name, wanted, error);
        });
        addresses[name] = formatListenerAddress(bound);
      }
      for (const [name, address] of Object.entries(addresses)) logger.info({ listener: name, address }, "listening");
      control.start();
      group?.start(sharedWithGroup(recorder, control, group));
      const publishing = listeners.filter(({ name }) => listenerEntry(name).carries === "media");
      server = new ReelServer(
        recorder,
        addresses,
        config,
        publishing.map(({ listener }) => listener),
        pulls,
        control,
        retention,
        uploads,
        group,
        previews,
        tls,
        workers,
      );
      return server;
    } catch (error) {
      for (const { listener } of listeners) await listener.close();
      await pulls.close();
      await retention.close();
      await uploads?.close();
      await previews?.close();
      await control.close();
      await workers?.close();
      tls?.close();
      throw error;
    }
  }

  /**
   * Takes what of a configuration can change while the server runs, and says what changed and what could not. Throws
   * ReelError `badArgument`, with nothing changed, where it would leave HTTP open to the network.
   */
  reconfigure(config: ServerConfig): ChangedSettings {
    const changed = changedSettings(this.#config, config);
    const { control, rtmp } = config;
    const { token, user, password, viewers } = control ?? {};
    this.control.setCredentials({ token, user, password, viewers });
    for (const listener of this.publishing) listener.setPublishKeys?.(rtmp?.publishKeys);
    // What needs a restart is named again by the next reload.
    this.#config = {
      ...this.#config,
      ...(config.log && { log: { ...this.#config.log, level: config.log.level } }),
      control: { ...this.#config.control, token, user, password, viewers },
      rtmp: { ...this.#config.rtmp, publishKeys: rtmp?.publishKeys },
    };
    return changed;
  }

  /** Why files cannot be written into a media folder, for each where it is so. */
  async unwritableFolders(): Promise<string[]> {
    const faults = await Promise.all(this.recorder.mediaFolders.map((folder) => new FolderProbe(folder).findFault()));
    return faults.filter((fault) => fault !== undefined);
  }

  /** What every part counts. */
  get collectors(): readonly Collector[] {
    return present(this.recorder, this.control, this.retention, this.uploads, this.group, this.previews, this.workers);
  }

  /** The file appears whole, because other programs wait for it. */
  writeReadyFile(path: string): void {
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify({ pid: process.pid, ...this.addresses })}\n`);
    renameSync(temporary, path);
  }

  /**
   * Stops accepting, drains, finishes and sends the events. The control plane closes its listeners after the last one.
   */
  async close(): Promise<void> {
    this.group?.leave();
    this.control.stopAccepting();
    await Promise.all(this.publishing.map((listener) => listener.close()));
    await this.workers?.close();
    await this.previews?.close();
    await this.pulls.close();
    this.group?.goodbye();
    await this.retention.close();
    await this.uploads?.close();
    await this.recorder.close();
    await this.control.close();
    // The group is told of the last files too.
    await this.group?.close();
    this.tls?.close();
  }
}

function ofGroup(group: Group | undefined, url: string | undefined, parts: RouteParts): RouteModule[] {
  const routes = serverRoutes(parts);
  return group ? groupRoutes(routes, group, url) : routes;
}

/** The room and the packages of NATS are loaded by those who have a group. */
async function joinGroup(config: ServerConfig, logger: Logger): Promise<Group> {
  const { Group } = await import("../group/group.js");
  const stateFolder = config.state?.folder ?? DEFAULT_STATE_FOLDER;
  return Group.join(config.group as GroupSettings, { stateFolder, clock: systemClock, logger });
}

/** What a stream does here: a pull changes its node when it is recorded at the next. */
function flowOf(recorder: Recorder, name: string): Flow {
  const stream = recorder.streams.get(name);
  if (!stream?.statistics.some(({ frames }) => frames > 0)) return "none";
  const outs = recorder.outStreamsOf(stream.id);
  const isWanted = recorder.configs().some(({ config }) => config.localStreamName === name);
  const isWritten = ({ currentPath }: OutStream): boolean => currentPath !== undefined;
  return outs.every(isWritten) && (outs.length > 0 || !isWanted) ? "recorded" : "live";
}

/** `parts`: undefined where the server has no such part. */
function present(...parts: readonly (Collector | undefined)[]): Collector[] {
  return parts.filter((part) => part !== undefined);
}

function startUploads(settings: UploadSettings, recorder: Recorder, logger: Logger): Promise<Uploads> {
  const { catalog, mediaFolders, stateFolder, clock } = recorder;
  return Uploads.start({
    ...{ catalog, mediaFolders, stateFolder, clock, logger, env: process.env },
    whenCatalogued: () => recorder.whenCatalogued(),
    settings: completeUploadSettings(settings),
  });
}

/** The recorder's media folders are real paths. */
async function realFolders(settings: RetentionSettings | undefined): Promise<RetentionSettings | undefined> {
  if (!settings?.folders) return settings;
  const real = settings.folders.map(async (rule) => ({
    ...rule,
    folder: await realpath(rule.folder).catch(() => rule.folder), // none of the recorder's, which is told
  }));
  return { ...settings, folders: await Promise.all(real) };
}

/** The recordings of all configs at once must not be what finds the limit. */
function warnOfDescriptors(recordings: number, logger: Logger): void {
  const limit = descriptorLimit();
  const wanted = descriptorsFor(recordings);
  if (limit < wanted)
    logger.warn(
      { limit, wanted, recordConfigs: recordings },
      "this process may open too few files for its record configs: raise its limit (ulimit -n, or LimitNOFILE in a unit)",
    );
}

interface NamedListener {
  readonly name: ListenerName;
  readonly listener: ServerListener;
  /** As configured. */
  readonly wanted: string;
}

/** Makes all listeners before it opens any, so that none is open if one may not be. */
function createListeners(parts: ListenerParts, config: ServerConfig): NamedListener[] {
  const sections: Readonly<Record<string, unknown>> = config;
  return LISTENER_NAMES.flatMap((name) => {
    const entry = listenerEntry(name);
    const wanted = config.listeners?.[name] ?? entry.defaultAddress;
    const address = parseListenerAddress(wanted);
    const options = (sections[name] ?? {}) as Record<string, unknown>;
    return address ? [{ name, wanted, listener: entry.create(parts, address, options) }] : [];
  });
}
