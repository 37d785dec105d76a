import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newBootMs, standingBootMs, steadyClock } from '../src/steady-clock.ts';
import { makeDir } from './config/place.ts';

const HOUR = 3_600_000;

afterEach(() => vi.useRealTimers());

/** Sets the system's time, and nothing else, ahead. */
function setAhead(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
}

describe('a steady clock', () => {
  it('begins at the time there is, and is not set with it', () => {
    const clock = steadyClock(newBootMs());
    expect(Math.abs(clock() - Date.now())).toBeLessThan(1000);
    const before = clock();
    setAhead(HOUR);
    expect(clock() - before).toBeLessThan(HOUR / 2);
  });

  it('goes on over restarts, whatever the time was set to between them', async () => {
    const dir = makeDir({});
    const before = steadyClock(await standingBootMs(dir))();
    setAhead(HOUR);
    const after = steadyClock(await standingBootMs(dir))();
    // Without a name for the start of the machine nothing can be told.
    const isKept = existsSync(join(dir, 'clock'));
    expect(after - before < HOUR / 2).toBe(isKept);
    expect(after).toBeGreaterThanOrEqual(before);
  });

  it('begins anew where the machine was started again, or what it kept is nothing', async () => {
    for (const text of ['00000000-0000-0000-0000-000000000000 5\n', 'x', '']) {
      const dir = makeDir({});
      writeFileSync(join(dir, 'clock'), text, { mode: 0o600 });
      expect(Math.abs(steadyClock(await standingBootMs(dir))() - Date.now())).toBeLessThan(1000);
    }
  });
});
