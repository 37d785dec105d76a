import { describe, expect, it } from 'vitest';
import { type Bundle, loadBundle } from '../../native-free-core/policy/bundle.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { INPUTS, query } from './query.ts';

const load = (text: string): Bundle => loadBundle([{ file: 'a.cedar', text }], INPUTS);
const GOOD = '@id("good") permit (principal, action, resource);';

function refusal(text: string): string {
  try {
    load(text);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'POLICY_INVALID') return error.message;
    throw error;
  }
  throw new Error('was not refused');
}

describe('loading a bundle', () => {
  it('keeps what answers and records need of each policy, sorted by id', () => {
    const bundle = load(`// first
      @id("b") @reason("why") @remedy("do") @outcome("abort")
      forbid (principal, action == Firma::Action::"code.read", resource);
      ${GOOD} @id("a") permit (principal, action, resource);`);
    expect(bundle.policies.map(({ id, effect, abort, line }) => ({ id, effect, abort, line }))).toEqual([
      { id: 'a', effect: 'permit', abort: false, line: 4 },
      { id: 'b', effect: 'forbid', abort: true, line: 2 },
      { id: 'good', effect: 'permit', abort: false, line: 4 },
    ]);
    expect(bundle.policies[1]).toMatchObject({ reason: 'why', remedy: 'do', file: 'a.cedar' });
  });

  it('is plain data that can be posted to a thread', () => {
    const bundle = load(GOOD);
    expect(structuredClone(bundle)).toEqual(bundle);
  });

  it('has one canonical form, whatever files its policies are in and in whatever order', () => {
    const other =
      '@id("other") forbid (principal, action, resource) when { context.session.calls > 9007199254740993 };';
    const one = load(`${GOOD}\n${other}`).canonical;
    const two = loadBundle(
      [
        { file: 'z.cedar', text: `// moved\n${other}` },
        { file: 'b.cedar', text: GOOD },
      ],
      INPUTS,
    ).canonical;
    expect(two).toEqual(one);
    expect(load(`${GOOD}${other.replace('993', '992')}`).canonical).not.toEqual(one);
    expect(
      loadBundle([{ file: 'a', text: GOOD + other }], { params: {}, budgets: [] }).canonical,
    ).not.toEqual(one);
  });

  it.each([
    ['no @id', 'permit (principal, action, resource);', 'a.cedar:2:1: a policy has no `@id("…")`'],
    ['an empty @id', '@id("") permit (principal, action, resource);', 'a.cedar:2:1: `@id` needs a text'],
    ['an @id without value', '@id permit (principal, action, resource);', 'a.cedar:2:1: `@id` needs a text'],
    ['an @id that breaks a line', '@id("a\\nb") permit (principal, action, resource);', 'is no id'],
    ['an @id used twice', GOOD, 'a.cedar:2:1: policy id `good` is used already at a.cedar:1:1'],
    ['an @id given twice', '@id("x") @id("y") permit (principal, action, resource);', 'a.cedar:2:10: '],
    [
      '@outcome on a permit',
      '@id("x") @outcome("abort") permit (principal, action, resource);',
      'policy `x`: `@outcome`',
    ],
    [
      'another @outcome',
      '@id("x") @outcome("deny") forbid (principal, action, resource);',
      'policy `x`: `@outcome`',
    ],
    [
      '@outcome without value',
      '@id("x") @outcome forbid (principal, action, resource);',
      '`@outcome` needs a text',
    ],
    [
      '@outcome in capitals',
      '@id("x") @outcome("Abort") forbid (principal, action, resource);',
      'policy `x`: `@outcome`',
    ],
    [
      'a @remedy without end',
      `@id("x") @remedy("${'a'.repeat(1025)}") forbid (principal, action, resource);`,
      '`@remedy`',
    ],
    ['a template', '@id("x") permit (principal == ?principal, action, resource);', 'a.cedar:2:31: '],
    ['a syntax error', '@id("x") permit (principal, action, resource) when { context.é };', 'a.cedar:2:62: '],
    ['a missing semicolon', '@id("x") permit (principal, action, resource)', 'unexpected end of input'],
    [
      'an unknown class',
      '@id("x") permit (principal, action == Firma::Action::"code.raed", resource);',
      'a.cedar:2:39: for policy `x`',
    ],
    [
      'an unknown attribute',
      '@id("x")\nforbid (principal, action, resource) when { context.sesion.calls > 1 };',
      'a.cedar:3:45: for policy `x`',
    ],
    [
      'a fact used unasked',
      '@id("x") forbid (principal, action, resource) when { context.params.amount > 1 };',
      'for policy `x`',
    ],
    [
      'types that do not fit',
      '@id("x") forbid (principal, action, resource) when { context.session.calls == "1" };',
      'for policy `x`',
    ],
  ])('refuses %s, and says where', (_, text, message) => {
    expect(refusal(`${GOOD}\n${text}`)).toContain(message);
  });

  it.each([
    ['a condition that never holds', 'when { context.params has nothing }'],
    ['a scope that fits no action', 'when { resource is Firma::Agent }'],
    ['letters that look like others', 'when { context.session.id == "p\u0430yment" }'],
  ])('refuses a warning like an error: %s', (_, condition) => {
    expect(refusal(`${GOOD}\n@id("x") forbid (principal, action, resource) ${condition};`)).toMatch(
      /^a\.cedar:2:\d+: for policy `x`/,
    );
  });

  it('refuses more than 4 MB, a policy of more than 100 kB, and more than 10,000, in time', () => {
    const long = (index: number, chars: number): string =>
      `@id("p${index}") permit (principal, action, resource) when { ["${'a'.repeat(chars)}"].contains("b") };`;
    const files = Array.from({ length: 41 }, (_, index) => ({ file: `${index}`, text: long(index, 99_900) }));
    expect(() => loadBundle(files, INPUTS)).toThrow('40: the policies are longer than 4000000 bytes in all');
    expect(refusal(`${GOOD}\n${long(1, 100_000)}`)).toBe(
      'a.cedar:2:1: a policy is longer than 100000 bytes; split it into several policies',
    );
    const many = Array.from(
      { length: 10_001 },
      (_, index) => `@id("p${index}")permit(principal,action,resource);`,
    );
    expect(refusal(many.join('\n'))).toBe('a.cedar: there are more than 10000 policies');
  });

  it('refuses deep expressions', () => {
    for (const deep of [
      `${'('.repeat(200)}true${')'.repeat(200)}`,
      `${'!('.repeat(200)}true${')'.repeat(200)}`,
      `${'context.request.query_present || '.repeat(200)}true`,
      `${'if true then '.repeat(200)}true${' else false'.repeat(200)}`,
      `1${' + 1'.repeat(200)} == 201`,
      `true } when { true${' } when { true'.repeat(200)}`,
    ]) {
      expect(refusal(`@id("deep") permit (principal, action, resource) when { ${deep} };`)).toContain(
        'split it',
      );
    }
  });

  it('leaves cedar alive after every refusal, and takes what is just within the bounds', async () => {
    const engine = new ReferenceEngine(load(GOOD));
    const flag = 'context.request.query_present';
    for (const near of [
      `${'('.repeat(30)}${flag}${')'.repeat(30)}`,
      `${`(${flag} && ${flag} || `.repeat(30)}${flag}${')'.repeat(30)}`,
      `${`${flag} || `.repeat(90)}${flag}`,
      `${`if ${flag} then (`.repeat(29)}true${') else false'.repeat(29)}`,
      `context.session.calls${' + 1'.repeat(95)} == 5`,
      `${flag}${`} when {${flag}`.repeat(95)}`,
    ]) {
      const deep = new ReferenceEngine(
        load(`@id("deep") permit (principal, action, resource) when { ${near} };`),
      );
      expect(deep.evaluate(query()).errored).toEqual([]);
      deep.close();
    }
    expect(engine.evaluate(query()).allowed).toBe(true);
    engine.close();
  });
});
