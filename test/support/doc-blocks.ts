// The fenced blocks of a manual page, each with its language and the mark (an HTML comment) on the line above it.

export interface DocBlock {
  readonly language: string;
  readonly text: string;
  /** What the comment above the fence says; "" where there is none. */
  readonly mark: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

const FENCE = /^```(\w*)$/;
const MARK = /^<!-- (.*) -->$/;

export function blocksOf(page: string): DocBlock[] {
  const lines = page.split("\n");
  const blocks: DocBlock[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = FENCE.exec(lines[at] ?? "")?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`the fence of line ${at + 1} does not end`);
    const mark = MARK.exec(lines[at - 1] ?? "")?.[1] ?? "";
    blocks.push({ language, text: lines.slice(at + 1, end).join("\n"), mark, line: at + 1 });
    at = end;
  }
  return blocks;
}
