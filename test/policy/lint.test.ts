import { describe, expect, it } from 'vitest';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { lintBundle } from '../../native-free-core/policy/lint.ts';
import { INPUTS } from './query.ts';

/** The warnings of a policy file, as `kind id`. */
function warnings(text: string): string[] {
  const bundle = loadBundle([{ file: 'x.cedar', text }], INPUTS);
  return lintBundle(bundle).map(({ kind, policy }) => `${kind} ${policy.id}`);
}

const CALLS = 'context.session.calls';

function permitWhen(condition: string): string {
  return `@id("p") permit (principal, action, resource) when { ${condition} };`;
}

describe('warnings about policies', () => {
  it.each([
    ['addition', `${CALLS} + 1 > 5`],
    ['subtraction deep inside', `context.session has last_class || (if true then 1 - ${CALLS} else 2) == 3`],
    ['multiplication in a set', `[1, 2 * ${CALLS}].contains(4)`],
    ['a unary minus', `-(${CALLS}) < 0`],
  ])('name %s of what differs from call to call', (_what, condition) => {
    expect(warnings(permitWhen(condition))).toEqual(['arithmetic p']);
  });

  it.each([
    ['constants', `${CALLS} > 5 - 3 * 2 && ${CALLS} > -4`],
    ['constants beyond 2^53', `${CALLS} < 9223372036854775807 - 1`],
    ['extension values', 'context.time.now > datetime("2025-01-01").offset(duration("-1h"))'],
  ])('pass over arithmetic on %s', (_what, condition) => {
    expect(warnings(permitWhen(condition))).toEqual([]);
  });

  it('find arithmetic in an `unless` of a forbid, and name the signs once', () => {
    const text = `@id("f") forbid (principal, action, resource) unless { ${CALLS} - 1 < ${CALLS} - -(${CALLS}) };`;
    const [warning] = lintBundle(loadBundle([{ file: 'x.cedar', text }], INPUTS));
    expect(warning?.message).toContain('forbid `f` computes with facts of the call (`-`)');
  });

  it('name a permit without a condition, and no such forbid', () => {
    expect(
      warnings(`
        @id("a") permit (principal, action == Firma::Action::"code.read", resource);
        @id("b") forbid (principal, action == Firma::Action::"code.write", resource);
        @id("c") permit (principal, action == Firma::Action::"code.merge", resource) when { ${CALLS} < 5 };`),
    ).toEqual(['unconditional a']);
  });

  it('pass over a permit that says why it has no condition', () => {
    const text = (annotation: string): string =>
      `@id("p") ${annotation} permit (principal, action, resource);`;
    const [warning] = lintBundle(loadBundle([{ file: 'x.cedar', text: text('') }], INPUTS));
    expect(warning?.message).toContain('or say why it needs none with `@unconditional("…")`');
    expect(warnings(text('@unconditional("all of it is a game")'))).toEqual([]);
    for (const empty of ['@unconditional("")', '@unconditional']) {
      expect(() => warnings(text(empty))).toThrow(/^x\.cedar:1:1: `@unconditional` needs a text/);
    }
  });

  it.each([
    [
      'a permit with a condition',
      `permit (principal, action, resource) when { ${CALLS} < 5 };`,
      'has a condition',
    ],
    ['a forbid', 'forbid (principal, action == Firma::Action::"code.read", resource);', 'permits nothing'],
  ])('name %s that says why it has none', (_what, policy, message) => {
    const text = `@id("p") @unconditional("so") ${policy}`;
    const [warning, ...others] = lintBundle(loadBundle([{ file: 'x.cedar', text }], INPUTS));
    expect(others).toEqual([]);
    expect(warning).toMatchObject({ kind: 'unconditional', message: expect.stringContaining(message) });
  });

  it('do not let `@unconditional` excuse a permit that never allows', () => {
    expect(
      warnings(`@id("p") @unconditional("so") permit (principal, action, resource);
        @id("f") forbid (principal, action, resource);`),
    ).toEqual(['overruled p']);
  });

  const FORBIDS: readonly (readonly [string, string])[] = [
    [
      'the same scope',
      'principal in Firma::AgentGroup::"ops", action == Firma::Action::"code.read", resource',
    ],
    ['any principal', 'principal, action == Firma::Action::"code.read", resource'],
    ['the category', 'principal in Firma::AgentGroup::"ops", action in Firma::Action::"code", resource'],
    ['everything', 'principal, action, resource'],
  ];
  const PERMIT = `@id("p") permit (principal in Firma::AgentGroup::"ops", action == Firma::Action::"code.read", resource)
    when { ${CALLS} < 5 };`;

  it.each(FORBIDS)('name a permit beside an unconditional forbid of %s', (_what, scope) => {
    expect(warnings(`${PERMIT} @id("f") forbid (${scope});`)).toEqual(['overruled p']);
  });

  it.each(FORBIDS)('pass over a forbid of %s that has a condition', (_what, scope) => {
    expect(warnings(`${PERMIT} @id("f") forbid (${scope}) when { ${CALLS} > 4 };`)).toEqual([]);
  });

  it.each([
    ['another principal', 'principal in Firma::AgentGroup::"dev", action, resource'],
    ['another class', 'principal, action == Firma::Action::"code.write", resource'],
    ['some resources', 'principal, action, resource in Firma::HostGroup::"model"'],
  ])('pass over an unconditional forbid of %s', (_what, scope) => {
    expect(warnings(`${PERMIT} @id("f") forbid (${scope});`)).toEqual([]);
  });

  it('name a host group that no table declares, wherever a policy names it', () => {
    const text = `@id("scope") forbid (principal, action, resource in Firma::HostGroup::"modle");
      @id("kind") forbid (principal, action, resource is Firma::Resource in Firma::HostGroup::"model");
      @id("condition") forbid (principal, action, resource)
        when { resource in [Firma::HostGroup::"paste", Firma::HostGroup::"model"] };
      @id("group") forbid (principal in Firma::AgentGroup::"modle", action, resource);`;
    const bundle = loadBundle([{ file: 'x.cedar', text }], INPUTS);
    const found = lintBundle(bundle, ['bank', 'model']);
    expect(found.map(({ kind, policy }) => [kind, policy.id])).toEqual([
      ['unknown-group', 'condition'],
      ['unknown-group', 'scope'],
    ]);
    expect(found[0]?.message).toContain('forbid `condition` names the host group `paste`, which no');
    expect(found[1]?.message).toMatch(/`modle`.*; did you mean `model`\?$/);
    // Without tables nothing is known of groups.
    expect(lintBundle(bundle)).toEqual([]);
  });

  // Were these loaded one day, they would need a warning.
  it.each([
    ['a scope no class satisfies', '@id("p") permit (principal, action == Firma::Action::"code", resource);'],
    ['a constructor of a fact', permitWhen('decimal(context.request.method) == decimal("1.0")')],
  ])('are not needed for %s: it is refused', (_what, text) => {
    expect(() => warnings(text)).toThrow(/^x\.cedar:1:/);
  });
});
