// Shows a progress bar on stderr if a person is watching, and nothing otherwise.

const WIDTH = 30;
const CLEAR_LINE = "\r\u001b[K";

export class ProgressBar {
  readonly #label: string;
  readonly #isShown = process.stderr.isTTY === true;
  #percent = -1;

  constructor(label: string) {
    this.#label = label;
  }

  update(fraction: number): void {
    const percent = Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
    if (!this.#isShown || percent === this.#percent) return;
    this.#percent = percent;
    const full = Math.round((percent / 100) * WIDTH);
    process.stderr.write(`${CLEAR_LINE}${this.#label} [${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${percent} %`);
  }

  end(): void {
    if (this.#percent >= 0) process.stderr.write(CLEAR_LINE);
  }
}
