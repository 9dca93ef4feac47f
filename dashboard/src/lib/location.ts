// Where the viewer is: the fragment of the address, so that the server has one page. `#/streams/cam%201?x=y`.

import { signal } from "@preact/signals";

export interface Place {
  /** Decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export const place = signal<Place>(read());

window.addEventListener("hashchange", () => {
  place.value = read();
});

function read(): Place {
  const [path = "", query = ""] = window.location.hash.replace(/^#/, "").split("?");
  return {
    parts: path.split("/").filter(Boolean).map(decode),
    query: new URLSearchParams(query),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}
