import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { makeDir } from '../config/place.ts';
import { firma } from './firma.ts';

const starter = fileURLToPath(new URL('../../policies/starter', import.meta.url));
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The words of each line that begins so in README. */
function linesOf(command: string): (readonly string[])[] {
  return readme
    .split('\n')
    .filter((line) => line.startsWith(`npx firma ${command} `))
    .map((line) =>
      [...line.replace(/ +#.*$/, '').matchAll(/"([^"]*)"|\S+/g)].map(([word, text]) => text ?? word),
    );
}

describe('the policy lines of README', () => {
  it('work as written, beside a folder of a base and a guard', async () => {
    const cwd = makeDir({});
    for (const file of ['dev.cedar', 'payments.cedar', 'fixtures/dev.toml', 'fixtures/payments.toml']) {
      cpSync(join(starter, file), join(cwd, 'policies', file));
    }
    const around = { cwd, env: { FIRMA_STATE_DIR: join(cwd, 'state') } };
    const lines = linesOf('policy');
    expect(lines.map((words) => words[3]).sort()).toEqual(['check', 'explain', 'schema', 'test']);
    for (const [, , ...args] of lines) {
      const { code, err } = await firma(args, around);
      expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
    }
    expect(readFileSync(join(cwd, 'out.xml'), 'utf8')).toContain('from policies');
  });
});
