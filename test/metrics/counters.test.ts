import { describe, expect, it } from 'vitest';
import { Counters } from '../../src/metrics/counters.ts';

describe('counters', () => {
  it('count decisions by outcome and reason', () => {
    const counters = new Counters();
    counters.decided('ALLOW', 'OK');
    counters.decided('DENY', 'TOKEN_MISSING');
    counters.decided('DENY', 'POLICY_FORBID');
    counters.decided('DENY', 'POLICY_FORBID');
    expect(counters.snapshot()).toEqual({
      decisions: 4,
      outcomes: { ALLOW: 1, DENY: 3 },
      reasons: { OK: 1, TOKEN_MISSING: 1, POLICY_FORBID: 2 },
    });
  });

  it('leave a snapshot as it was taken', () => {
    const counters = new Counters();
    const before = counters.snapshot();
    counters.decided('ALLOW', 'OK');
    expect(before).toEqual(new Counters().snapshot());
  });
});
