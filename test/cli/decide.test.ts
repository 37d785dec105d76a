import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/ingress/port.ts';
import { makeDir } from '../config/place.ts';
import { type Finished, firma } from './firma.ts';

function decide(input: string): Promise<Finished> {
  const root = makeDir();
  const env = { FIRMA_STATE_DIR: join(root, 'state'), HOME: root };
  return firma(['decide', '--json'], { cwd: root, env, input });
}

describe('firma decide', () => {
  it('ends 1 for a denial, with the decision', async () => {
    const { code, out } = await decide('{"method":"GET","url":"https://api.github.com/user"}');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'DENY', reason: 'TOKEN_MISSING' });
  });

  it.each([
    ['is no call', '{', 'the call is not JSON'],
    ['is as long as it may be', ' '.repeat(MAX_BODY_BYTES), 'the call is not JSON'],
    ['is longer', ' '.repeat(MAX_BODY_BYTES + 1), `the call is longer than ${MAX_BODY_BYTES} bytes`],
  ])('ends 2 for what %s, and says so', async (_what, input, message) => {
    expect(await decide(input)).toEqual({ code: 2, out: '', err: `firma: ${message}\n` });
  });
});
