// The screen of `reel status` and `reel top`: the server, its disks, then a line for each recording and for each source
// that nobody records. What needs a look comes first. Narrow terminals leave columns out, never wrap.

import { basename } from "node:path";
import type { RecordingStatus, ServerStatusData, StreamStatus } from "../client/reply-data.js";
import { bytesText, durationText, secondsText } from "./quantities.js";
import { cut, paint, type Screen, type Style } from "./terminal.js";

/** A recording that lags by more gets a colour, and comes first. */
const LAG_WARNING_MS = 2000;
/** A disk with less room is named in colour. */
const LOW_DISK = 0.05;
/** The blank line, the titles, the count of what is left out, and the line below. */
const FRAME_ROWS = 4;
const MIN_NAME = 8;
const MIN_FILE = 12;
const WIDE_COLUMNS = 110;

/** What a second look adds: rates over the time between the two. */
export interface Rates {
  readonly kbps: ReadonlyMap<number, number>;
  readonly cpuPercent: number | undefined;
}

interface Row {
  readonly name: string;
  readonly video: string;
  readonly kbps: string;
  readonly up: string;
  readonly type: string;
  readonly lag: string;
  readonly lost: string;
  readonly file: string;
  readonly style: Style | undefined;
  readonly weight: number;
}

export function statusLines(status: ServerStatusData, screen: Screen, rates?: Rates, maxRows?: number): string[] {
  return statusView(status, screen, rates, maxRows).lines;
}

/** A part of the table: what fits, from a row on. */
export interface StatusView {
  readonly lines: string[];
  /** The first row that is shown: the one asked for, or the last with which the screen is full. */
  readonly first: number;
  /** How many rows are shown. */
  readonly room: number;
  readonly rows: number;
}

export function statusView(
  status: ServerStatusData,
  screen: Screen,
  rates?: Rates,
  maxRows?: number,
  wanted = 0,
): StatusView {
  const head = headLines(status, screen, rates);
  const rows = rowsOf(status, rates).sort((a, b) => b.weight - a.weight || compareNames(a.name, b.name));
  if (rows.length === 0)
    return { lines: [...head, "", "nothing is published and nothing is to be recorded"], first: 0, room: 0, rows: 0 };
  const room = maxRows === undefined ? rows.length : Math.max(1, maxRows - head.length - FRAME_ROWS);
  const first = Math.max(0, Math.min(wanted, rows.length - room));
  const shown = rows.slice(first, first + room);
  const left = [
    ...(first > 0 ? [`${first} above`] : []),
    ...(first + room < rows.length ? [`${rows.length - first - room} more`] : []),
  ];
  const foot = left.length > 0 ? [paint(`… ${left.join(", ")}`, "dim", screen)] : [];
  return { lines: [...head, "", ...tableLines(shown, screen), ...foot], first, room, rows: rows.length };
}

