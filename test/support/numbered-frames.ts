// Pictures that hold their number, so that files of several recorders can be held against what a camera sent. The
// number stands as digits, which no byte stream of H.264 has to escape.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readFrames } from "./oracle.js";

const DIGITS = 10;
const SIZE = 200;
const IDR = 0x65;
/** Behind what begins a slice header: it says that this is the first slice of a picture. */
const AT = 4;

/** A coded picture of one NAL unit. */
export function numberedPicture(number: number): Buffer {
  const picture = Buffer.alloc(SIZE, 0x99).fill(IDR, 0, 1);
  picture.write(String(number).padStart(DIGITS, "0"), AT, "latin1");
  return picture;
}

/** The numbers of the pictures of an MPEG-TS file, in its order. */
export function numbersOf(bytes: Uint8Array): number[] {
  return readFrames("ts", bytes).map(({ content }) => {
    const [, digits = ""] = /65999999((?:3\d){10})/.exec(content) ?? [];
    return Number(Buffer.from(digits, "hex").toString("latin1") || Number.NaN);
  });
}

/** Those of all files below some folders whose names begin so, each once, rising. */
export async function numbersBelow(folders: readonly string[], prefix: string): Promise<number[]> {
  const numbers = new Set<number>();
  for (const folder of folders)
    for (const name of await readdir(folder, { recursive: true }))
      if (name.startsWith(prefix) && name.endsWith(".ts"))
        for (const number of numbersOf(await readFile(join(folder, name)))) numbers.add(number);
  return [...numbers].sort((a, b) => a - b);
}

/** The runs of numbers that are missing between the first and the last: what is before each, and how many. */
export function holesIn(numbers: readonly number[]): { after: number; missing: number }[] {
  return numbers.slice(1).flatMap((number, index) => {
    const before = numbers[index] as number;
    return number === before + 1 ? [] : [{ after: before, missing: number - before - 1 }];
  });
}
