import { describe, expect, it } from 'vitest';
import { prometheusText } from '../../src/metrics/prometheus.ts';
import { BOUNDS_US } from '../../src/metrics/series.ts';
import { sharedStats, ThreadStats } from '../../src/metrics/thread-stats.ts';
import { Totals } from '../../src/metrics/totals.ts';

const TIMINGS = { normalize: 2, capability: 1, policy: 40, total: 50 };
const GAUGES = {
  info: { adapter: 'uws', engine: 'compiled "x"\n' },
  workers: 2,
  sessions: 3,
  policyDeclined: 0,
  proxyConnections: 1,
  auditQueued: 4,
  auditQueuedBytes: 4000,
  auditAccepted: 10,
  auditRefused: 0,
};

describe('counters of several threads', () => {
  it('add up by outcome and reason', () => {
    const shared = sharedStats(3);
    const first = new ThreadStats(shared, 0);
    const last = new ThreadStats(shared, 2);
    first.decided('ALLOW', 'OK', TIMINGS);
    last.decided('DENY', 'TOKEN_MISSING', TIMINGS);
    last.decided('DENY', 'POLICY_FORBID', TIMINGS);
    first.decided('DENY', 'POLICY_FORBID', TIMINGS);
    expect(new Totals(shared).snapshot()).toEqual({
      decisions: 4,
      outcomes: { ALLOW: 1, DENY: 3 },
      reasons: { OK: 1, TOKEN_MISSING: 1, POLICY_FORBID: 2 },
    });
  });

  it('leave totals as they were taken', () => {
    const shared = sharedStats(1);
    const before = new Totals(shared);
    new ThreadStats(shared, 0).decided('ALLOW', 'OK', TIMINGS);
    expect(before.snapshot()).toEqual({ decisions: 0, outcomes: {}, reasons: {} });
  });

  it('put a duration into the first bucket that holds it, and beyond all of them into the last', () => {
    const shared = sharedStats(1);
    const stats = new ThreadStats(shared, 0);
    stats.served(0);
    stats.served(1);
    stats.served(1.5);
    stats.served(10_000_000);
    const { buckets, sumUs } = new Totals(shared).histogram('request');
    expect(buckets[0]).toBe(2);
    expect(buckets[1]).toBe(1);
    expect(buckets[BOUNDS_US.length]).toBe(1);
    expect(sumUs).toBe(10_000_002.5);
  });

  it('take over what is counted elsewhere', () => {
    const shared = sharedStats(2);
    new ThreadStats(shared, 0).reached('token_cache_hits', 7);
    new ThreadStats(shared, 1).reached('token_cache_hits', 5);
    new ThreadStats(shared, 1).reached('token_cache_hits', 6);
    expect(new Totals(shared).counter('token_cache_hits')).toBe(13);
  });
});

describe('the page for Prometheus', () => {
  const shared = sharedStats(1);
  const stats = new ThreadStats(shared, 0);
  stats.decided('ALLOW', 'OK', TIMINGS);
  stats.decided('ALLOW', 'OK', { ...TIMINGS, total: 3 });
  const lines = prometheusText(new Totals(shared), GAUGES).split('\n');

  it('counts cumulatively, in seconds', () => {
    expect(lines).toContain('firma_decisions_total{outcome="ALLOW",reason="OK"} 2');
    expect(lines).toContain('firma_stage_seconds_bucket{stage="total",le="0.000003"} 1');
    expect(lines).toContain('firma_stage_seconds_bucket{stage="total",le="0.00005"} 2');
    expect(lines).toContain('firma_stage_seconds_bucket{stage="total",le="+Inf"} 2');
    expect(lines).toContain('firma_stage_seconds_count{stage="total"} 2');
    expect(lines).toContain('firma_stage_seconds_sum{stage="total"} 0.000053');
  });

  it('says what each family is before its first sample, once', () => {
    const families = lines
      .filter((line) => line.startsWith('# TYPE '))
      .map((line) => line.split(' ')[2] ?? '');
    expect(new Set(families).size).toBe(families.length);
    const strays: string[] = [];
    let current = '';
    for (const line of lines) {
      if (line.startsWith('# TYPE ')) current = line.split(' ')[2] ?? '';
      else if (line !== '' && !line.startsWith('#') && !line.startsWith(current)) strays.push(line);
    }
    expect(strays).toEqual([]);
  });

  it('escapes what a label holds', () => {
    expect(lines).toContain('firma_info{adapter="uws",engine="compiled \\"x\\"\\n"} 1');
  });
});
