import { describe, expect, it } from 'vitest';
import { type Options, readGiven } from '../../src/cli/load/given.ts';

const WORDS: Options = {
  target: 'decide',
  rate: '1000',
  duration: '10s',
  connections: '64',
  bodyBytes: '700',
  timeout: '10s',
  seed: '1',
};

describe('the words of firma load', () => {
  it('are read with their units', () => {
    const given = readGiven({
      ...WORDS,
      duration: '1.5m',
      warmup: '250ms',
      budget: ['p99=5ms', 'p99.9=0.5s'],
    });
    expect(given).toMatchObject({
      target: 'decide',
      agents: 1000,
      rate: 1000,
      durationMs: 90_000,
      warmupMs: 250,
      timeoutMs: 10_000,
      seed: 1,
    });
    expect([...given.budgets]).toEqual([
      ['p99', 5],
      ['p99.9', 500],
    ]);
  });

  it('mean fewer agents for the proxy, whose every agent is a session', () => {
    expect(readGiven({ ...WORDS, target: 'proxy' }).agents).toBe(64);
  });

  it.each([
    { target: 'all' },
    { rate: '0' },
    { rate: '1e9' },
    { duration: '5' },
    { duration: '0s' },
    { duration: '2h' },
    { connections: '-1' },
    { agents: '65', target: 'proxy' },
    { seed: '4294967296' },
    { bodyBytes: '9000' },
    { budget: ['p98=5ms'] },
    { budget: ['p99'] },
    { timeout: '61s' },
  ])('%j is refused', (words) => {
    expect(() => readGiven({ ...WORDS, ...words })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
