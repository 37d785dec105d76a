import { escapeHtml, lineChart, type Series, type Tick } from './chart.ts';
import type { Quantiles } from './latencies.ts';
import type { LoadResult } from './result.ts';
import { writtenCount, writtenMs, writtenShare } from './written.ts';

/** Shortest latency that is drawn, in milliseconds: a logarithmic axis has no 0. */
const LEAST_MS = 0.01;
const MOST_TIME_TICKS = 10;

const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --page: #fff; --faint: #d8dde3; --one: #1769c2; --two: #c2410c; --three: #8a8f98; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --page: #16181c; --faint: #363b42; --one: #6cb0ff; --two: #ff9a62; --three: #9aa0aa; } }
body { margin: 2rem auto; max-width: 820px; padding: 0 1rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .2rem 1.2rem .2rem 0; text-align: left; font-weight: normal; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } tr { border-bottom: 1px solid var(--faint); }
svg { width: 100%; height: auto; font-size: 12px; fill: var(--text); } .grid { stroke: var(--faint); } .end { text-anchor: end; } .middle { text-anchor: middle; }
polyline { fill: none; } [class^=line] { stroke-width: 2; stroke-linejoin: round; }
.line-1 { stroke: var(--one); } .line-2 { stroke: var(--two); } .line-3 { stroke: var(--three); } .dot-1 { fill: var(--one); } .dot-2 { fill: var(--two); } .dot-3 { fill: var(--three); }
.warning { border-left: 4px solid var(--two); padding-left: .8rem; }
`;

/** The first cell of a row is a name, the others are numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell, at) => `<${tag}${at === 0 ? '' : ' class="number"'}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${row(head, 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table>`;
}

function timeTicks(lastS: number): Tick[] {
  const step = Math.max(1, Math.ceil(lastS / MOST_TIME_TICKS));
  return Array.from({ length: Math.floor(lastS / step) + 1 }, (_one, index) => ({
    at: index * step,
    label: String(index * step),
  }));
}

function overTime({ perSecond }: LoadResult): string {
  const answered = perSecond.filter(({ max }) => max > 0);
  const series = (['p50', 'p99', 'max'] as const).map((name): Series => ({
    name,
    points: answered.map((second) => ({ x: second.atS, y: Math.max(LEAST_MS, second[name]) })),
  }));
  return lineChart({
    title: 'Latency by second',
    xTitle: 'seconds since the start',
    xTicks: timeTicks(perSecond.at(-1)?.atS ?? 0),
    yTitle: 'milliseconds',
    series,
  });
}

/** How many nines a share has: 0.9 one, 0.999 three. */
function nines(share: number): number {
  return -Math.log10(1 - share);
}

function byPercentile({ percentiles, answered }: LoadResult): string {
  const below = percentiles.filter(({ share }) => share < 1);
  const most = Math.max(1, Math.floor(nines(below.at(-1)?.share ?? 0) + 1e-6));
  const line = (name: string, member: 'latencyMs' | 'serviceMs'): Series => ({
    name,
    points: below.map((point) => ({ x: nines(point.share), y: Math.max(LEAST_MS, point[member]) })),
  });
  const ticks = Array.from({ length: most }, (_one, index) => {
    const digits = Math.max(0, index - 1);
    return { at: index + 1, label: `${((1 - 10 ** -(index + 1)) * 100).toFixed(digits)} %` };
  });
  return lineChart({
    title: 'Latency by percentile',
    xTitle: `share of ${writtenCount(answered)} answers that took no longer`,
    xTicks: [{ at: 0, label: '0 %' }, { at: nines(0.5), label: '50 %' }, ...ticks],
    yTitle: 'milliseconds',
    series: [line('since it was due', 'latencyMs'), line('since it was sent', 'serviceMs')],
  });
}

function latencyRow(name: string, { p50, p90, p99, p999, max }: Quantiles): string[] {
  return [name, ...[p50, p90, p99, p999, max].map(writtenMs)];
}

function countRows(counts: Readonly<Record<string, number>>, of: number): string[][] {
  return Object.entries(counts).map(([name, count]) => [name, writtenCount(count), writtenShare(count, of)]);
}

/** A run as one page that needs nothing else: no script, no font, no image, no style from anywhere. */
export function loadHtml(result: LoadResult): string {
  const { address, agents, answered, errors, generator, latencyMs, reasons, sent, serviceMs, unsent } =
    result;
  const asked = `${writtenCount(result.rate)} requests a second for ${result.durationS} s, ${writtenCount(agents)} agents, ${result.endpoints} endpoints, ${result.connections} connections, seed ${result.seed}`;
  const title = `firma load: ${result.target} at ${address}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>Asked: ${escapeHtml(asked)}. Reached: ${writtenCount(result.ratePerSecond)} answers a second${result.interrupted ? ', interrupted' : ''}.</p>
${result.warnings.map((warning) => `<p class="warning">${escapeHtml(warning)}</p>`).join('\n')}
${table(['latency in ms', 'p50', 'p90', 'p99', 'p99.9', 'max'], [latencyRow('since it was due', latencyMs), latencyRow('since it was sent', serviceMs)])}
<h2>Latency by second, since a request was due</h2>
${overTime(result)}
<h2>Latency by percentile</h2>
${byPercentile(result)}
<h2>Answers</h2>
${table(
  ['', 'requests', 'share'],
  [
    ...countRows(reasons, answered),
    ...countRows(errors, sent),
    ...(unsent > 0 ? [['unsent', writtenCount(unsent), '']] : []),
  ],
)}
${
  result.budgets.length === 0
    ? ''
    : `<h2>Budgets</h2>\n${table(
        ['', 'reached', 'limit'],
        result.budgets.map(({ quantile, latencyMs: reached, limitMs, ok }) => [
          `${quantile} ${ok ? 'kept' : 'missed'}`,
          `${writtenMs(reached)} ms`,
          `${writtenMs(limitMs)} ms`,
        ]),
      )}`
}
<p>The generator had work in ${Math.round(generator.busy * 100)} % of its time; 99 % of the requests left at most ${writtenMs(generator.lagMs.p99)} ms late.</p>
</body>
</html>
`;
}
