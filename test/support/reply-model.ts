// What a control plane must hold after a conversation, told by its replies alone: a SUCCESS names what it made or took
// away, anything else changed nothing. It reads replies as a client does, from the bytes of a listener, and knows
// nothing of the recorder.

import { showControlCharacters } from "../../src/base/control-characters.js";

/** A record config, as far as both forms of record's reply show it. */
export interface ShownConfig {
  readonly chunkLength: number;
  readonly configId: number;
  readonly localStreamName: string;
  readonly pathToFile: string;
  readonly type: string;
}

/** Control characters as the human-readable listener shows them, which says `\x0e` of both. */
function sameText({ chunkLength, configId, localStreamName, pathToFile, type }: ShownConfig): string {
  const shown = [localStreamName, pathToFile, type].map(showControlCharacters);
  return JSON.stringify([configId, chunkLength, ...shown]);
}

/** The JSON of replies that follow one another, each behind a length of four bytes. */
export function framedReplies(bytes: Buffer): string[] {
  const replies: string[] = [];
  for (let at = 0; at + 4 <= bytes.byteLength; ) {
    const size = bytes.readUInt32BE(at);
    replies.push(bytes.toString("utf8", at + 4, at + 4 + size));
    at += 4 + size;
  }
  return replies;
}

export class ReplyModel {
  readonly #configs = new Map<number, ShownConfig>();
  readonly #timers = new Set<number>();

  /**
   * Configs that no reply accounts for, or not with these settings, and configs that a reply promised and are not
   * there.
   */
  differences(found: readonly ShownConfig[]): { unexplained: string[]; missing: string[] } {
    const have = new Set(found.map(sameText));
    const expected = new Set([...this.#configs.values()].map(sameText));
    return {
      unexplained: [...have].filter((config) => !expected.has(config)),
      missing: [...expected].filter((config) => !have.has(config)),
    };
  }

  /** The ids of the timers that there must be. */
  get timers(): number[] {
    return [...this.#timers];
  }

  /** One reply of the JSON listeners. */
  takeJson(text: string): void {
    const { status, description, data } = JSON.parse(text) as {
      status: string;
      description: string;
      data: Record<string, unknown> | null;
    };
    if (status === "SUCCESS" && data !== null)
      this.#take(description, data, (data.streamInfo as { name: string } | undefined)?.name);
  }

  /**
   * Replies of the human-readable listener: a line that tells success, the description, an empty line, `    key: value`
   * lines; the stream's name of shutdownStream is deeper.
   */
  takeHuman(text: string): void {
    for (const reply of text.split(/^(?=Command (?:entered successfully!|failed!)\r\n)/m)) {
      const [first, description = "", , ...lines] = reply.split("\r\n");
      if (first !== "Command entered successfully!") continue;
      const data = Object.fromEntries(
        lines.map((line) => /^ {4}(\w+): ?(.*)$/.exec(line)?.slice(1)).filter((entry) => entry !== undefined),
      );
      this.#take(description, data, /^ {6}name: (.*)\r$/m.exec(reply)?.[1]);
    }
  }

  #take(description: string, data: Record<string, unknown>, streamName: string | undefined): void {
    if (description === "Recording Stream") this.#add(data);
    else if (description === "Configuration terminated") this.#configs.delete(Number(data.configId));
    else if (description === "Custom timer enqueued") this.#timers.add(Number(data.timerId));
    else if (description === "Timer removed") this.#timers.delete(Number(data.timerId));
    else if (description === "Stream closed" && streamName !== undefined) this.#cancel(streamName);
  }

  #add(data: Record<string, unknown>): void {
    const configId = Number(data.configId);
    const text = (key: string): string => String(data[key] ?? "");
    this.#configs.set(configId, {
      chunkLength: Number(data.chunkLength),
      configId,
      localStreamName: text("localStreamName"),
      pathToFile: text("pathToFile"),
      type: text("type"),
    });
  }

  /** shutdownStream of a stream that is not there cancels what waits for it. */
  #cancel(localStreamName: string): void {
    for (const [id, config] of this.#configs) if (config.localStreamName === localStreamName) this.#configs.delete(id);
  }
}
