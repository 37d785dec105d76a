import { canonicalize, MAX_LINE_BYTES } from '@firma/core';
import { describe, expect, it } from 'vitest';
import { serialize } from '../../src/audit/serialize.ts';
import { decisionRecord } from './sample-record.ts';

const withResource = (resource: string): string | undefined => serialize({ ...decisionRecord(1), resource });

describe('serialize', () => {
  it('writes one line', () => {
    const line = withResource('a\nb');
    expect(line?.indexOf('\n')).toBe((line?.length ?? 0) - 1);
    expect(JSON.parse(line ?? '')).toEqual({ ...decisionRecord(1), resource: 'a\nb' });
  });

  it('refuses what the log could not hold: a lone surrogate, a record beyond the line limit', () => {
    expect(withResource('\ud800')).toBeUndefined();
    expect(withResource('x\udfff')).toBeUndefined();
    expect(withResource('x'.repeat(MAX_LINE_BYTES))).toBeUndefined();
    expect(withResource('\u20ac'.repeat(MAX_LINE_BYTES / 3))).toBeUndefined();
  });

  it('takes the line of a decision as it is written, and refuses one that cannot be, or is too long', () => {
    const decided = (line: () => string): string | undefined =>
      serialize({ kind: 'decision', session_id: 'session-1', line });
    expect(decided(() => '{"v":1}')).toBe('{"v":1}\n');
    expect(decided(() => 'x'.repeat(MAX_LINE_BYTES))).toBeUndefined();
    expect(decided(() => canonicalize('\ud800'))).toBeUndefined();
    expect(() =>
      decided(() => {
        throw new RangeError('broken');
      }),
    ).toThrow(RangeError);
  });

  it('takes what only looks like it', () => {
    expect(withResource('\\ud800')).toBeDefined();
    expect(withResource('\u{1f600}')).toBeDefined();
    expect(withResource('\u20ac'.repeat(20_000))).toBeDefined();
  });
});
