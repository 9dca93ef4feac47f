// What the terminal can show: its width and height, and whether colours are wanted (https://no-color.org).

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
const RESET = "\u001b[0m";
const CODES = { bold: "\u001b[1m", dim: "\u001b[2m", red: "\u001b[31m", yellow: "\u001b[33m" } as const;

export type Style = keyof typeof CODES;

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly hasColour: boolean;
}

export function screenOf(stream: NodeJS.WriteStream = process.stdout): Screen {
  const { COLUMNS, LINES, NO_COLOR } = process.env;
  return {
    columns: stream.columns || Number(COLUMNS) || DEFAULT_COLUMNS,
    rows: stream.rows || Number(LINES) || DEFAULT_ROWS,
    hasColour: stream.isTTY === true && !NO_COLOR,
  };
}

export function paint(text: string, style: Style | undefined, { hasColour }: Pick<Screen, "hasColour">): string {
  return hasColour && style !== undefined ? `${CODES[style]}${text}${RESET}` : text;
}

/** Cut to a width: of a path the end is what tells, of a name both ends are. */
export function cut(text: string, width: number, keep: "start" | "end" | "both" = "start"): string {
  if (text.length <= width) return text;
  if (width <= 1) return text.slice(0, width);
  const front = keep === "start" ? width - 1 : keep === "end" ? 0 : Math.floor((width - 1) / 2);
  return `${text.slice(0, front)}…${keep === "start" ? "" : text.slice(text.length - (width - 1 - front))}`;
}
