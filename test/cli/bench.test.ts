import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDir, makeLastingDir } from '../config/place.ts';
import { firma, type Finished } from './firma.ts';

const FILES = {
  'firma.toml': `[sidecar.mapping]
rules_path = "rules.toml"
[sidecar.policy]
path = "own.cedar"
[[sidecar.budgets]]
name = "reads"
match = ["code.read"]
max_calls = 100
window = "24h"
on_exceed = "deny"
`,
  'rules.toml': `[[rules]]
method = "GET"
host = "code.example"
path = "/x/*"
action_class = "code.read"
`,
  'own.cedar': `@id("read") permit (principal, action == Firma::Action::"code.read", resource);\n`,
};
const SHORT = ['--duration', '100ms', '--attempts', '1', '--sessions', '32'];

function bench(cwd: string, ...args: readonly string[]) {
  return firma(['bench', ...args], { cwd });
}

describe('firma bench', () => {
  const { root: cwd, remove } = makeLastingDir(FILES);
  let first: Finished;

  beforeAll(async () => {
    first = await bench(cwd, ...SHORT, '--budget', 'p99=10s', '--save', 'bench.json', '--json');
  });
  afterAll(remove);

  it('needs no trust, and ends 0 where a budget is held', () => {
    expect(first.err).toBe('');
    expect(first.code).toBe(0);
    expect(JSON.parse(first.out)).toMatchObject({
      ok: true,
      calls: 1,
      policies: 1,
      answers: { ALLOW: 256 },
    });
  });

  it('holds against what it saved itself', async () => {
    const reports = ['--junit', 'j.xml', '--markdown', '-'];
    const { code, out } = await bench(
      cwd,
      ...SHORT,
      '--baseline',
      'bench.json',
      '--floor',
      '10ms',
      ...reports,
    );
    expect(code).toBe(0);
    expect(out).toContain('## firma bench: all limits hold');
    expect(readFileSync(join(cwd, 'j.xml'), 'utf8')).toContain(
      '<testsuite name="regression" tests="10" failures="0">',
    );
  });

  it('ends 1 and names the stage where one is slower or misses its budget, and saves nothing then', async () => {
    const args = [
      '--baseline',
      'bench.json',
      '--floor',
      '1ms',
      '--slow',
      'policy=2ms',
      '--save',
      'next.json',
    ];
    const { code, out } = await bench(
      cwd,
      ...SHORT,
      ...args,
      '--budget',
      'p50=60s',
      '--budget',
      'policy.p50=1ms',
    );
    expect(code).toBe(1);
    expect(out).toMatch(/^ok {6}normalize\.p50 /m);
    expect(out).toMatch(/^MISSED {2}policy\.p50 /m);
    const slower = out.split('\n').filter((line) => line.startsWith('SLOWER'));
    expect(slower.map((line) => line.split(/ +/)[1])).toEqual([
      'policy.p50',
      'policy.p99',
      'total.p50',
      'total.p99',
    ]);
    expect(existsSync(join(cwd, 'next.json'))).toBe(false);
  });

  it.each([
    [
      'a policy that does not load',
      { 'own.cedar': '\npermit (principal, action, resource) when { 1 };' },
      [],
      /^firma: own\.cedar:2/,
    ],
    [
      'a request file that does not read',
      { 'calls.jsonl': '{}' },
      ['--requests', 'calls.jsonl'],
      /^firma: calls\.jsonl:1: /,
    ],
    [
      'a baseline that is none',
      { 'b.json': '{}' },
      ['--baseline', 'b.json'],
      /^firma: b\.json: is no baseline/,
    ],
    ['a budget that is none', {}, ['--budget', 'p98=1ms'], /^firma: `--budget p98=1ms` names no figure/],
    ['a duration out of bounds', {}, ['--duration', '1ms'], /^firma: `--duration` must be/],
  ])('ends 2 for %s', async (_, files, args, message) => {
    const { code, err } = await bench(makeDir({ ...FILES, ...files }), ...args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
