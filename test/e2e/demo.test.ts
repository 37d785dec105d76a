import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { firma } from '../cli/firma.ts';
import { makeDir } from '../config/place.ts';

describe('firma demo', () => {
  it('comes out as it must, and keeps state and log where it is told to', async () => {
    const root = makeDir();
    const stateDir = join(root, 'kept');
    const { code, out } = await firma(['demo', '--json'], { env: { FIRMA_STATE_DIR: stateDir, HOME: root } });
    const result: unknown = JSON.parse(out);
    expect(result).toMatchObject({
      ok: true,
      checks: expect.arrayContaining([
        { name: 'the loop was ended by its budget', ok: true, detail: expect.any(String) },
        { name: 'agent has the open answer cut off', ok: true, detail: '200 CUT' },
        expect.objectContaining({
          name: 'the log says that the open answer was cut with its session',
          ok: true,
        }),
      ]),
    });
    expect(JSON.stringify(result)).not.toContain('made-up-');
    expect(code).toBe(0);
    const [run = ''] = readdirSync(join(stateDir, 'runs'));
    expect(existsSync(join(stateDir, 'runs', run, 'events-0.jsonl'))).toBe(true);
    const verified = await firma(['audit', 'verify'], { env: { FIRMA_STATE_DIR: stateDir, HOME: root } });
    expect(verified.code).toBe(0);
  });
});
