// A line without axes: how a number went, not what it was.

const WIDTH = 96;
const HEIGHT = 24;

export function Sparkline({ values, length }: { values: readonly number[]; length: number }) {
  const highest = Math.max(...values, 1);
  const step = WIDTH / (length - 1);
  // The newest is always at the right edge, so that the line grows from there.
  const first = length - values.length;
  const at = values.map((value, index) => {
    const y = HEIGHT - 2 - (Math.max(0, value) / highest) * (HEIGHT - 4);
    return `${((first + index) * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {at.length > 1 && <polyline points={at.join(" ")} />}
    </svg>
  );
}
