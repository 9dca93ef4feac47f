// Numbers and times as people read them. Units are decimal, as disks and networks count.

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return NUMBER.format(value);
}

function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let at = 0;
  while (rest >= 999.5 && at < units.length - 1) {
    rest /= 1000;
    at++;
  }
  const digits = at === 0 || rest >= 99.5 ? 0 : rest >= 9.95 ? 1 : 2;
  return `${rest.toFixed(digits)} ${units[at]}`;
}

export function bytes(value: number): string {
  return scaled(value, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

export function bitRate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, ["b/s", "kb/s", "Mb/s", "Gb/s"]);
}

/** 1 d 4 h, 3 h 12 min, 12 min 5 s, 4.2 s, 340 ms. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value], index) => index === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `heldBack` as `held back`. */
export function words(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`);
}

const pad = (value: number): string => String(value).padStart(2, "0");

/** HH:MM:SS by a clock that is `offsetMinutes` east of UTC. */
export function clockTime(ms: number, offsetMinutes: number): string {
  const date = new Date(ms + offsetMinutes * 60_000);
  return `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`;
}

export function day(ms: number, offsetMinutes: number): string {
  return new Date(ms + offsetMinutes * 60_000).toISOString().slice(0, 10);
}

/** Of the viewer, minutes east of UTC, at that moment. */
export function ownOffset(ms: number): number {
  return -new Date(ms).getTimezoneOffset();
}

export function offsetName(minutes: number): string {
  const size = Math.abs(minutes);
  return minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "−" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}
