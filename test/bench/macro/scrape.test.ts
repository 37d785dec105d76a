import { describe, expect, it } from 'vitest';
import { type Buckets, parseBuckets, quantileOf } from '../../../bench/macro/scrape.ts';

const text = (low: number, high: number, all: number): string =>
  [
    '# TYPE firma_request_seconds histogram',
    `firma_request_seconds_bucket{le="0.001"} ${high}`,
    `firma_request_seconds_bucket{le="0.0005"} ${low}`,
    `firma_request_seconds_bucket{le="+Inf"} ${all}`,
    'firma_request_seconds_sum 1.5',
    'firma_request_seconds_other_bucket{le="9"} 7',
  ].join('\n');

function bucketsOf(low: number, high: number, all: number): Buckets {
  const buckets = parseBuckets(text(low, high, all), 'firma_request_seconds');
  if (buckets === undefined) throw new Error('no buckets');
  return buckets;
}

describe('a histogram at /metrics', () => {
  it('gives the bound below which a share of what came since lies', () => {
    const [before, after] = [bucketsOf(100, 100, 100), bucketsOf(198, 199, 200)];
    expect(quantileOf(before, after, 0.98)).toBe(0.0005);
    expect(quantileOf(before, after, 0.99)).toBe(0.001);
    expect(quantileOf(before, after, 0.999)).toBe(Infinity);
  });

  it('gives nothing where nothing came', () => {
    expect(quantileOf(bucketsOf(1, 1, 1), bucketsOf(1, 1, 1), 0.5)).toBeNaN();
  });

  it('adds up what stands under several labels', () => {
    const labelled = 'h_bucket{path="/a",le="1"} 2\nh_bucket{path="/b",le="1"} 3\n';
    expect(parseBuckets(labelled, 'h')).toEqual(new Map([[1, 5]]));
  });

  it('is absent where the text has none of that name', () => {
    expect(parseBuckets(text(1, 1, 1), 'firma_decide_seconds')).toBeUndefined();
  });
});
