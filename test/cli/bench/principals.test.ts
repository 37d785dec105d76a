import { beforeAll, describe, expect, it } from 'vitest';
import { loadBundle, startCedar } from '../../../native-free-core/index.ts';
import { cedarModule } from '../../../src/cedar-module.ts';
import { principalsOf } from '../../../src/cli/bench/principals.ts';

beforeAll(() => startCedar(cedarModule()));

describe('the principals of a bench', () => {
  it('are those that policies and budgets name, in their scope or a condition', () => {
    const text = `
@id("a") permit (principal == Firma::Agent::"agent-7", action, resource);
@id("b") permit (principal in Firma::AgentGroup::"ops", action, resource);
@id("c") forbid (principal, action, resource) when { principal in Firma::AgentGroup::"interns" };
`;
    const bundle = loadBundle([{ file: 'x.cedar', text }], { params: {}, budgets: [] });
    const budgets = [
      { name: 'x', match: ['code.*'], maxCalls: 1, agent: 'agent-9', onExceed: 'deny' },
    ] as const;
    const principals = principalsOf(bundle, budgets, 256);
    const agents = new Set(principals.map(({ agent }) => agent));
    expect(agents.size).toBe(16);
    expect([...agents]).toEqual(expect.arrayContaining(['agent-7', 'agent-9']));
    expect(new Set(principals.map(({ groups }) => groups.join(' ')))).toEqual(
      new Set(['', 'ops', 'interns', 'interns ops']),
    );
    const own = principals.filter(({ agent }) => agent === 'agent-7');
    expect(new Set(own.map(({ groups }) => groups.join(' '))).size).toBe(4);
  });
});
