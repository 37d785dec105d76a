import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { describe, expect, it } from 'vitest';
import type { Expr } from '../../../native-free-core/policy/compiled/expr.ts';
import { lowerPolicy } from '../../../native-free-core/policy/compiled/lower.ts';
import { splitLongs } from '../../../native-free-core/policy/compiled/split-longs.ts';
import { lowered, permitWhen, policyJson } from './oracle.ts';

function condition(text: string): Expr | undefined {
  return lowered(permitWhen(text)).condition;
}

/** Also with what Cedar would never say. */
function withBody(body: unknown): PolicyJson {
  const policy = { ...policyJson(permitWhen('true')), conditions: [{ kind: 'when', body }] };
  return JSON.parse(JSON.stringify(policy));
}

describe('lowering', () => {
  it('gives data that a thread can be sent', () => {
    const policy = lowered(
      `forbid (principal is User in Group::"g", action in [Action::"a"], resource == Photo::"p")
       when { context.n + 9223372036854775807 == 1 && {a: [decimal("1.0")]}.a.isEmpty() }
       unless { principal has a.b || resource like "a*" };`,
    );
    expect(structuredClone(policy)).toEqual(policy);
    expect(policy).toMatchObject({
      effect: 'forbid',
      principal: { op: 'is', type: 'User', within: { type: 'Group', id: 'g' } },
      action: { op: 'in', entities: [{ type: 'Action', id: 'a' }] },
      resource: { op: '==', entity: { type: 'Photo', id: 'p' } },
    });
  });

  it('keeps no condition where there is none', () => {
    expect(lowered('permit (principal, action, resource);').condition).toBeUndefined();
  });

  it('makes one node of a chain', () => {
    expect(condition('true && (false && true) && 1 == 1')).toMatchObject({ op: 'and', terms: { length: 4 } });
    expect(condition('true || false && true')).toMatchObject({ op: 'or', terms: [{}, { op: 'and' }] });
  });

  it('keeps what stands between the wildcards of a pattern', () => {
    const partsOf = (pattern: string) => condition(`"" like "${pattern}"`);
    expect(partsOf('')).toMatchObject({ parts: [''] });
    expect(partsOf('ab')).toMatchObject({ parts: ['ab'] });
    expect(partsOf('*')).toMatchObject({ parts: ['', ''] });
    expect(partsOf('a**b\\*c*')).toMatchObject({ parts: ['a', 'b*c', ''] });
  });

  it('reads the values of policies that were written as JSON', () => {
    const policy = lowerPolicy(
      withBody({
        '==': {
          left: { Value: [1, { a: { __entity: { type: 'A', id: 'b' } } }] },
          right: { Value: { __extn: { fn: 'decimal', arg: '1.0' } } },
        },
      }),
    );
    expect(policy).toMatchObject({
      condition: {
        left: {
          op: 'set',
          items: [{ value: 1 }, { op: 'record', fields: [['a', { op: 'entity', id: 'b' }]] }],
        },
        right: { op: 'call', name: 'decimal', args: [{ value: '1.0' }] },
      },
    });
  });

  it.each([
    ['an operator that Cedar does not have yet', { xor: { left: { Value: true }, right: { Value: true } } }],
    ['a function that Cedar does not have yet', { sqrt: [{ Value: 4 }] }],
    ['a function by the name of an object member', { constructor: [{ Value: 4 }] }],
    ['an integer that may be another', { Value: 2 ** 53 }],
    ['a fraction', { Value: 0.5 }],
    ['null', { Value: null }],
    ['a slot', { Slot: '?principal' }],
    ['a variable that Cedar does not have', { Var: 'session' }],
    ['nothing', {}],
    ['two operators at once', { Value: 1, Var: 'principal' }],
    ['an unknown pattern', { like: { left: { Value: '' }, pattern: ['Any'] } }],
    ['an attribute without a name', { '.': { left: { Var: 'context' } } }],
    ['a `has` without names', { has: { left: { Var: 'context' }, attr: [] } }],
    ['a missing operand', { '+': { left: { Value: 1 } } }],
    ['an extension value without a function', { Value: { __extn: { arg: '1.0' } } }],
    ['something deep inside', { '!': { arg: { Set: [{ Record: { a: { unknown: [] } } }] } } }],
  ])('declines %s', (_, body) => {
    expect(lowerPolicy(withBody(body))).toEqual({ declined: expect.stringMatching(/./) });
  });

  it('declines a template', () => {
    const template = {
      ...policyJson(permitWhen('true')),
      principal: { op: '==', slot: '?principal' },
    } as const;
    expect(lowerPolicy(template)).toEqual({ declined: 'it is a template' });
  });
});

describe('integers beyond 2^53', () => {
  it('decline a policy as it comes from Cedar, and none whose integers are split', () => {
    const text = permitWhen('context.n == 9007199254740993');
    expect(lowerPolicy(policyJson(text))).toEqual({ declined: 'it holds an integer beyond 2^53' });
    expect(lowerPolicy(policyJson(splitLongs(text)))).not.toHaveProperty('declined');
  });

  it('are split where they are integers, and nothing else is touched', () => {
    expect(splitLongs('a == 9007199254740993')).toBe('a == (2097152 * 4294967296 + 1)');
    expect(splitLongs('a - 9007199254740992')).toBe('a - (2097152 * 4294967296 + 0)');
    expect(splitLongs('-9223372036854775808')).toBe('(-2147483647 * 4294967296 - 4294967296)');
    const untouched = [
      '9007199254740991',
      '"9007199254740993" == "\\"9007199254740993"',
      'a9007199254740993',
      '_9007199254740993.b',
      '// 9007199254740993\r',
      // Out of range: Cedar refuses it.
      '9223372036854775808',
    ];
    for (const text of untouched) expect(splitLongs(text)).toBe(text);
    expect(splitLongs('// "\n9007199254740993')).toBe('// "\n(2097152 * 4294967296 + 1)');
  });
});
