import type { ComponentChildren } from "preact";

/** A table that may be wider than the page: what scrolls can be reached by keyboard, and has a name. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
