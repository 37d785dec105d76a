/** A line of a chart; `y` is above 0, as it stands on a logarithmic axis. */
export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface ChartOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly xTicks: readonly Tick[];
  readonly yTitle: string;
  /** At most three: `line-1` to `line-3` are the classes of their paths. */
  readonly series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 320;
const LEFT = 64;
const RIGHT = 16;
const TOP = 34;
const BOTTOM = 46;
const LEGEND_GAP = 170;
const STEPS = [1, 2, 5];
const MOST_TICKS = 9;

/** Text as it may stand in HTML, between tags and in attributes. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    "'": '#39',
  };
  return text.replaceAll(/[&<>"']/g, (char) => `&${names[char] ?? ''};`);
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** 1, 2, 5, 10 … from at most the least value to at least the most; powers of ten alone where these are many. */
function logTicks(least: number, most: number): readonly number[] {
  const ticks: number[] = [];
  const first = Math.floor(Math.log10(least));
  for (let power = first; 10 ** power <= most * 10; power++) {
    for (const step of STEPS) ticks.push(Number((step * 10 ** power).toPrecision(3)));
  }
  const from = ticks.findLastIndex((tick) => tick <= least);
  const to = ticks.findIndex((tick) => tick >= most && tick > least);
  const needed = ticks.slice(Math.max(0, from), to + 1);
  if (needed.length <= MOST_TICKS) return needed;
  const decades = ticks.filter((_tick, index) => index % STEPS.length === 0);
  const start = decades.findLastIndex((tick) => tick <= least);
  return decades.slice(Math.max(0, start), decades.findIndex((tick) => tick >= most) + 1);
}

/** A chart of lines as an SVG element; latencies on a logarithmic axis. */
export function lineChart({ title, xTitle, xTicks, yTitle, series }: ChartOptions): string {
  const points = series.flatMap((one) => one.points);
  const ys = points.map(({ y }) => y);
  const xs = [...points.map(({ x }) => x), ...xTicks.map(({ at }) => at)];
  if (points.length === 0) return `<p>${escapeHtml(title)}: nothing to show</p>`;
  const yTicks = logTicks(Math.min(...ys), Math.max(...ys));
  const [low = 1] = yTicks;
  const high = yTicks.at(-1) ?? 10;
  const left = Math.min(...xs);
  const right = Math.max(left + 1e-9, ...xs);
  const placeX = (x: number): string =>
    (LEFT + ((x - left) / (right - left)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const share = (y: number): number => Math.log(y / low) / Math.log(high / low);
  const placeY = (y: number): string => (HEIGHT - BOTTOM - share(y) * (HEIGHT - TOP - BOTTOM)).toFixed(1);

  const grid = yTicks.map((tick) => {
    const y = placeY(tick);
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text class="end" x="${LEFT - 8}" y="${y}" dy="4">${shown(tick)}</text>`;
  });
  const below = xTicks.map(({ at, label }) => {
    const x = placeX(at);
    return `<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text class="middle" x="${x}" y="${HEIGHT - BOTTOM + 18}">${escapeHtml(label)}</text>`;
  });
  const lines = series.map(({ points: own }, index) => {
    const path = own.map(({ x, y }) => `${placeX(x)},${placeY(y)}`).join(' ');
    const [only] = own;
    const dot =
      own.length === 1 && only !== undefined
        ? `<circle class="dot-${index + 1}" r="3" cx="${placeX(only.x)}" cy="${placeY(only.y)}"/>`
        : '';
    return `<polyline class="line-${index + 1}" points="${path}"/>${dot}`;
  });
  const legend = series.map(({ name }, index) => {
    const x = LEFT + index * LEGEND_GAP;
    return `<line class="line-${index + 1}" x1="${x}" x2="${x + 22}" y1="16" y2="16"/><text x="${x + 28}" y="20">${escapeHtml(name)}</text>`;
  });
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">`,
    ...grid,
    ...below,
    ...lines,
    ...legend,
    `<text class="middle" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}">${escapeHtml(xTitle)}</text>`,
    `<text class="middle" transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)">${escapeHtml(yTitle)}</text>`,
    '</svg>',
  ].join('\n');
}
