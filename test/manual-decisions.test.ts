import { afterEach, describe, expect, it } from 'vitest';
import type { Decision } from '@firma/core';
import { ManualDecisions } from '../src/manual-decisions.ts';

const TEN_MINUTES_MS = 600_000;

function decision(eventId: string): Decision {
  return { eventId } as Decision;
}

describe('decisions that an enforcement point settles', () => {
  const settled: string[] = [];
  let nowMs = 0;
  const open = (): ManualDecisions =>
    new ManualDecisions(
      ({ eventId }, how) => settled.push(`${eventId} ${how}`),
      () => nowMs,
    );

  afterEach(() => {
    settled.length = 0;
    nowMs = 0;
  });

  it('are settled once', () => {
    const manual = open();
    manual.hold('a', decision('a'));
    expect(manual.settle('a', 'rollback')).toBe(true);
    expect(manual.settle('a', 'commit')).toBe(false);
    expect(manual.settle('b', 'commit')).toBe(false);
    expect(settled).toEqual(['a rollback']);
    manual.close();
  });

  it('are committed after ten minutes of silence, and not before', () => {
    const manual = open();
    manual.hold('a', decision('a'));
    nowMs = 1_000;
    manual.hold('b', decision('b'));
    nowMs = TEN_MINUTES_MS - 1;
    manual.expire();
    expect(settled).toEqual([]);
    nowMs = TEN_MINUTES_MS;
    manual.expire();
    expect(settled).toEqual(['a commit']);
    expect(manual.settle('b', 'rollback')).toBe(true);
    manual.close();
  });

  it('are committed where nobody is left to settle them', () => {
    const manual = open();
    manual.hold('a', decision('a'));
    manual.hold('b', decision('b'));
    manual.close();
    expect(settled).toEqual(['a commit', 'b commit']);
    expect(manual.count).toBe(0);
  });
});
