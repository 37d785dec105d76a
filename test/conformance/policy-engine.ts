import { afterEach, describe, expect, it } from 'vitest';
import { type Bundle, loadBundle } from '../../native-free-core/policy/bundle.ts';
import type { PolicyEngine, PolicyVerdict } from '../../native-free-core/policy/port.ts';
import { CONTEXT, INPUTS, query, type QueryChanges } from '../policy/query.ts';

/** An engine with a bundle in force, and how it is given back. */
export interface EngineUnderTest {
  readonly engine: PolicyEngine;
  close(): void;
}

// A product that leaves 64 bits: validation cannot see it, evaluation errors.
const OVERFLOW = 'context.session.calls * 9223372036854775807 > 0';

function paid(params: Readonly<Record<string, number | string>>): QueryChanges {
  return { context: { params } };
}

function amountPlusTwoIs(sum: string): string {
  return `@id("p") permit (principal, action, resource)
    when { context.params has amount && context.params.amount + 2 == ${sum} };`;
}

/** What every `PolicyEngine` answers, whatever it is made of. */
export function policyEngineSuite(name: string, make: (bundle: Bundle) => EngineUnderTest): void {
  describe(`${name} as a policy engine`, () => {
    const open: EngineUnderTest[] = [];
    afterEach(() => {
      for (const subject of open.splice(0)) subject.close();
    });

    function engineOf(text: string): PolicyEngine {
      const subject = make(loadBundle([{ file: 'test.cedar', text }], INPUTS));
      open.push(subject);
      return subject.engine;
    }

    async function ask(text: string, changes: QueryChanges = {}): Promise<PolicyVerdict> {
      return engineOf(text).evaluate(query(changes));
    }

    const PERMIT = '@id("all") permit (principal, action, resource);';

    it('denies what no policy permits, and names none', async () => {
      expect(await ask('')).toEqual({
        allowed: false,
        determining: [],
        errored: [],
        abort: false,
        reason: undefined,
        remedy: undefined,
      });
      const other = '@id("other") permit (principal, action == Firma::Action::"code.read", resource);';
      expect(await ask(other)).toMatchObject({ allowed: false, determining: [] });
      const unmet = '@id("unmet") permit (principal, action, resource) when { context.session.calls > 99 };';
      expect(await ask(unmet)).toMatchObject({ allowed: false, determining: [] });
    });

    it('names the permits that allow, sorted', async () => {
      const verdict = await ask(
        '@id("b") permit (principal, action, resource); @id("a") permit (principal, action, resource);',
      );
      expect(verdict).toMatchObject({ allowed: true, determining: ['a', 'b'], errored: [], abort: false });
    });

    it('lets a forbid win over every permit, and names only forbids', async () => {
      const verdict = await ask(
        `${PERMIT} @id("no") forbid (principal, action, resource) when { context.params has amount };`,
      );
      expect(verdict).toMatchObject({ allowed: false, determining: ['no'], abort: false });
    });

    it('says why and what to do in the words of the first determining policy that has any', async () => {
      const verdict = await ask(`
        @id("a") forbid (principal, action, resource);
        @id("b") @reason("why b") @remedy("do b") forbid (principal, action, resource);
        @id("c") @reason("why c") forbid (principal, action, resource);
        @id("d") @reason("not satisfied") forbid (principal, action, resource) when { context.session.calls == 0 };
      `);
      expect(verdict).toMatchObject({
        determining: ['a', 'b', 'c'],
        reason: 'why b',
        remedy: 'do b',
      });
    });

    it('denies where a forbid errors, though Cedar skips it and a permit holds', async () => {
      const verdict = await ask(
        `${PERMIT} @id("limit") forbid (principal, action, resource) when { ${OVERFLOW} };`,
      );
      expect(verdict).toMatchObject({ allowed: false, determining: [], errored: ['limit'], abort: false });
    });

    it('denies where a permit errors, though another permit holds', async () => {
      const verdict = await ask(
        `${PERMIT} @id("odd") permit (principal, action, resource) when { ${OVERFLOW} };`,
      );
      expect(verdict).toMatchObject({ allowed: false, determining: [], errored: ['odd'] });
    });

    it('aborts on a satisfied abort forbid, alone, beside a plain forbid and beside an error', async () => {
      const abort =
        '@id("stop") @outcome("abort") forbid (principal, action, resource) when { context.session.denies > 0 };';
      const plain = '@id("no") forbid (principal, action, resource);';
      const errors = `@id("odd") forbid (principal, action, resource) when { ${OVERFLOW} };`;
      expect(await ask(PERMIT + abort)).toMatchObject({ allowed: false, determining: ['stop'], abort: true });
      expect(await ask(PERMIT + abort + plain)).toMatchObject({ determining: ['no', 'stop'], abort: true });
      expect(await ask(PERMIT + abort + errors)).toMatchObject({
        allowed: false,
        determining: ['stop'],
        errored: ['odd'],
        abort: true,
      });
      expect(await ask(abort)).toMatchObject({ allowed: false, determining: ['stop'], abort: true });
    });

    it('does not abort where the abort forbid is not satisfied or itself errors', async () => {
      const unmet =
        '@id("stop") @outcome("abort") forbid (principal, action, resource) when { context.session.denies > 9 };';
      expect(await ask(PERMIT + unmet)).toMatchObject({ allowed: true, abort: false });
      const errors = `@id("stop") @outcome("abort") forbid (principal, action, resource) when { ${OVERFLOW} };`;
      expect(await ask(PERMIT + errors)).toMatchObject({ allowed: false, errored: ['stop'], abort: false });
    });

    it('matches action scopes by class, by list, by category and by all', async () => {
      const tried = ['code.read', 'code.review.read', 'customer.read', 'customer.write', 'payment.tax'];
      const scopes: readonly (readonly [string, readonly string[]])[] = [
        ['action == Firma::Action::"payment.tax"', ['payment.tax']],
        ['action in Firma::Action::"payment.tax"', ['payment.tax']],
        [
          'action in [Firma::Action::"code.read", Firma::Action::"payment.tax"]',
          ['code.read', 'payment.tax'],
        ],
        ['action in Firma::Action::"customer"', ['customer.read', 'customer.write']],
        ['action in [Firma::Action::"payment", Firma::Action::"code.read"]', ['code.read', 'payment.tax']],
        ['action', tried],
      ];
      for (const [scope, admitted] of scopes) {
        const engine = engineOf(`@id("p") permit (principal, ${scope}, resource);`);
        const allowed: string[] = [];
        for (const action of tried) {
          if ((await engine.evaluate(query({ action }))).allowed) allowed.push(action);
        }
        expect({ scope, allowed }).toEqual({ scope, allowed: admitted });
      }
    });

    // One policy for each attribute of semantics §4, true of the query of `query.ts`.
    it.each([
      'principal == Firma::Agent::"agent-7"',
      'principal in Firma::AgentGroup::"ops"',
      'principal is Firma::Agent in Firma::AgentGroup::"ops"',
      '!(principal in Firma::AgentGroup::"interns")',
      'action == Firma::Action::"payment.transfer"',
      'action in Firma::Action::"payment"',
      'resource == Firma::Resource::"api.stripe.com/v1/payment_intents"',
      'resource in Firma::HostGroup::"bank"',
      '!(resource in [Firma::HostGroup::"model", Firma::HostGroup::"code"])',
      'resource.host == "api.stripe.com" && resource.port == 443 && resource.path like "/v1/*"',
      'resource.method == "POST" && resource has provider && resource.provider == "stripe"',
      'context.session.id == "AAECAwQFBgcICQoLDA0ODw"',
      'context.session.age_s == 90 && context.session.calls == 4 && context.session.denies == 1',
      'context.session.classes.contains(Firma::Action::"code.read") && context.session.tools.isEmpty()',
      'context.session.hosts == ["api.stripe.com", "api.github.com"]',
      'context.session.injected.contains("stripe")',
      'context.session has last_class && context.session.last_class in Firma::Action::"payment"',
      'context has session.last_class && context.session.last_class == Firma::Action::"payment.read"',
      'context.budget has spend && context.budget.spend == 4000',
      'context.request.method == "POST" && context.request.scheme == "https" && !context.request.query_present',
      'context.request.transport == "proxy" && context.request.body_bytes == 27',
      'context.time.now == datetime("2025-01-01T13:30:00.000Z")',
      'context.time.now.toTime() > duration("13h") && context.time.hour_utc == 13 && context.time.weekday_utc == 3',
      'context.capability.actions.containsAll([Firma::Action::"code.read", Firma::Action::"payment.transfer"])',
      'context.capability.scope == ["api.stripe.com"]',
      'context.capability.age_s == 30 && context.capability.ttl_s == 3570',
      'context.params has amount && context.params.amount == 1000 && !(context.params has git_ref)',
      'if context.params has currency then context.params.currency == "usd" else false',
    ])('answers %s', async (condition) => {
      const permit = `@id("p") permit (principal, action, resource) when { ${condition} };`;
      expect(await ask(permit)).toMatchObject({ allowed: true, errored: [] });
      const forbid = `${PERMIT} @id("f") forbid (principal, action, resource) unless { ${condition} };`;
      expect(await ask(forbid)).toMatchObject({ allowed: true, errored: [] });
    });

    it('shows what is absent as absent', async () => {
      const absent = `@id("p") permit (principal, action, resource) unless {
        context.session has last_class || resource has provider || context.params has amount || context.budget has spend
      };`;
      const nothing: QueryChanges = {
        resource: { provider: '' },
        context: { session: { ...CONTEXT.session, lastClass: '' }, params: {}, budget: {} },
      };
      expect(await ask(absent, nothing)).toMatchObject({ allowed: true });
    });

    it('refuses by a limit whose fact is missing', async () => {
      const limit = `${PERMIT} @id("limit") forbid (principal, action, resource)
        unless { context.params has amount && context.params.amount <= 5000 };`;
      expect(await ask(limit, paid({ amount: 5000 }))).toMatchObject({ allowed: true });
      expect(await ask(limit, paid({ amount: 5001 }))).toMatchObject({
        allowed: false,
        determining: ['limit'],
      });
      expect(await ask(limit, paid({}))).toMatchObject({ allowed: false, determining: ['limit'] });
    });

    it('keeps integers exact that a double cannot hold', async () => {
      const most: QueryChanges = { context: { params: { amount: Number.MAX_SAFE_INTEGER } } };
      expect(await ask(amountPlusTwoIs('9007199254740993'), most)).toMatchObject({ allowed: true });
      expect(await ask(amountPlusTwoIs('9007199254740992'), most)).toMatchObject({ allowed: false });
    });

    it.each([
      ['a fraction', { context: { params: { amount: 0.5 } } }],
      ['an unsafe integer', { context: { params: { amount: 2 ** 53 } } }],
      ['not a number', { context: { params: { amount: Number.NaN } } }],
      ['a text for a number', { context: { params: { amount: '1000' } } }],
      ['a number for a text', { context: { params: { currency: 840 } } }],
      ['a fact nobody declared', { context: { params: { __entity: 'x' } } }],
      ['a budget nobody declared', { context: { budget: { other: 1 } } }],
      ['a fraction of a budget', { context: { budget: { spend: 1.5 } } }],
      ['a fraction of a second', { context: { session: { ...CONTEXT.session, ageS: 1.5 } } }],
      ['infinitely many bytes', { context: { request: { ...CONTEXT.request, bodyBytes: Infinity } } }],
      ['an instant without a date', { context: { nowMs: 1e18 } }],
      ['a fraction of a millisecond', { context: { nowMs: 1_735_738_200_000.5 } }],
    ] satisfies readonly (readonly [string, QueryChanges])[])(
      'calls %s an error, also where no policy looks at it',
      async (_, changes) => {
        const verdict = await ask(PERMIT, changes);
        expect(verdict.allowed).toBe(false);
        expect(verdict.determining).toEqual([]);
        expect(verdict.errored).toHaveLength(1);
      },
    );

    it('treats ids as text, whatever is in them', async () => {
      const only = '@id("p") permit (principal == Firma::Agent::"a\\" || true", action, resource);';
      expect(await ask(only, { agent: 'a" || true' })).toMatchObject({ allowed: true });
      expect(await ask(only, { agent: 'a' })).toMatchObject({ allowed: false });
      const group = '@id("p") permit (principal in Firma::AgentGroup::"ops", action, resource);';
      expect(await ask(group, { agent: 'ops', groups: [] })).toMatchObject({ allowed: false });
      expect(await ask(group, { groups: ['"ops"', 'Firma::AgentGroup::"ops"'] })).toMatchObject({
        allowed: false,
      });
    });
  });
}
