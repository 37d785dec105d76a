import { describe, expect, it } from 'vitest';
import { loadBundle, policyProblems } from '../../native-free-core/policy/bundle.ts';
import { INPUTS } from './query.ts';

function problems(...texts: readonly string[]): readonly string[] {
  const sources = texts.map((text, index) => ({ file: `${index}.cedar`, text }));
  return policyProblems(sources, INPUTS).map(({ message }) => message);
}

function forbid(condition: string, id = 'x'): string {
  return `@id("${id}") forbid (principal, action, resource) when { ${condition} };`;
}

describe('what is wrong with policies', () => {
  it('is said of every policy, by place, and the first stops a load', () => {
    const texts = [
      `${forbid('context.nope')}\n${forbid('true', 'ok')}\n@id("y") forbid (principal, action, resource) when { ( };`,
      `${forbid('context.session.calls == "1"', 'z')}\npermit (principal, action, resource);\n${forbid('true', 'ok')}`,
    ];
    const found = problems(...texts);
    expect(found.map((message) => message.slice(0, message.indexOf(': ')))).toEqual([
      '0.cedar:1:54',
      '0.cedar:3:56',
      '1.cedar:1:54',
      '1.cedar:2:1',
      '1.cedar:3:1',
    ]);
    const sources = texts.map((text, index) => ({ file: `${index}.cedar`, text }));
    expect(() => loadBundle(sources, INPUTS)).toThrow(found[0]);
    expect(problems(forbid('context.session.calls > 1'))).toEqual([]);
  });

  it('is said once, though it is wrong for every class, and 50 times at most', () => {
    const [nope, ...others] = problems(forbid('context.nope'));
    expect(others).toEqual([]);
    expect(nope).toMatch(/attribute `nope`.* not found/);
    expect(nope).not.toContain('Firma::Action');
    const many = Array.from({ length: 60 }, (_, index) => forbid('context.nope', `p${index}`));
    expect(problems(many.join('\n'))).toHaveLength(50);
    expect(problems('permit;'.repeat(60))).toHaveLength(50);
  });

  it.each([
    [
      'context.budget.spnd > 3',
      54,
      '`context.budget.spnd` is no budget of the configuration; it has `spend`; did you mean `spend`?',
    ],
    ['context.budget has spnd && context.budget.spnd > 3', 54, '`context.budget.spnd` is no budget'],
    ['context.budget has "a b"', 54, '`context.budget.a b` is no budget'],
    [
      'context.params has chanel && context.params.chanel == "x"',
      54,
      '`context.params.chanel` is no fact that a mapping rule declares; there are `amount`, `channel`, `count`, ' +
        '`currency`, `git_operation`, `git_ref`; did you mean `channel`?',
    ],
  ])('names what is declared where a policy reads what is not: %s', (condition, column, message) => {
    const [found, ...others] = problems(forbid(condition));
    expect(others).toEqual([]);
    expect(found).toContain(`0.cedar:1:${column + 'context.'.length}: for policy \`x\`, ${message}`);
  });

  it('names every undeclared budget of a policy, and says where there is none', () => {
    expect(problems(forbid('context.budget has a || context.budget has b'))).toHaveLength(2);
    const source = { file: 'x.cedar', text: forbid('context.budget has spend') };
    const [found] = policyProblems([source], { params: {}, budgets: [] });
    expect(found?.message).toContain('is no budget of the configuration; it has none');
  });

  it.each([
    ['== Firma::Action::"payment.refnd"', '`payment.refnd` is no action class', 'payment.refund'],
    ['in [Firma::Action::"code.raed"]', '`code.raed` is no action class', 'code.read'],
    ['in Firma::Action::"paymnt"', '`paymnt` is no action class', 'payment'],
  ])('suggests the nearest class for `action %s`', (scope, message, near) => {
    const [found, ...others] = problems(`@id("x") permit (principal, action ${scope}, resource);`);
    expect(others).toEqual([]);
    expect(found).toContain(
      `for policy \`x\`, ${message}; \`firma classes\` lists them; did you mean \`${near}\`?`,
    );
  });
});
