import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBaseline, saveBaseline } from '../../../src/cli/bench/baseline-file.ts';
import type { BenchConfig } from '../../../src/cli/bench/configuration.ts';
import { eachOf, QUANTILES, STAGES } from '../../../src/cli/bench/figures.ts';
import { readRequests } from '../../../src/cli/bench/request-file.ts';
import { makeDir, refusalOf, write } from '../../config/place.ts';

const CONFIG: BenchConfig = {
  file: '/somewhere/firma.toml',
  defaultProtected: false,
  skewS: 7,
  budgets: [
    {
      name: 'spend',
      match: ['payment.*'],
      maxAmount: 500,
      currency: 'usd',
      window: '24h',
      per: 'agent',
      onExceed: 'abort',
    },
    { name: 'calls', match: ['code.read'], maxCalls: 3, agent: 'agent-7', onExceed: 'deny' },
  ],
  mappings: [{ file: 'rules.toml', text: '# "quotes" and \u2028\n' }],
  policies: [{ file: 'own.cedar', text: 'permit (principal, action, resource);' }],
};

async function saved(): Promise<string> {
  const file = join(makeDir(), 'bench.json');
  await saveBaseline(file, {
    config: CONFIG,
    madeOn: { firma: '0.1.0', node: 'v20', cpu: 'some' },
    figures: eachOf(STAGES, () => eachOf(QUANTILES, () => 1.23456)),
  });
  return file;
}

type Change = (value: Record<string, unknown>) => void;

async function refused(change: Change): Promise<string> {
  const file = await saved();
  const value: Record<string, unknown> = { ...JSON.parse(readFileSync(file, 'utf8')) };
  change(value);
  write(file, JSON.stringify(value));
  const { code, message } = await refusalOf(readBaseline(file));
  expect(code).toBe('CONFIG_INVALID');
  expect(message.startsWith(`${file}: `)).toBe(true);
  return message;
}

describe('a baseline file', () => {
  it('gives back what decides, under names that tell it from the present files', async () => {
    const file = await saved();
    const { config, figures, madeOn } = await readBaseline(file);
    expect(config).toStrictEqual({
      ...CONFIG,
      file,
      mappings: [{ file: `${file}: rules.toml`, text: CONFIG.mappings[0]?.text }],
      policies: [{ file: `${file}: own.cedar`, text: CONFIG.policies[0]?.text }],
    });
    expect(madeOn.cpu).toBe('some');
    expect(figures.policy.p99).toBe(1.235);
  });

  it('says nothing of where it was made', async () => {
    expect(readFileSync(await saved(), 'utf8')).not.toContain('somewhere');
  });

  it.each<[string, Change, string]>([
    ['a key that is not known', (value) => (value['run'] = 'x'), '`run` is no known key'],
    [
      'a setting that is not known',
      (value) => (value['settings'] = { default_protected: true, skew_s: 5, x: 1 }),
      '`settings.x` is no known key',
    ],
    ['another format', (value) => (value['firma_bench'] = 2), 'is no baseline of format 1'],
    ['no format', (value) => delete value['firma_bench'], 'is no baseline of format 1'],
    [
      'too long a skew',
      (value) => (value['settings'] = { default_protected: true, skew_s: 1e9 }),
      '`settings.skew_s`',
    ],
    ['tables that are none', (value) => (value['mappings'] = [{ name: 'x', text: 5 }]), '`mappings.0.text`'],
    [
      'too many tables',
      (value) => (value['mappings'] = Array.from({ length: 1025 }, () => ({ name: 'x', text: '' }))),
      '`mappings`',
    ],
    [
      'a budget that narrows what is not known',
      (value) =>
        (value['budgets'] = [
          { limit: { name: 'a', match: ['code.*'], max_calls: 1, hosts: 'x' }, on_exceed: 'deny' },
        ]),
      'has a member that is not known',
    ],
    [
      'a budget of nothing',
      (value) => (value['budgets'] = [{ limit: { name: 'a', match: ['code.*'] }, on_exceed: 'deny' }]),
      'limits nothing',
    ],
  ])('is refused with %s', async (_, change, message) => {
    expect(await refused(change)).toContain(message);
  });

  it('is refused where it is no JSON, or is not there', async () => {
    const file = join(makeDir({ 'x.json': '{"firma_bench": 1' }), 'x.json');
    expect((await refusalOf(readBaseline(file))).message).toBe(
      `${file}: is not JSON; a baseline is written with \`firma bench --save\``,
    );
    expect((await refusalOf(readBaseline(`${file}.no`))).code).toBe('USAGE');
  });
});

describe('a file of requests', () => {
  const read = (text: string) => readRequests(join(makeDir({ 'calls.jsonl': text }), 'calls.jsonl'));

  it('holds a call a line', async () => {
    const calls = await read(
      '{"method":"GET","url":"https://a.example/"}\n\n{"method":"POST","url":"https://b.example/","body":"x"}\n',
    );
    expect(calls.map(({ call }) => call.url)).toEqual(['https://a.example/', 'https://b.example/']);
    expect(calls[1]?.where).toMatch(/calls\.jsonl:3$/);
  });

  it.each([
    ['{"method":"GET","url":"https://a.example/"}\n{"method":"GET"}', ':2: `url` must be a string'],
    ['{"method":"GET","url":"https://a.example/","via":"x"}', ':1: a call has'],
    ['{"token":"secret","method":"GET","url":"https://a.example/"}', ':1: `token` has no place here'],
    ['not json', ':1: the call is not JSON'],
    ['\n\n', 'holds no call'],
  ])('is refused with its line: %s', async (text, why) => {
    const { code, message } = await refusalOf(read(text));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain(why);
    expect(message).not.toContain('secret');
  });

  it('holds at most 4096 calls', async () => {
    const line = '{"method":"GET","url":"https://a.example/"}\n';
    expect(await read(line.repeat(4096))).toHaveLength(4096);
    expect((await refusalOf(read(line.repeat(4097)))).message).toContain(':4097: holds more than 4096 calls');
  });
});
