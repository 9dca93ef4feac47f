// A line plot as SVG text: a panel per quantity, one line per server, a logarithmic axis for the number of streams.

export interface PlotLine {
  name: string;
  points: readonly { x: number; y: number }[];
}

export interface PlotPanel {
  title: string;
  lines: readonly PlotLine[];
}

const WIDTH = 760;
const PANEL_HEIGHT = 260;
const LEFT = 60;
const RIGHT = 200;
const TOP = 40;
const BOTTOM = 40;
const COLOURS = ["#0b6e4f", "#c8553d", "#28427b", "#8e6c88", "#b08900"];

export function svgPlot(xTitle: string, panels: readonly PlotPanel[]): string {
  const height = panels.length * PANEL_HEIGHT;
  const body = panels
    .map((panel, i) => `<g transform="translate(0 ${i * PANEL_HEIGHT})">${drawPanel(xTitle, panel)}</g>`)
    .join("\n");
  const style = "text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.line{fill:none;stroke-width:2}";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">\n<style>${style}</style>\n<rect width="${WIDTH}" height="${height}" fill="#fff"/>\n${body}\n</svg>\n`;
}

function drawPanel(xTitle: string, { title, lines }: PlotPanel): string {
  const xs = [...new Set(lines.flatMap((line) => line.points.map((point) => point.x)))].sort((a, b) => a - b);
  const top = niceCeiling(Math.max(...lines.flatMap((line) => line.points.map((point) => point.y)), 1e-9));
  const [low, high] = [Math.log(xs[0] ?? 1), Math.log(xs.at(-1) ?? 1)];
  const x = (value: number) =>
    LEFT + (high === low ? 0.5 : (Math.log(value) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => PANEL_HEIGHT - BOTTOM - (value / top) * (PANEL_HEIGHT - TOP - BOTTOM);
  const parts = [`<text x="${LEFT}" y="20" font-weight="bold">${escapeText(title)}</text>`];
  for (let i = 0; i <= 4; i++) {
    const value = (top * i) / 4;
    parts.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${Number(value.toPrecision(3))}</text>`);
  }
  for (const value of xs)
    parts.push(`<text x="${x(value)}" y="${PANEL_HEIGHT - BOTTOM + 18}" text-anchor="middle">${value}</text>`);
  parts.push(
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${PANEL_HEIGHT - 6}" text-anchor="middle">${escapeText(xTitle)}</text>`,
  );
  for (const [i, line] of lines.entries()) {
    const colour = COLOURS[i % COLOURS.length];
    const points = line.points.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`);
    parts.push(`<polyline class="line" stroke="${colour}" points="${points.join(" ")}"/>`);
    for (const point of points)
      parts.push(`<circle r="3" fill="${colour}" cx="${point.split(",")[0]}" cy="${point.split(",")[1]}"/>`);
    parts.push(
      `<text x="${WIDTH - RIGHT + 12}" y="${TOP + 18 * i}" style="fill:${colour}">${escapeText(line.name)}</text>`,
    );
  }
  return parts.join("\n");
}

/** The next of 1, 2, 5 × 10ⁿ. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
