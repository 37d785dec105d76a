import { afterEach, describe, expect, it } from 'vitest';
import { type Bundle, loadBundle } from '../../../native-free-core/policy/bundle.ts';
import { CompiledEngine, linkBundle, linkSteps } from '../../../native-free-core/policy/compiled/engine.ts';
import type { PolicyEngine, PolicyVerdict } from '../../../native-free-core/policy/port.ts';
import { ReferenceEngine } from '../../../native-free-core/policy/reference.ts';
import { CONTEXT_ERROR, ENGINE_ERROR } from '../../../native-free-core/policy/verdict.ts';
import { CONTEXT, INPUTS, query, type QueryChanges } from '../query.ts';

const load = (text: string): Bundle => loadBundle([{ file: 'a.cedar', text }], INPUTS);
const PERMIT = load('@id("yes") permit (principal, action, resource);');

/** A bundle in which the policies of these ids are declined. */
function declining(bundle: Bundle, ids: readonly string[], withScope = true): Bundle {
  return {
    ...bundle,
    policies: bundle.policies.map((policy) => {
      const { id, lowered } = policy;
      if (!ids.includes(id) || 'declined' in lowered) return policy;
      const scope = withScope ? { ...lowered, condition: undefined } : undefined;
      return { ...policy, lowered: { declined: 'by the test', scope } };
    }),
  };
}

const open: ReferenceEngine[] = [];
afterEach(() => {
  for (const engine of open.splice(0)) engine.close();
});

function both(bundle: Bundle): { compiled: CompiledEngine; reference: ReferenceEngine } {
  const reference = new ReferenceEngine(bundle);
  open.push(reference);
  return { compiled: new CompiledEngine(reference, linkBundle(bundle)), reference };
}

const elsewhere: PolicyVerdict = {
  allowed: true,
  determining: ['elsewhere'],
  errored: [],
  abort: false,
  reason: undefined,
  remedy: undefined,
};
const later: PolicyEngine = { name: 'later', evaluate: () => Promise.resolve(elsewhere) };
const broken: PolicyEngine = {
  name: 'broken',
  evaluate() {
    throw new Error('no answer');
  },
};

