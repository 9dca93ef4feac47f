// A list of hundreds of rows of one height, of which only those in sight are in the page.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface VirtualListProps<T> {
  readonly label: string;
  readonly items: readonly T[];
  readonly rowHeight: number;
  readonly keyOf: (item: T) => string;
  readonly head: ComponentChildren;
  readonly row: (item: T, index: number) => ComponentChildren;
  readonly class?: string;
}

/** Rows beyond both edges, so that a quick scroll meets no blank. */
const MARGIN_ROWS = 8;

export function VirtualList<T>({ label, items, rowHeight, keyOf, head, row, ...rest }: VirtualListProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const look = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - MARGIN_ROWS);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + MARGIN_ROWS);
  return (
    <div class={`virtual ${rest.class ?? ""}`} role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div class="virtual-head" role="rowgroup">
        {head}
      </div>
      <div class="virtual-body" role="rowgroup" ref={scroller} tabIndex={0}>
        <div class="virtual-space" role="presentation" style={{ height: `${items.length * rowHeight}px` }}>
          {items.slice(first, last).map((item, index) => (
            <div
              class="virtual-row"
              role="row"
              aria-rowindex={first + index + 2}
              key={keyOf(item)}
              style={{ transform: `translateY(${(first + index) * rowHeight}px)`, height: `${rowHeight}px` }}
            >
              {row(item, first + index)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
