// Shows a progress bar on stderr if a person is watching, and nothing otherwise. It takes one line, whatever the label.

import { cut } from "./terminal.js";

const WIDTH = 30;
/** The bar, its frame and the per cent. */
const REST = WIDTH + 12;
const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = "\r\u001b[K";

export class ProgressBar {
  readonly #isShown = process.stderr.isTTY === true;
  #label: string;
  #shown = "";

  constructor(label = "") {
    this.#label = label;
  }

  update(fraction: number, label = this.#label): void {
    if (!this.#isShown) return;
    this.#label = label;
    const percent = Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
    const full = Math.round((percent / 100) * WIDTH);
    const columns = process.stderr.columns || DEFAULT_COLUMNS;
    const text = `${cut(label, columns - REST, "end")} [${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${percent} %`;
    if (text === this.#shown) return;
    this.#shown = text;
    process.stderr.write(`${CLEAR_LINE}${text}`);
  }

  end(): void {
    if (this.#shown !== "") process.stderr.write(CLEAR_LINE);
    this.#shown = "";
  }
}
