// Files of the catalogue for a span of time. It answers in pages; what is more than a screen can show is left out, and
// that is said.

import { useEffect, useState } from "preact/hooks";
import { get, messageOf } from "./api.js";
import { fileChanges } from "./live.js";
import type { RecordedFile } from "./server-types.js";

export interface FileQuestion {
  readonly stream?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface FileAnswer {
  /** Undefined until the server has answered. */
  readonly files: readonly RecordedFile[] | undefined;
  /** There are more than were asked for. */
  readonly isCut: boolean;
  readonly failure: string;
}

interface Page {
  recordings: RecordedFile[];
  cursor: string | null;
}

const PAGE = 1000;
const MAX_FILES = 5000;

async function askFiles({ stream, fromMs, toMs }: FileQuestion): Promise<{ files: RecordedFile[]; isCut: boolean }> {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (stream) query.set("stream", stream);
  if (fromMs !== undefined) query.set("from", String(fromMs));
  if (toMs !== undefined) query.set("to", String(toMs));
  const files: RecordedFile[] = [];
  for (;;) {
    const { recordings, cursor } = await get<Page>(`/api/recordings?${query}`);
    files.push(...recordings);
    if (cursor === null) return { files, isCut: false };
    if (files.length >= MAX_FILES) return { files, isCut: true };
    query.set("cursor", cursor);
  }
}

/** Asked anew when files begin, close or go. */
export function useFiles({ stream, fromMs, toMs }: FileQuestion): FileAnswer {
  const [answer, setAnswer] = useState<FileAnswer>({ files: undefined, isCut: false, failure: "" });
  const changes = fileChanges.value;
  useEffect(() => {
    let isOver = false;
    askFiles({ stream, fromMs, toMs }).then(
      (found) => {
        if (!isOver) setAnswer({ ...found, failure: "" });
      },
      (error) => {
        if (!isOver) setAnswer({ files: [], isCut: false, failure: messageOf(error) });
      },
    );
    return () => {
      isOver = true;
    };
  }, [stream, fromMs, toMs, changes]);
  return answer;
}
