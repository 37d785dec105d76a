import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readBudgets } from '../../bench/budgets.ts';
import { makeDir } from '../config/place.ts';

const shipped = readFileSync(fileURLToPath(new URL('../../bench/budgets.toml', import.meta.url)), 'utf8');

function changed(from: string, to: string): string {
  expect(shipped).toContain(from);
  const file = join(makeDir(), 'budgets.toml');
  writeFileSync(file, shipped.replace(from, to));
  return file;
}

describe('the budgets of the project', () => {
  it('are the ones that are promised', () => {
    expect(readBudgets()).toEqual({
      p99Ms: { warm: 0.2, cold_token: 2 },
      normalizer: {
        canonicalUs: 1.2,
        rewrittenUs: 4,
        rules10000Over10: 1.5,
        findMyWayOverTrie: 1.5,
        loadMs: 50,
        loadMb: 10,
      },
      policy: {
        policies_10: { medianUs: 1, overCedar: 30 },
        policies_1000: { medianUs: 2, overCedar: 500 },
      },
      session: {
        medianUs: { matching_8: 1.2, stored_8: 1.8 },
        sessionBytes: 800,
        windowBytes: 400,
      },
      memory: { residentMb: 300, growthMb: 20 },
    });
  });

  it.each([
    ['a figure without one', 'p99_ms = 0.2', '', '`decide.warm.p99_ms` must be a positive number'],
    ['a memory limit that is missing', 'growth_mb = 20', '', '`memory.growth_mb` must be'],
    ['one that is no number', 'p99_ms = 2.0', 'p99_ms = "2.0"', '`decide.cold_token.p99_ms` must be'],
    ['one that nothing can hold', 'resident_mb = 300', 'resident_mb = 0', '`memory.resident_mb` must be'],
    ['a ratio that is missing', 'over_trie = 1.5', '', '`normalizer.find_my_way.over_trie` must be'],
    [
      'one of a figure that nobody measures',
      '[decide.warm]',
      '[decide.hot]',
      '`decide.hot.p99_ms` is no budget',
    ],
  ])('refuse %s', (_what, from, to, message) => {
    const file = changed(from, to);
    expect(() => readBudgets(file)).toThrow(message);
    expect(() => readBudgets(file)).toThrow(file);
  });
});
