// Drawn here, on a grid of 24, with the colour of the text beside them.

const PATHS = {
  brand: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 6.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5Z",
  now: "M3 12h4l3-8 4 16 3-8h4",
  recordings: "M3 6h18M3 12h11M3 18h15M18 12h3",
  configs: "M4 7h9m4 0h3M4 17h3m4 0h9M13 7a2 2 0 1 0 4 0 2 2 0 0 0-4 0ZM7 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0Z",
  events: "M5 5h14M5 10h14M5 15h9M5 20h6",
  system: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
  play: "M7 4.5v15l12-7.5z",
  download: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
  trash: "M4 7h16M9 7V4h6v3m3 0-1 13H7L6 7m4 4v5m4-5v5",
  cut: "M4 12h4m8 0h4M12 3v18",
  stop: "M6 6h12v12H6z",
  record: "M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12Z",
  left: "m14 6-6 6 6 6",
  right: "m10 6 6 6-6 6",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "m6 6 12 12M18 6 6 18",
  clip: "M6 4v16M18 4v16M6 8h12M6 16h12",
  up: "m6 14 6-6 6 6",
  down: "m6 10 6 6 6-6",
} as const;

export type IconName = keyof typeof PATHS;
const FILLED: ReadonlySet<IconName> = new Set(["play", "stop", "record"]);

export function Icon({ name }: { name: IconName }) {
  const isFilled = FILLED.has(name);
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      fill={isFilled ? "currentColor" : "none"}
      stroke={isFilled ? "none" : "currentColor"}
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
