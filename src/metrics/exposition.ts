// Samples as text, in Prometheus' exposition format 0.0.4: families in the order in which they were first seen, each
// with its HELP and TYPE in front.

import type { Sample } from "../base/samples.js";

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export class Exposition {
  readonly #families = new Map<string, { text: string }>();

  add(samples: readonly Sample[]): void {
    // The samples of one stream share their labels, and stand one behind the other.
    let labelled: Sample["labels"] | undefined;
    let pairs = "";
    for (const { name, help, type, series, labels, value } of samples) {
      if (labels !== labelled) {
        labelled = labels;
        pairs = pairsOf(labels);
      }
      let family = this.#families.get(name);
      if (!family) {
        family = { text: `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n` };
        this.#families.set(name, family);
      }
      family.text += `${name}${series ?? ""}${pairs} ${number(value)}\n`;
    }
  }

  text(): string {
    let text = "";
    for (const family of this.#families.values()) text += family.text;
    return text;
  }
}

function pairsOf(labels: Sample["labels"]): string {
  let pairs = "";
  for (const key in labels) pairs += `${pairs && ","}${key}="${escapeValue(labels[key] as string)}"`;
  return pairs && `{${pairs}}`;
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** Stream names come from strangers: one must not be able to end a line. */
function escapeValue(text: string): string {
  return /["\\\n]/.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text;
}
