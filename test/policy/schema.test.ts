import { checkParseSchema, isAuthorized, validate } from '@cedar-policy/cedar-wasm/web';
import { describe, expect, it } from 'vitest';
import { generateSchema } from '../../native-free-core/policy/schema.ts';
import { READS, READS_ALL } from '../../native-free-core/policy/reads.ts';
import {
  actionUidOf,
  cedarContext,
  cedarEntities,
  principalUid,
  resourceUid,
} from '../../native-free-core/policy/request.ts';
import { ACTION_CLASSES } from '../../native-free-core/registry/classes.ts';
import { CONTEXT, INPUTS, query } from './query.ts';

function problems(schema: string, condition: string): readonly string[] {
  const text = `permit (principal, action, resource) when { ${condition} };`;
  const answer = validate({ schema, policies: { staticPolicies: { p: text } } });
  if (answer.type === 'failure') return answer.errors.map((error) => error.message);
  return [...answer.validationErrors, ...answer.validationWarnings].map(({ error }) => error.message);
}

describe('the schema', () => {
  it('is one that Cedar reads, with nothing configured and with names that are no Cedar identifiers', () => {
    expect(checkParseSchema(generateSchema({ params: {}, budgets: [] }))).toEqual({ type: 'success' });
    const odd = generateSchema({
      params: { 'x-if': 'long', in: 'string' },
      budgets: ['token/spend', '2024'],
    });
    expect(checkParseSchema(odd)).toEqual({ type: 'success' });
    const read =
      'context.budget has "token/spend" && context.budget["token/spend"] > 0 && context.params has "in" && context.params["in"] == "x"';
    expect(problems(odd, read)).toEqual([]);
  });

  it('is the same text for the same inputs in any order', () => {
    const one = generateSchema({ params: { b: 'long', a: 'string' }, budgets: ['y', 'x', 'y'] });
    expect(generateSchema({ params: { a: 'string', b: 'long' }, budgets: ['x', 'y'] })).toBe(one);
    expect(generateSchema({ params: { a: 'long', b: 'long' }, budgets: ['x', 'y'] })).not.toBe(one);
  });

  it('knows every class, every declared fact and budget with its type, and nothing else', () => {
    const schema = generateSchema(INPUTS);
    const every = ACTION_CLASSES.flatMap(({ name, category }) => [name, category]).map(
      (name) => `Firma::Action::"${name}"`,
    );
    expect(problems(schema, `action in [${every.join(', ')}]`)).toEqual([]);
    expect(problems(schema, 'context.params has count && context.params.count > 1')).toEqual([]);
    expect(problems(schema, 'context.params has channel && context.params.channel like "#*"')).toEqual([]);
    expect(problems(schema, 'context.budget has spend && context.budget.spend > 1')).toEqual([]);
    expect(problems(schema, 'context.params has amount && context.params.amount == "1"')).not.toEqual([]);
    expect(problems(schema, 'context.budget has other')).not.toEqual([]);
    expect(problems(schema, 'action == Firma::Action::"payment.other"')).not.toEqual([]);
  });

  it('demands a test for a fact that may be missing', () => {
    expect(problems(generateSchema(INPUTS), 'context.params.amount > 1')[0]).toContain('optional attribute');
  });

  it.each([
    { params: { __entity: 'long' }, budgets: [] },
    { params: {}, budgets: ['__extn'] },
    { params: {}, budgets: ['a"; forbid'] },
    { params: { 'a\\': 'long' }, budgets: [] },
    { params: {}, budgets: [''] },
    { params: { amount: 'string' }, budgets: [] },
  ] as const)('refuses a name or type it cannot hold: %j', (inputs) => {
    expect(() => generateSchema(inputs)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
  });

  it('is what the context and entities of a call conform to', () => {
    const call = query({
      context: { budget: { spend: 1 }, params: { ...CONTEXT.params, count: 2, channel: '#a' } },
    });
    const answer = isAuthorized({
      principal: principalUid(call.principal.id),
      action: actionUidOf(call.action),
      resource: resourceUid(call.resource.uid),
      context: cedarContext(call.context, READS_ALL),
      // Cedar takes the actions from the schema.
      entities: cedarEntities(call, READS.principal | READS.resource | READS.resource_groups),
      schema: generateSchema(INPUTS),
      validateRequest: true,
      policies: { staticPolicies: 'permit (principal, action, resource);' },
    });
    expect(answer).toMatchObject({ type: 'success', response: { decision: 'allow' } });
  });
});
