// Samples as text, in Prometheus' exposition format 0.0.4: families in the order in which they were first seen, each
// with its HELP and TYPE in front.

import type { Sample } from "../base/samples.js";

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function exposition(samples: readonly Sample[]): string {
  const families = new Map<string, string>();
  // The samples of one stream share their labels, and stand one behind the other.
  let labelled: Sample["labels"] | undefined;
  let pairs = "";
  for (const { name, help, type, series, labels, value } of samples) {
    if (labels !== labelled) {
      labelled = labels;
      pairs = pairsOf(labels);
    }
    const text = families.get(name) ?? `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    families.set(name, `${text}${name}${series ?? ""}${pairs} ${number(value)}\n`);
  }
  return [...families.values()].join("");
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
