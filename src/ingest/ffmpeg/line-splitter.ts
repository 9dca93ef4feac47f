// Lines of a process's stderr. ffmpeg separates progress by carriage returns; a line longer than the limit is cut,
// never gathered.

const MAX_LINE_CHARACTERS = 1000;

export class LineSplitter {
  #decoder = new TextDecoder();
  #rest = "";
  #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    const parts = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(/[\r\n]+/);
    this.#rest = (parts.pop() ?? "").slice(0, MAX_LINE_CHARACTERS);
    for (const line of parts) if (line.trim() !== "") this.#onLine(line.trim().slice(0, MAX_LINE_CHARACTERS));
  }
}
