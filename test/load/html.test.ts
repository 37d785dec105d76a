import { describe, expect, it } from 'vitest';
import { lineChart } from '../../src/load/chart.ts';
import { loadHtml } from '../../src/load/html.ts';
import type { LoadResult } from '../../src/load/result.ts';

const QUANTILES = { p50: 1, p90: 2, p99: 3, p999: 4, max: 5, mean: 1.5 };
const RESULT: LoadResult = {
  v: 1,
  target: 'decide',
  address: '/tmp/<b>&"x"\'',
  seed: 1,
  agents: 10,
  endpoints: 3,
  connections: 2,
  rate: 100,
  durationS: 2,
  warmupS: 0,
  interrupted: false,
  requestBytes: 700,
  due: 200,
  sent: 190,
  answered: 180,
  unsent: 10,
  elapsedS: 2,
  ratePerSecond: 90,
  outcomes: { ALLOW: 180 },
  reasons: { 'ALLOW <script>OK</script>': 180 },
  errors: { timeout: 10 },
  refusedConnections: 0,
  latencyMs: QUANTILES,
  serviceMs: QUANTILES,
  percentiles: [0, 0.5, 0.9, 0.99, 1].map((share) => ({ share, latencyMs: 1 + share, serviceMs: 0 })),
  perSecond: [1, 2].map((atS) => ({
    ...{ atS, sent: 95, answered: 90, unsent: 5, errors: 5 },
    ...{ p50: 1, p99: 3, max: atS },
  })),
  generator: { lagMs: QUANTILES, busy: 0.5 },
  budgets: [{ quantile: 'p99', limitMs: 1, latencyMs: 3, ok: false }],
  warnings: ['<img src=x onerror=alert(1)>'],
};

describe('the page of a load run', () => {
  it('needs nothing from elsewhere and runs nothing', () => {
    const page = loadHtml(RESULT);
    expect(page).not.toMatch(/<(?:script|link|img|iframe|object|style [^>]*src)|@import|url\(|https?:\/\//i);
  });

  it('shows what others may have put into it as text', () => {
    const page = loadHtml(RESULT);
    expect(page).toContain('/tmp/&lt;b&gt;&amp;&quot;x&quot;&#39;');
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page).toContain('ALLOW &lt;script&gt;OK&lt;/script&gt;');
  });

  it('has both plots, the figures, and what went wrong', () => {
    const page = loadHtml(RESULT);
    expect(page.match(/<svg /g)).toHaveLength(2);
    for (const text of ['p99.9', '90 answers a second', 'timeout', 'unsent', 'p99 missed', '99 %']) {
      expect(page).toContain(text);
    }
  });

  it('of a run without an answer is a page all the same', () => {
    const empty = { ...RESULT, answered: 0, outcomes: {}, reasons: {}, percentiles: [], perSecond: [] };
    const page = loadHtml(empty);
    expect(page).toContain('nothing to show');
    expect(page).not.toContain('NaN');
  });
});

describe('a chart', () => {
  const chart = (ys: readonly number[]): string =>
    lineChart({
      title: 't',
      xTitle: 'x',
      yTitle: 'y',
      xTicks: [{ at: 0, label: '0' }],
      series: [{ name: 'line', points: ys.map((y, x) => ({ x, y })) }],
    });

  it.each([[[0.01, 0.02]], [[5]], [[1, 1, 1]], [[0.01, 3_600_000]], [[999, 1000, 1001]]])(
    'of %j keeps every point within its frame',
    (ys) => {
      const svg = chart(ys);
      const points = /points="([^"]*)"/.exec(svg)?.[1]?.split(' ') ?? [];
      expect(points).toHaveLength(ys.length);
      for (const point of points) {
        const [x = Number.NaN, y = Number.NaN] = point.split(',').map(Number);
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(760);
        expect(y).toBeGreaterThanOrEqual(0);
        expect(y).toBeLessThanOrEqual(320);
      }
    },
  );
});
