import { describe, expect, it } from 'vitest';
import { drive } from '../../src/load/drive.ts';

describe('a load run', () => {
  it('makes exactly as many calls as asked, never more at once than asked', async () => {
    let open = 0;
    let most = 0;
    let made = 0;
    const report = await drive({
      calls: 100,
      concurrency: 7,
      async call() {
        made++;
        most = Math.max(most, ++open);
        await Promise.resolve();
        open--;
      },
    });
    expect({ made, most, calls: report.calls, errors: report.errors }).toEqual({
      made: 100,
      most: 7,
      calls: 100,
      errors: 0,
    });
    expect(report.perSecond).toBeCloseTo(100 / report.seconds);
    expect(report.medianMs).toBeLessThanOrEqual(report.p99Ms);
  });

  it('counts calls that failed and goes on', async () => {
    let made = 0;
    const call = (): Promise<void> =>
      made++ % 4 === 0 ? Promise.reject(new Error('no')) : Promise.resolve();
    expect(await drive({ calls: 40, concurrency: 3, call })).toMatchObject({ calls: 40, errors: 10 });
  });
});
