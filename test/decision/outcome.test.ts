import { describe, expect, it } from 'vitest';
import { amountsDiffer, passedTarget, policyAnswer } from '../../native-free-core/decision/outcome.ts';
import type { CanonicalTarget, Params, Refusal } from '../../native-free-core/normalizer/envelope.ts';
import type { PolicyVerdict } from '../../native-free-core/policy/port.ts';

const NOTHING: PolicyVerdict = {
  allowed: false,
  determining: [],
  errored: [],
  abort: false,
  reason: undefined,
  remedy: undefined,
};
const SAID = { reason: 'because', remedy: 'do this' };

describe('what is made of a verdict', () => {
  it.each<[string, Partial<PolicyVerdict>, string, string, readonly string[]]>([
    ['a permit', { allowed: true, determining: ['p'] }, 'ALLOW', 'OK', ['p']],
    ['no permit', {}, 'DENY', 'POLICY_NO_PERMIT', []],
    ['a forbid', { determining: ['f'] }, 'DENY', 'POLICY_FORBID', ['f']],
    ['an error', { errored: ['e'] }, 'DENY', 'POLICY_ERROR', ['e']],
    [
      'an error beside a permit',
      { allowed: true, determining: ['p'], errored: ['e'] },
      'DENY',
      'POLICY_ERROR',
      ['e'],
    ],
    ['an error beside a forbid', { determining: ['f'], errored: ['e'] }, 'DENY', 'POLICY_ERROR', ['e']],
    ['an end', { determining: ['a', 'f'], abort: true }, 'ABORT', 'POLICY_ABORT', ['a', 'f']],
    [
      'an end beside an error',
      { determining: ['a'], errored: ['e'], abort: true },
      'ABORT',
      'POLICY_ABORT',
      ['a'],
    ],
    [
      'an end beside a permit',
      { allowed: true, determining: ['a'], abort: true },
      'ABORT',
      'POLICY_ABORT',
      ['a'],
    ],
  ])('is right for %s', (_what, changes, outcome, reason, policies) => {
    expect(policyAnswer({ ...NOTHING, ...changes })).toMatchObject({ outcome, reason, policies });
  });

  it('says what the policies say, or else which they are', () => {
    const forbid = { ...NOTHING, determining: ['a', 'f'] };
    expect(policyAnswer({ ...forbid, ...SAID })).toMatchObject({ detail: 'because', remedy: 'do this' });
    expect(policyAnswer(forbid).detail).toBe('forbidden by policy `a`, `f`');
    expect(policyAnswer({ ...forbid, ...SAID, abort: true })).toMatchObject({
      detail: 'because',
      remedy: 'do this',
    });
    expect(policyAnswer({ ...forbid, abort: true }).detail).toBe('ended by policy `a`, `f`');
  });

  it('gives no reason of a forbid for an error, and no remedy for an allowed call', () => {
    const erring = { ...NOTHING, ...SAID, determining: ['f'], errored: ['e'] };
    expect(policyAnswer(erring)).toMatchObject({
      detail: 'could not evaluate policy `e`',
      remedy: undefined,
    });
    const allowed = { ...NOTHING, ...SAID, allowed: true, determining: ['p'] };
    expect(policyAnswer(allowed)).toMatchObject({ detail: 'permitted', remedy: undefined });
  });
});

describe('readings that differ in what is charged', () => {
  const differ = (...params: readonly Params[]): boolean =>
    amountsDiffer(params.map((one) => ({ params: one })));

  it('are told by amount and by currency, wherever they stand', () => {
    expect(differ({ amount: 1 }, { amount: 1 }, { amount: 2 })).toBe(true);
    expect(differ({ amount: 1, currency: 'usd' }, { amount: 1, currency: 'jpy' })).toBe(true);
    expect(differ({ amount: 1 }, {})).toBe(true);
    expect(differ({}, { amount: 0 })).toBe(true);
  });

  it('are not those that differ in another fact, or a single one', () => {
    expect(differ({ amount: 1, git_ref: 'a' }, { git_ref: 'b', amount: 1 })).toBe(false);
    expect(differ({ amount: 1 })).toBe(false);
    expect(differ({}, {})).toBe(false);
  });
});

describe('a call that no rule matches', () => {
  const target: CanonicalTarget = {
    scheme: 'https',
    host: 'h.example',
    port: 443,
    path: '/',
    matchPath: '/',
    query: '',
  };
  const unknown: Refusal = { refused: 'UNCLASSIFIED_ACTION', detail: '', target };

  it('passes where such calls may', () => {
    expect(passedTarget(unknown, false)).toBe(target);
    expect(passedTarget(unknown, true)).toBeUndefined();
  });

  it.each<[string, Partial<Refusal>]>([
    ['it matches one under another reading', { inPart: true }],
    ['it is malformed', { refused: 'MALFORMED_REQUEST' }],
    ['its facts cannot be read', { refused: 'PARAMS_UNREADABLE' }],
    ['its target is not known', { target: undefined }],
  ])('never passes where %s', (_what, changes) => {
    expect(passedTarget({ ...unknown, ...changes }, false)).toBeUndefined();
  });
});
