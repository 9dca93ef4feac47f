// The cursor of a page that all nodes of a group have answered: each node's own cursor by its name. Nodes that have
// nothing more to show are not in it, nor are those that did not answer, so every walk over pages ends.
//
//   a=1795852800000.17,b=1795852790000.4

import { ReelError } from "../base/reel-error.js";

/** undefined where no page has cursors: the route has none. null: there are no more pages. */
export function joinCursors(
  pages: readonly { readonly node: string; readonly value: object }[],
): string | null | undefined {
  const cursors = pages.filter(({ value }) => "cursor" in value) as { node: string; value: { cursor: unknown } }[];
  if (cursors.length === 0) return undefined;
  const more = cursors.filter(({ value }) => typeof value.cursor === "string");
  const parts = more.map(({ node, value }) => [node, String(value.cursor)].map(encodeURIComponent).join("="));
  return parts.join(",") || null;
}

/** By the names of nodes; undefined for the first page. Throws ReelError `badArgument`. */
export function parseCursors(text: string | null): ReadonlyMap<string, string> | undefined {
  if (text === null || text === "") return undefined;
  const cursors = new Map<string, string>();
  for (const part of text.split(",")) {
    const [node = "", cursor = "", ...rest] = part.split("=");
    if (node === "" || cursor === "" || rest.length > 0) throw notOfAll(text);
    try {
      cursors.set(decodeURIComponent(node), decodeURIComponent(cursor));
    } catch {
      throw notOfAll(text);
    }
  }
  return cursors;
}

function notOfAll(text: string): ReelError {
  return new ReelError("badArgument", `${text} is not a cursor of node=all`);
}
