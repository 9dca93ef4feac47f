import { useEffect, useLayoutEffect } from "preact/hooks";
import { link, place } from "../lib/location.js";
import { logOut, session } from "../state/session.js";
import { Icon, type IconName } from "./icon.js";

interface Entry {
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
  /** Pressed behind `g`, as in other programs of this kind. */
  readonly letter: string;
}

const ENTRIES: readonly Entry[] = [
  { name: "now", title: "Now", icon: "now", letter: "n" },
  { name: "recordings", title: "Recordings", icon: "recordings", letter: "r" },
  { name: "configs", title: "Configs", icon: "configs", letter: "c" },
  { name: "events", title: "Events", icon: "events", letter: "e" },
  { name: "system", title: "System", icon: "system", letter: "s" },
];

const CHORD_MS = 1200;

/** `g r` goes to the recordings, `/` to the page's filter. */
function useKeys(): void {
  useEffect(() => {
    let armedMs = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      // Behind an open dialog nothing moves.
      if (document.querySelector("dialog[open]")) return;
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      const entry = ENTRIES.find(({ letter }) => letter === event.key);
      if (event.key === "g") armedMs = performance.now();
      else if (event.key === "/") {
        const filter = document.querySelector<HTMLInputElement>("input[type=search]");
        if (filter) event.preventDefault();
        filter?.focus();
      } else if (entry && performance.now() - armedMs < CHORD_MS) window.location.hash = link(entry.name);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

export function Navigation() {
  useKeys();
  const [current = "now", detail] = place.value.parts;
  const title = detail ?? ENTRIES.find(({ name }) => name === current)?.title ?? "Now";
  // With the page, not a frame behind it.
  useLayoutEffect(() => {
    document.title = `${title} · Reel`;
  }, [title]);
  const { role, needsLogin } = session.value ?? {};
  return (
    <nav class="navigation" aria-label="Pages">
      <a class="brand" href="#/now" aria-label="Reel, all streams now">
        <Icon name="brand" />
        <span>Reel</span>
      </a>
      <ul>
        {ENTRIES.map(({ name, title, icon, letter }) => {
          const isCurrent = name === current || (name === "now" && current === "streams");
          return (
            <li key={name}>
              <a href={link(name)} aria-current={isCurrent ? "page" : undefined} title={`${title} (g ${letter})`}>
                <Icon name={icon} />
                <span>{title}</span>
              </a>
            </li>
          );
        })}
      </ul>
      {needsLogin && (
        <div class="who">
          <span>{role === "viewer" ? "You may look and play" : "Logged in"}</span>
          <button type="button" class="quiet" onClick={() => void logOut()}>
            Log out
          </button>
        </div>
      )}
    </nav>
  );
}