function headLines({ server, streams, recordings, disks }: ServerStatusData, screen: Screen, rates?: Rates): string[] {
  const running = recordings.filter(({ outStreamId }) => outStreamId !== 0).length;
  const waiting = recordings.length - running;
  const facts = [
    `Reel ${server.version}`,
    `up ${durationText(server.upTimeMs)}`,
    count(streams.length, "stream"),
    `${count(running, "recording")}${waiting > 0 ? `, ${waiting} waiting` : ""}`,
    ...(rates?.cpuPercent === undefined ? [] : [`CPU ${rates.cpuPercent.toFixed(0)} %`]),
    bytesText(server.memoryBytes),
  ];
  const lines = [paint(cut(facts.join("  "), screen.columns), "bold", screen)];
  for (const { folder, freeBytes, totalBytes, error } of disks) {
    const text = error ?? `${bytesText(freeBytes)} free of ${bytesText(totalBytes)}`;
    const isLow = error !== undefined || freeBytes < totalBytes * LOW_DISK;
    const path = cut(folder, Math.max(MIN_NAME, screen.columns - text.length - 2), "end");
    lines.push(`${path}  ${paint(cut(text, screen.columns - path.length - 2), isLow ? "red" : undefined, screen)}`);
  }
  return lines;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function rowsOf({ streams, recordings }: ServerStatusData, rates?: Rates): Row[] {
  const byName = new Map(streams.map((stream) => [stream.name, stream]));
  const recorded = new Set(recordings.map(({ localStreamName }) => localStreamName));
  return [
    ...recordings.map((recording) => recordingRow(recording, byName.get(recording.localStreamName), rates)),
    ...streams.filter(({ name }) => !recorded.has(name)).map((stream) => streamRow(stream, rates)),
  ];
}

function streamRow(stream: StreamStatus, rates?: Rates): Row {
  const { video, width, height, audio, upTimeMs, bytes, id, droppedFrames, isHeldBack } = stream;
  const picture = width > 0 ? ` ${width}x${height}` : "";
  const kbps = rates ? rates.kbps.get(id) : upTimeMs > 0 ? (bytes * 8) / upTimeMs : undefined;
  return {
    name: stream.name,
    video: video === "" ? audio : `${video}${picture}`,
    kbps: kbps === undefined ? "" : kbps.toFixed(0),
    up: durationText(upTimeMs),
    type: "-",
    lag: "",
    lost: droppedFrames > 0 ? String(droppedFrames) : "",
    file: isHeldBack ? "(held back: the disk is too slow)" : "(not recorded)",
    style: isHeldBack ? "red" : droppedFrames > 0 ? "yellow" : undefined,
    weight: isHeldBack ? 3 : droppedFrames > 0 ? 2 : 0,
  };
}

function recordingRow(recording: RecordingStatus, stream: StreamStatus | undefined, rates?: Rates): Row {
  const { localStreamName: name, type, file, lagMs, lostFrames, outStreamId, state } = recording;
  const source = stream ? streamRow(stream, rates) : undefined;
  if (outStreamId === 0)
    return { ...(source ?? NO_SOURCE), name, type, file: `(${state.toLowerCase()})`, style: "dim", weight: -1 };
  const isLate = lagMs > LAG_WARNING_MS;
  const isBad = isLate || stream?.isHeldBack === true;
  return {
    ...(source ?? NO_SOURCE),
    name,
    type,
    lag: secondsText(lagMs),
    lost: String(lostFrames),
    file: basename(file),
    style: isBad ? "red" : lostFrames > 0 ? "yellow" : undefined,
    weight: isBad ? 3 : lostFrames > 0 ? 2 : 1,
  };
}

const NO_SOURCE = { video: "", kbps: "", up: "", lag: "", lost: "" };

interface Column {
  readonly key: Exclude<keyof Row, "style" | "weight">;
  readonly title: string;
  readonly isRight?: boolean;
  /** Only on wide terminals. */
  readonly isWide?: boolean;
}

const COLUMNS: readonly Column[] = [
  { key: "name", title: "STREAM" },
  { key: "video", title: "VIDEO", isWide: true },
  { key: "kbps", title: "KBIT/S", isRight: true },
  { key: "up", title: "UP", isRight: true },
  { key: "type", title: "REC" },
  { key: "lag", title: "LAG", isRight: true },
  { key: "lost", title: "LOST", isRight: true },
  { key: "file", title: "FILE" },
];
const GAP = 2;

function tableLines(rows: readonly Row[], screen: Screen): string[] {
  const columns = COLUMNS.filter(({ isWide }) => !isWide || screen.columns >= WIDE_COLUMNS);
  const natural = columns.map(({ key, title }) => Math.max(title.length, ...rows.map((row) => row[key].length)));
  const widths = squeeze(columns, natural, screen.columns);
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ key, isRight }, at) => {
        const text = cutCell(key, cells[at] ?? "", widths[at] ?? 0);
        return isRight ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  const head = paint(line(columns.map(({ title }) => title)), "dim", screen);
  return [head, ...rows.map((row) => paint(line(columns.map(({ key }) => row[key])), row.style, screen))];
}

/** A state in place of a file is read from its start. */
function cutCell(key: Column["key"], text: string, width: number): string {
  if (key === "name") return cut(text, width, "both");
  return cut(text, width, key === "file" && !text.startsWith("(") ? "end" : "start");
}

/** The longer of file names and names of streams gives way, down to what still tells. */
function squeeze(columns: readonly Column[], natural: readonly number[], room: number): number[] {
  const widths = [...natural];
  const [file, name] = (["file", "name"] as const).map((key) => columns.findIndex((column) => column.key === key));
  if (file === undefined || name === undefined) return widths;
  const width = (at: number): number => widths[at] ?? 0;
  let over = widths.reduce((sum, one) => sum + one, 0) + GAP * (columns.length - 1) - room;
  for (; over > 0; over--) {
    const isFile = width(file) > MIN_FILE && (width(file) >= width(name) || width(name) <= MIN_NAME);
    if (!isFile && width(name) <= MIN_NAME) break;
    widths[isFile ? file : name] = width(isFile ? file : name) - 1;
  }
  return widths;
}

/** cam2 before cam10. */
function compareNames(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
