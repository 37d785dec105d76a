import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const gate = fileURLToPath(new URL('../../dist/bench/gate.js', import.meta.url));

describe('the latency gate', () => {
  it('fails, and says what missed, where every call is 2 ms slower', () => {
    const args = [
      '--expose-gc',
      gate,
      '--rounds',
      '1',
      '--calls',
      '200',
      '--attempts',
      '1',
      '--plant-ms',
      '2',
    ];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stdout).toMatch(/^MISSED decide\.warm: p99 \d+\.\d{3} ms, budget 0\.2 ms/m);
    expect(stdout).toMatch(/^MISSED decide\.cold_token: p99 \d+\.\d{3} ms, budget 2 ms/m);
    // Of the normalizer, every thousand calls are 2 ms slower.
    expect(stdout).toMatch(/^MISSED normalizer\.canonical: \d+\.\d\d µs, budget 1\.2 µs/m);
    expect(stdout).toMatch(/^MISSED policy\.policies_10: \d+\.\d\d µs, budget 1 µs/m);
    expect(stdout).toMatch(/^MISSED session\.matching_8: \d+\.\d\d µs, budget 1\.2 µs/m);
    expect(stdout).toMatch(/^ok {5}normalizer\.load, memory: /m);
    expect(status).toBe(1);
  }, 60_000);
});
