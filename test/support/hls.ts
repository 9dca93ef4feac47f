// Reads HLS as a player does: playlists, heads and parts over HTTP, and puts the fragments of each head together as a
// file that others can judge.

import { writeFileSync } from "node:fs";

export interface ListedPart {
  url: string;
  mapUrl: string | undefined;
  seconds: number;
  isDiscontinuous: boolean;
  /** Only where the list says it. */
  wallMs: number | undefined;
  range: { bytes: number; position: number } | undefined;
}

export interface Listed {
  text: string;
  parts: ListedPart[];
  isComplete: boolean;
  type: string | undefined;
  mediaSequence: number;
  targetSeconds: number;
}

export async function readPlaylist(url: string): Promise<Listed> {
  const answer = await fetch(url);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${text}`);
  const number = (tag: string): number => Number(new RegExp(`^#${tag}:(\\d+)`, "m").exec(text)?.[1] ?? 0);
  const listed: Listed = {
    text,
    parts: [],
    isComplete: /^#EXT-X-ENDLIST$/m.test(text),
    type: /^#EXT-X-PLAYLIST-TYPE:(\w+)/m.exec(text)?.[1],
    mediaSequence: number("EXT-X-MEDIA-SEQUENCE"),
    targetSeconds: number("EXT-X-TARGETDURATION"),
  };
  let map: string | undefined;
  let next: Partial<ListedPart> = {};
  for (const line of text.split("\n")) {
    const [, tag = "", value = ""] = /^#(EXT[A-Z-]*):?(.*)$/.exec(line) ?? [];
    if (tag === "EXT-X-MAP") map = new URL(/URI="([^"]+)"/.exec(value)?.[1] ?? "", url).href;
    else if (tag === "EXTINF") next.seconds = Number.parseFloat(value);
    else if (tag === "EXT-X-DISCONTINUITY") next.isDiscontinuous = true;
    else if (tag === "EXT-X-PROGRAM-DATE-TIME") next.wallMs = Date.parse(value);
    else if (tag === "EXT-X-BYTERANGE") {
      const [bytes = 0, position = 0] = value.split("@").map(Number);
      next.range = { bytes, position };
    } else if (line !== "" && !line.startsWith("#")) {
      const { seconds = 0, isDiscontinuous = false, wallMs, range } = next;
      listed.parts.push({ url: new URL(line, url).href, mapUrl: map, seconds, isDiscontinuous, wallMs, range });
      next = {};
    }
  }
  return listed;
}

export async function download(url: string, range?: { bytes: number; position: number }): Promise<Buffer> {
  const headers: Record<string, string> = range
    ? { Range: `bytes=${range.position}-${range.position + range.bytes - 1}` }
    : {};
  const answer = await fetch(url, { headers });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== (range ? 206 : 200)) throw new Error(`${url}: ${answer.status} ${bytes.toString()}`);
  return bytes;
}

/** The head and the parts of one file, as a movie in fragments. */
export async function saveMovie(path: string, parts: readonly ListedPart[]): Promise<void> {
  const [first] = parts;
  const chunks = first?.mapUrl === undefined ? [] : [await download(first.mapUrl)];
  for (const { url, range } of parts) chunks.push(await download(url, range));
  writeFileSync(path, Buffer.concat(chunks));
}
