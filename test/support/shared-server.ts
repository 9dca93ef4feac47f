// One server for the cases of a file, which run side by side: its start takes more than a short recording. Each case
// has a stream of its own, and reads the events of that one.

import type { ContainerName } from "../../src/container/table.js";
import { publishWithFfmpeg } from "./publisher.js";
import { Control, type ReelEvent, ReelProcess } from "./reel-server.js";
import { until } from "./until.js";

export class SharedServer {
  #connections = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly process: ReelProcess,
    readonly control: Control,
  ) {}

  /** It listens for transport streams, too. */
  static async start(): Promise<SharedServer> {
    const server = await ReelProcess.start({ args: ["--ts", "127.0.0.1:0"] });
    return new SharedServer(server, await Control.connect(server));
  }

  /** Events of a stream. */
  of(type: string, name: string): ReelEvent[] {
    return this.control.of(type).filter(({ payload }) => payload.localStreamName === name);
  }

  /** The file of a recording without chunks. */
  file(name: string, type: ContainerName): string {
    return this.process.file(`${name}.${type}`);
  }

  /** The closed files of a stream's recordings in a container, in their order. */
  files(name: string, type: ContainerName): string[] {
    const files = this.of("recordChunkClosed", name).map(({ payload }) => payload.file as string);
    // By name: one that ends may be finished behind the next.
    return files.filter((file) => file.endsWith(`.${type}`)).sort();
  }

  /** Records a stream into files of its name; resolves with what `publish` gave when all its recordings are closed. */
  async record<T>(name: string, types: readonly ContainerName[], publish: () => Promise<T>, options = ""): Promise<T> {
    for (const type of types)
      await this.control.succeed(
        `record localStreamName=${name} pathToFile=${name} type=${type} keepAlive=0 ${options}`,
      );
    const published = await publish();
    await until(
      `the recordings of ${name} are closed`,
      () => this.of("outStreamClosed", name).length === types.length,
      30_000,
    );
    return published;
  }

  /**
   * The same of a transport stream, which ffmpeg sends as fast as it is taken; resolves with the stream's name. The
   * listener numbers its connections: they take turns, so that each knows its own.
   */
  recordTs(clip: string, types: readonly ContainerName[], options = ""): Promise<string> {
    const recorded = this.#turn.then(async () => {
      const name = `ts${++this.#connections}`;
      const url = `tcp://${this.process.addresses.ts}`;
      const publish = () => publishWithFfmpeg({ url, input: clip, format: "mpegts", realtime: false }).exited;
      const { stderr } = await this.record(name, types, publish, options);
      if (stderr !== "") throw new Error(`ffmpeg on ${clip}: ${stderr}`);
      return name;
    });
    this.#turn = recorded.catch(() => undefined);
    return recorded;
  }
}