describe('the compiled engine', () => {
  it('links a bundle that was posted to another thread', () => {
    const bundle = load(`@id("p") permit (principal, action, resource in Firma::HostGroup::"bank")
      when { context.session.calls * 9223372036854775807 > 0 && context.time.now > datetime("2024-01-01") };`);
    const posted = structuredClone(bundle);
    expect(new CompiledEngine(broken, linkBundle(posted)).evaluate(query())).toMatchObject({
      allowed: false,
      errored: ['p'],
    });
  });

  it('leaves to the reference engine exactly the queries that meet a declined policy', () => {
    const bundle = declining(
      load(`@id("all") permit (principal, action, resource);
        @id("odd") forbid (principal == Firma::Agent::"agent-9", action == Firma::Action::"payment.transfer", resource)
          when { context.session.calls == 4 };
        @id("group") forbid (principal, action, resource in Firma::HostGroup::"model");`),
      ['odd', 'group'],
    );
    const { compiled, reference } = both(bundle);
    const asked: readonly (readonly [QueryChanges, number])[] = [
      [{}, 0],
      [{ agent: 'agent-9', action: 'code.read' }, 0],
      [{ agent: 'agent-9' }, 1],
      [{ resource: { hostGroups: ['bank', 'model'] } }, 2],
    ];
    for (const [changes, declined] of asked) {
      expect(compiled.evaluate(query(changes))).toEqual(reference.evaluate(query(changes)));
      expect(compiled.declinedAnswers).toBe(declined);
    }
  });

  it('leaves every query of a class to the reference engine where even the scope is declined', () => {
    const bundle = declining(
      load(`@id("all") permit (principal, action, resource);
        @id("odd") forbid (principal == Firma::Agent::"x", action == Firma::Action::"code.read", resource);`),
      ['odd'],
      false,
    );
    const { compiled } = both(bundle);
    expect(compiled.evaluate(query())).toMatchObject({ allowed: true });
    expect(compiled.declinedAnswers).toBe(0);
    expect(compiled.evaluate(query({ action: 'code.read' }))).toMatchObject({ allowed: true });
    expect(compiled.declinedAnswers).toBe(1);
  });

  it('passes on an answer that comes later, and denies where the reference engine fails, at once or later', async () => {
    const bundle = declining(PERMIT, ['yes']);
    const engine = new CompiledEngine(later, linkBundle(bundle));
    expect(await engine.evaluate(query())).toEqual(elsewhere);
    const lost: PolicyEngine = { name: 'lost', evaluate: () => Promise.reject(new Error('no answer')) };
    for (const failing of [lost, broken]) {
      const denies = new CompiledEngine(failing, linkBundle(bundle));
      expect(await denies.evaluate(query())).toMatchObject({ allowed: false, errored: [ENGINE_ERROR] });
    }
  });

  it('says of text that cedar does not take what the reference engine says', () => {
    const { compiled, reference } = both(
      load(`@id("all") permit (principal, action, resource) when { context.session.id != "x" };
        @id("read") forbid (principal in Firma::AgentGroup::"g", action == Firma::Action::"code.read", resource)
          unless { context.params has currency && resource.host != "" && context.session.hosts.contains("a") };
        @id("rest") forbid (principal, action == Firma::Action::"code.write", resource in Firma::HostGroup::"g")
          when { context.budget has spend && context.capability.scope.isEmpty()
            || context has session.last_class && context.request.method == "" };`),
    );
    const lone = 'a\ud800';
    const { session, request, capability } = CONTEXT;
    const changes: readonly QueryChanges[] = [
      { agent: lone },
      { groups: [lone] },
      { resource: { uid: lone } },
      { resource: { host: lone } },
      { resource: { provider: lone } },
      { resource: { hostGroups: ['g', lone] } },
      { resource: { port: 1.5 } },
      { resource: { port: 2 ** 60 } },
      { context: { session: { ...session, id: lone } } },
      { context: { session: { ...session, hosts: [lone] } } },
      { context: { session: { ...session, tools: [lone] } } },
      { context: { session: { ...session, lastClass: lone } } },
      { context: { request: { ...request, method: lone } } },
      { context: { capability: { ...capability, scope: [lone] } } },
      { context: { params: { currency: lone } } },
      { context: { budget: { [`token/${lone}`]: 1 } } },
    ];
    for (const change of changes) {
      for (const action of ['code.read', 'code.write', 'payment.transfer']) {
        const asked = query({ ...change, action });
        expect({ change, action, verdict: compiled.evaluate(asked) }).toEqual({
          change,
          action,
          verdict: reference.evaluate(asked),
        });
      }
    }
    expect(compiled.evaluate(query({ agent: lone }))).toMatchObject({ errored: [ENGINE_ERROR] });
  });

  it('calls an inexact context an error before anything else, also where no policy names the class', () => {
    const engine = new CompiledEngine(broken, linkBundle(load('')));
    const fraction = query({ agent: '\ud800', context: { params: { amount: 1.5 } } });
    expect(engine.evaluate(fraction)).toMatchObject({ allowed: false, errored: [CONTEXT_ERROR] });
  });

  it('keeps nothing of one query for the next', () => {
    const engine = new CompiledEngine(
      broken,
      linkBundle(
        load(`@id("hosts") permit (principal, action, resource) when { context.session.hosts.contains("a") };
        @id("odd") forbid (principal, action, resource) when { context.session.calls * 9223372036854775807 < 0 };
        @id("late") @outcome("abort") forbid (principal, action, resource) when { context.session.denies > 5 };`),
      ),
    );
    const ask = (hosts: readonly string[], calls: number, denies: number): unknown =>
      engine.evaluate(query({ context: { session: { ...CONTEXT.session, hosts, calls, denies } } }));
    for (let round = 0; round < 3; round += 1) {
      expect(ask(['a'], 1, 0)).toMatchObject({ allowed: true, determining: ['hosts'], errored: [] });
      expect(ask(['a'], 2, 0)).toMatchObject({ allowed: false, determining: [], errored: ['odd'] });
      expect(ask(['b'], 1, 0)).toMatchObject({ allowed: false, determining: [], errored: [] });
      expect(ask(['a'], 2, 6)).toMatchObject({ determining: ['late'], errored: ['odd'], abort: true });
    }
  });

  it('sees what was added to a list, also where it saw the list before', () => {
    const engine = new CompiledEngine(
      broken,
      linkBundle(
        load(`@id("p") permit (principal, action, resource) when { context.session.hosts.contains("b") };
        @id("q") permit (principal, action, resource)
          when { context.session.classes.contains(Firma::Action::"code.read") };`),
      ),
    );
    const ask = (hosts: readonly string[], classes: readonly string[]): unknown =>
      engine.evaluate(query({ context: { session: { ...CONTEXT.session, hosts, classes } } }));
    const growing = ['a'];
    expect(ask(growing, [])).toMatchObject({ allowed: false });
    growing.push('b');
    expect(ask(growing, [])).toMatchObject({ determining: ['p'] });
    // The same list as texts and as classes.
    const frozen = Object.freeze(['b', 'code.read']);
    for (let round = 0; round < 2; round += 1) {
      expect(ask(frozen, frozen)).toMatchObject({ determining: ['p', 'q'] });
      expect(ask(Object.freeze(['code.read']), Object.freeze(['b']))).toMatchObject({ allowed: false });
    }
  });

  it('reads facts and budgets whose names every object has, or have a dot in them, as facts', () => {
    const inputs = {
      params: { constructor: 'string', 'session.id': 'long', valueOf: 'long' },
      budgets: ['toString'],
    } as const;
    const text = `@id("p") permit (principal, action, resource) when {
      context.params has constructor && context.params.constructor == "x"
      || context.params has "session.id" && context.params["session.id"] == 7
      || context.params has valueOf || context.budget has toString && context.budget.toString == 1 };`;
    const bundle = loadBundle([{ file: 'a.cedar', text }], inputs);
    const { compiled, reference } = both(bundle);
    const asked: readonly (readonly [QueryChanges['context'], boolean])[] = [
      [{ params: {}, budget: {} }, false],
      [{ params: { constructor: 'x' }, budget: {} }, true],
      [{ params: { constructor: 'y', 'session.id': 7 }, budget: {} }, true],
      [{ params: { valueOf: 0 }, budget: {} }, true],
      [{ params: {}, budget: { toString: 1 } }, true],
    ];
    for (const [context, allowed] of asked) {
      const verdict = compiled.evaluate(query({ context: context ?? {} }));
      expect(verdict).toMatchObject({ allowed, errored: [] });
      expect(verdict).toEqual(reference.evaluate(query({ context: context ?? {} })));
    }
    expect(compiled.declinedAnswers).toBe(0);
  });

  // What the fast readers do not cover: whole records and entities, entities that a policy writes out, sets of groups.
  it.each([
    '[context.budget].contains(context.budget)',
    '[context.params, context.params] == [context.params]',
    'context.request == {method: "POST", scheme: "https", transport: "proxy", body_bytes: 27, query_present: false}',
    'context.time == {now: datetime("2025-01-01T13:30:00Z"), hour_utc: 13, weekday_utc: 3}',
    '{a: context.request}.a.method == "POST"',
    '(if context.session.calls > 3 then context.request else context.request).scheme == "https"',
    '(if context.session.calls > 3 then resource else resource).method == "POST"',
    '(if context.session.calls > 3 then resource else resource) has provider',
    'Firma::Resource::"api.stripe.com/v1/payment_intents".port == 443',
    '!(Firma::Resource::"elsewhere" has host)',
    'Firma::Resource::"api.stripe.com/v1/payment_intents" in Firma::HostGroup::"bank"',
    '!(Firma::Resource::"elsewhere" in Firma::HostGroup::"bank")',
    'Firma::Agent::"agent-7" in Firma::AgentGroup::"ops"',
    '!(Firma::Agent::"agent-8" in Firma::AgentGroup::"ops")',
    'Firma::AgentGroup::"ops" in Firma::AgentGroup::"ops"',
    '[Firma::Action::"code.read"].containsAny(context.session.classes)',
    'principal in [Firma::AgentGroup::"a", Firma::AgentGroup::"ops"]',
    'principal in Firma::Agent::"agent-7"',
    'resource in Firma::Resource::"api.stripe.com/v1/payment_intents"',
    'action in [Firma::Action::"code", Firma::Action::"payment"]',
    'context.session has last_class && context.session.last_class in [Firma::Action::"payment"]',
    'context has session.last_class && context.session.classes.contains(context.session.last_class)',
    '[principal, Firma::Agent::"x"].contains(Firma::Agent::"agent-7")',
    '!(context.session.hosts.contains("api.stripe"))',
    'context.session.tools == context.session.tools && context.session.classes != context.session.tools',
    'context.time.now.offset(duration("1h")).toDate() == datetime("2025-01-01")',
  ])('answers %s as the reference engine does', (condition) => {
    const { compiled, reference } = both(
      load(`@id("p") permit (principal, action, resource) when { ${condition} };
        @id("f") @reason("r") forbid (principal, action, resource) unless { ${condition} };`),
    );
    expect(compiled.evaluate(query())).toMatchObject({ allowed: true, determining: ['p'] });
    const others: readonly QueryChanges[] = [
      { agent: 'agent-8', groups: [] },
      { action: 'code.read', resource: { uid: 'elsewhere', hostGroups: ['a'], provider: '' } },
      { context: { params: {}, budget: {}, session: { ...CONTEXT.session, lastClass: '', classes: ['x'] } } },
      { context: { nowMs: 0, session: { ...CONTEXT.session, calls: 0, hosts: [], tools: ['code.read'] } } },
    ];
    for (const changes of [{}, ...others]) {
      expect(compiled.evaluate(query(changes))).toEqual(reference.evaluate(query(changes)));
    }
    expect(compiled.declinedAnswers).toBe(0);
  });

  it('names each policy once and in order, however a query comes to it', () => {
    const { compiled, reference } = both(
      load(`@id("e") permit (principal in Firma::AgentGroup::"g", action, resource);
        @id("d") permit (principal, action, resource in Firma::HostGroup::"h");
        @id("c") permit (principal == Firma::Agent::"a", action, resource in Firma::HostGroup::"h");
        @id("b") permit (principal in Firma::AgentGroup::"g", action, resource == Firma::Resource::"r");
        @id("a") permit (principal is Firma::Agent in Firma::AgentGroup::"f", action, resource is Firma::Resource);`),
    );
    const asked = query({
      agent: 'a',
      groups: ['g', 'f', 'g', 'f'],
      resource: { uid: 'r', hostGroups: ['h', 'h'] },
    });
    expect(compiled.evaluate(asked)).toMatchObject({ determining: ['a', 'b', 'c', 'd', 'e'] });
    expect(compiled.evaluate(asked)).toEqual(reference.evaluate(asked));
  });
});

describe('linking in steps', () => {
  it('takes steps that do not grow with the bundle', () => {
    const steps = linkSteps({
      ...PERMIT,
      policies: Array.from({ length: 999 }, () => PERMIT.policies).flat(),
    });
    let count = 0;
    while (steps.next().done !== true) count += 1;
    expect(count).toBeGreaterThan(50);
  });
});
