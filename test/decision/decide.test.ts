import { describe, expect, it } from 'vitest';
import { canonicalize } from '@firma/core';
import type { PolicyEngine, PolicyVerdict, StateStore } from '@firma/core';
import { serialize } from '../../src/audit/serialize.ts';
import { NOW_S } from '../capability/authority.ts';
import { POLICIES, rig } from './rig.ts';

const ALLOWED: PolicyVerdict = {
  allowed: true,
  determining: ['p'],
  errored: [],
  abort: false,
  reason: undefined,
  remedy: undefined,
};

const NOTES = `
[[rules]]
host = "api.test"
action_class = "code.read"
[rules.params]
note = "json:/note"
`;

describe('an allowed call', () => {
  it('is ALLOW with the permit that decided, and one record of it', async () => {
    const { ask, decisions } = await rig();
    const decision = await ask();
    expect(decision).toMatchObject({ outcome: 'ALLOW', reason: 'OK', policies: ['reads'], scope: undefined });
    expect(decisions()).toEqual([
      expect.objectContaining({
        event_id: decision.eventId,
        outcome: 'ALLOW',
        agent_id: 'agent-7',
        token_id: 'token-1',
        action_class: 'code.read',
        resource: 'api.test/repos/o/r',
        rule: 'test.toml:2',
        config: 'config-digest',
        cedar_context_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      }),
    ]);
  });

  it('is decided at once where its token was seen before', async () => {
    const { ask, decider, raw, token } = await rig();
    const caller = { token: token() };
    await ask({}, caller);
    const { raw: request, body } = raw({});
    expect(decider.decide(decider.prepare(request), body, caller)).not.toBeInstanceOf(Promise);
  });

  it('reads its amount from the form, and is forbidden above the limit with reason and remedy', async () => {
    const { pay } = await rig();
    expect(await pay(5000)).toMatchObject({ outcome: 'ALLOW' });
    expect(await pay(5001)).toMatchObject({
      outcome: 'DENY',
      reason: 'POLICY_FORBID',
      policies: ['limit'],
      detail: 'payments end at 50.00',
      remedy: 'ask a person',
    });
  });

  it('gives the same context hash for the same call of a new session, and another for another amount', async () => {
    const hashes: unknown[] = [];
    for (const amount of [100, 100, 101]) {
      const { pay, decisions } = await rig();
      await pay(amount);
      hashes.push(decisions()[0]?.cedar_context_hash);
    }
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });
});

describe('who is not authenticated', () => {
  it.each([
    ['no token', undefined, 'TOKEN_MISSING'],
    ['an empty token', '', 'TOKEN_MISSING'],
    ['no token at all but text', 'hello', 'TOKEN_INVALID'],
  ])('is answered and touches no session: %s', async (_, token, reason) => {
    const { ask, records, sessions } = await rig();
    expect(await ask({}, { token })).toMatchObject({ outcome: 'DENY', reason, eventId: undefined });
    expect(records).toEqual([]);
    expect(sessions.sessionCount).toBe(0);
  });

  it('is counted in one summary record', async () => {
    const { ask, decider, records } = await rig();
    await ask({}, { token: undefined });
    await ask({}, { token: 'x.y.z' });
    decider.recorder.countUnauthenticated();
    decider.recorder.summarize();
    decider.recorder.summarize();
    expect(records).toEqual([expect.objectContaining({ kind: 'summary', unauthenticated: 3 })]);
  });

  it('is refused with a token for another audience, or cut short', async () => {
    const { ask, token } = await rig();
    expect(await ask({}, { token: token({ aud: 'sidecar-2' }) })).toMatchObject({ reason: 'TOKEN_INVALID' });
    expect(await ask({}, { token: token().slice(0, -8) })).toMatchObject({ reason: 'TOKEN_INVALID' });
  });

  it('is refused with the token of another session than the transport knows', async () => {
    const { ask, token } = await rig();
    const caller = { token: token(), session: { sid: 'BBECAwQFBgcICQoLDA0ODw', sub: 'agent-7' } };
    expect(await ask({}, caller)).toMatchObject({ reason: 'TOKEN_INVALID', eventId: undefined });
  });

  it('is refused with the token of another agent than the request names', async () => {
    const { ask, token } = await rig();
    expect(await ask({}, { token: token(), subject: 'agent-7' })).toMatchObject({ reason: 'OK' });
    expect(await ask({}, { token: token(), subject: 'agent-8' })).toMatchObject({
      reason: 'TOKEN_INVALID',
      eventId: undefined,
    });
  });
});

describe('one source of tokens', () => {
  it('does not keep another from being verified once its own share is used up', async () => {
    const { ask, token } = await rig({ maxInFlightPerSource: 2 });
    const from = (source: string, jti: string) => ask({}, { token: token({ jti }), source });
    const answers = await Promise.all([from('a', '1'), from('a', '2'), from('a', '3'), from('b', '4')]);
    expect(answers.map((decision) => decision.reason)).toEqual(['OK', 'OK', 'OVERLOADED', 'OK']);
    expect(await from('a', '3')).toMatchObject({ reason: 'OK' });
  });
});

describe('a request that cannot be classified because something is broken', () => {
  class Broken extends Map<string, readonly string[]> {
    override get(): never {
      throw new Error('secret-in-a-message');
    }
  }

  it('is INTERNAL and recorded, with nothing of the error shown', async () => {
    const { ask, decisions } = await rig();
    const decision = await ask({ headers: new Broken() });
    expect(decision).toMatchObject({ outcome: 'DENY', reason: 'INTERNAL', stage: 'operation' });
    expect(decisions()).toEqual([expect.objectContaining({ reason: 'INTERNAL', resource: '?' })]);
    expect(JSON.stringify([decision, decisions()])).not.toContain('secret-in-a-message');
  });

  it('is answered to nobody but who is authenticated, and an ended session is told so', async () => {
    const { ask, sessions } = await rig();
    expect(await ask({ headers: new Broken() }, { token: 'x.y.z' })).toMatchObject({
      reason: 'TOKEN_INVALID',
    });
    const { capability } = await ask();
    const handle = sessions.find(capability?.sessionKey ?? '');
    if (handle === undefined) throw new Error('no session');
    sessions.abort(handle, 'by hand');
    expect(await ask({ headers: new Broken() })).toMatchObject({ reason: 'SESSION_ABORTED' });
  });
});

describe('stage 1 in order', () => {
  it('tells an ended session so, whatever it sends', async () => {
    const { ask, sessions, decisions } = await rig();
    const decision = await ask();
    const handle = sessions.find(decision.capability?.sessionKey ?? '');
    if (handle === undefined) throw new Error('no session');
    sessions.abort(handle, 'by hand');
    expect(await ask()).toMatchObject({ reason: 'SESSION_ABORTED' });
    expect(await ask({ hostPort: 'nowhere.test' })).toMatchObject({ reason: 'SESSION_ABORTED' });
    expect(await ask({ target: '/../..' })).toMatchObject({ reason: 'SESSION_ABORTED' });
    expect(decisions().map((record) => record.reason)).toEqual(['OK', ...Array(3).fill('SESSION_ABORTED')]);
  });

  it('denies an expired token as its session, also where it was cached before', async () => {
    const { ask, state, token } = await rig();
    const caller = { token: token() };
    expect(await ask({}, caller)).toMatchObject({ outcome: 'ALLOW' });
    state.nowMs = (NOW_S + 606) * 1000;
    const late = await ask({}, caller);
    expect(late).toMatchObject({ outcome: 'DENY', reason: 'TOKEN_EXPIRED' });
    expect(late.eventId).toBeDefined();
  });

  it('stays expired where the wall clock is set back', async () => {
    const { ask, state, token } = await rig();
    const caller = { token: token() };
    state.nowMs = (NOW_S + 700) * 1000;
    expect(await ask({}, caller)).toMatchObject({ reason: 'TOKEN_EXPIRED' });
    state.nowMs = (NOW_S + 10) * 1000;
    expect(await ask({}, caller)).toMatchObject({ reason: 'TOKEN_EXPIRED' });
  });

  it('denies a revoked token at once', async () => {
    const { ask, revocations, token } = await rig();
    const caller = { token: token() };
    await ask({}, caller);
    revocations.replace({ sequence: 2, jti: ['token-1'], sid: [], sub: [] }, NOW_S);
    expect(await ask({}, caller)).toMatchObject({ reason: 'TOKEN_REVOKED' });
  });

  it('denies what the token does not grant or cover', async () => {
    const { ask, token } = await rig();
    const narrow = { token: token({ action_set: ['code.write'] }) };
    expect(await ask({}, narrow)).toMatchObject({ reason: 'ACTION_NOT_GRANTED', stage: 'capability' });
    const elsewhere = { token: token({ resource_scope: ['api.test/repos/o/other'] }) };
    expect(await ask({}, elsewhere)).toMatchObject({ reason: 'RESOURCE_OUT_OF_SCOPE' });
  });
});

describe('a scope', () => {
  it('has no case of its own in the segments a rule folds', async () => {
    const mappings = `
[[rules]]
host = "api.test"
path = "/repos/*/*"
fold = [2, 3]
action_class = "code.read"
`;
    const { ask, token } = await rig({ mappings });
    const caller = { token: token({ resource_scope: ['api.test/repos/Octo/Hello'] }) };
    expect(await ask({ target: '/repos/OCTO/hello' }, caller)).toMatchObject({ reason: 'OK' });
    expect(await ask({ target: '/repos/octo/world' }, caller)).toMatchObject({
      reason: 'RESOURCE_OUT_OF_SCOPE',
    });
  });
});

describe('what is refused before policy', () => {
  it.each([
    ['an unmapped host', { hostPort: 'nowhere.test' }, 'UNCLASSIFIED_ACTION'],
    ['a path above the root', { target: '/../x' }, 'MALFORMED_REQUEST'],
    ['a host that is none', { hostPort: 'api .test' }, 'MALFORMED_REQUEST'],
    ['TRACE', { method: 'TRACE' }, 'MALFORMED_REQUEST'],
  ])('%s', async (_, asked, reason) => {
    const { ask, decisions } = await rig();
    expect(await ask(asked)).toMatchObject({ outcome: 'DENY', reason, stage: 'normalize' });
    expect(decisions()).toHaveLength(1);
  });

  it('a fact that is not exact', async () => {
    const { pay } = await rig();
    for (const amount of ['-1', '1.5', '1e3', '01', '1&amount=2']) {
      expect(await pay(amount)).toMatchObject({ reason: 'PARAMS_UNREADABLE' });
    }
  });

  it('a target that is not canonical, where the entrance does not dispatch', async () => {
    const { ask } = await rig();
    for (const target of ['/repos//o/r', '/repos/o/%72', '/x/../repos/o/r']) {
      expect(await ask({ target, transport: 'decide-api' })).toMatchObject({ reason: 'MALFORMED_REQUEST' });
      expect(await ask({ target })).toMatchObject({ outcome: 'ALLOW' });
    }
    const spelled = { hostPort: 'API.test:443', transport: 'decide-api' } as const;
    expect(await ask(spelled)).toMatchObject({ outcome: 'ALLOW' });
  });

  it('an unmapped call passes without policy where configuration says so, and is recorded', async () => {
    const { ask, decisions, token } = await rig({ defaultProtected: false });
    const decision = await ask({ hostPort: 'nowhere.test', target: '/x' });
    expect(decision).toMatchObject({ outcome: 'ALLOW', reason: 'PASS_THROUGH', policies: [] });
    expect(decision.target).toMatchObject({ host: 'nowhere.test', path: '/x' });
    expect(decisions()[0]).toMatchObject({ resource: 'nowhere.test/x', reason: 'PASS_THROUGH' });
    expect(await ask({ hostPort: 'nowhere.test' }, { token: token({ exp: NOW_S - 10 }) })).toMatchObject({
      outcome: 'DENY',
    });
  });
});

describe('stage 2', () => {
  it('denies what no policy permits', async () => {
    const { ask } = await rig();
    expect(await ask({ method: 'DELETE' })).toMatchObject({ reason: 'POLICY_NO_PERMIT', policies: [] });
  });

  it('denies where a forbid cannot be evaluated, though a permit holds', async () => {
    const overflow = `@id("odd") forbid (principal, action, resource)
      when { context.session.calls + 9223372036854775807 > 0 };`;
    const { ask } = await rig({ policies: POLICIES + overflow });
    expect(await ask()).toMatchObject({ outcome: 'DENY', reason: 'POLICY_ERROR', policies: ['odd'] });
  });

  it('does not let an escape lead past a forbid that names the character', async () => {
    const purge = `@id("no-purge") forbid (principal, action, resource) when { resource.path like "*:purge" };`;
    const { ask } = await rig({ policies: POLICIES + purge });
    for (const target of ['/repos/o/r:purge', '/repos/o/r%3Apurge', '/repos/o/r%3apurge']) {
      expect(await ask({ target })).toMatchObject({ reason: 'POLICY_FORBID', policies: ['no-purge'] });
    }
  });

  it('ends the session on a forbid that says so, cuts its transports once, and denies what comes after', async () => {
    const abort = `@id("stop") @outcome("abort") @reason("enough")
      forbid (principal, action == Firma::Action::"repo.admin", resource);`;
    const { ask, ended, decisions } = await rig({ policies: POLICIES + abort });
    const first = await ask();
    expect(await ask({ method: 'DELETE' })).toMatchObject({
      outcome: 'ABORT',
      scope: 'session',
      reason: 'POLICY_ABORT',
      detail: 'enough',
    });
    expect(ended).toEqual([first.capability?.sessionKey]);
    expect(await ask()).toMatchObject({ reason: 'SESSION_ABORTED' });
    expect(decisions().map((record) => record.outcome)).toEqual(['ALLOW', 'ABORT', 'DENY']);
  });

  it('asks every reading, and allows only if all are allowed', async () => {
    const { ask, decisions } = await rig();
    const headers = new Map([['x-http-method-override', ['DELETE']]]);
    expect(await ask({ method: 'POST', headers })).toMatchObject({
      outcome: 'DENY',
      reason: 'POLICY_NO_PERMIT',
    });
    expect(decisions()[0]).toMatchObject({ action_class: 'repo.admin' });
    expect(decisions()[0]?.readings?.map((reading) => reading.action_class)).toEqual([
      'repo.admin',
      'code.write',
    ]);
  });

  it('waits for an engine that answers later', async () => {
    const engine: PolicyEngine = { name: 'later', evaluate: () => Promise.resolve(ALLOWED) };
    const { ask } = await rig({ engine });
    expect(await ask()).toMatchObject({ outcome: 'ALLOW', policies: ['p'] });
  });

  it('denies where the session ended while the engine was asked', async () => {
    let answer: (verdict: PolicyVerdict) => void = () => undefined;
    const verdict = new Promise<PolicyVerdict>((resolve) => {
      answer = resolve;
    });
    const engine: PolicyEngine = { name: 'later', evaluate: () => verdict };
    const { ask, sessions, token, decider, raw } = await rig({ engine });
    const caller = { token: token() };
    const { capability } = await ask({ hostPort: 'nowhere.test' }, caller);
    const request = raw({});
    const pending = decider.decide(decider.prepare(request.raw), request.body, caller);
    const handle = sessions.find(capability?.sessionKey ?? '');
    if (handle === undefined) throw new Error('no session');
    sessions.abort(handle, 'by hand');
    answer(ALLOWED);
    expect(await pending).toMatchObject({ outcome: 'DENY', reason: 'SESSION_ABORTED' });
    expect(sessions.reservationCount).toBe(0);
  });

  it.each([
    [
      'throws',
      (): PolicyVerdict => {
        throw new Error('secret-in-a-message');
      },
    ],
    ['rejects', (): Promise<PolicyVerdict> => Promise.reject(new Error('secret-in-a-message'))],
  ])(
    'denies INTERNAL where the engine %s, with nothing reserved and nothing of the error shown',
    async (_, evaluate) => {
      const { ask, decisions, sessions } = await rig({ engine: { name: 'broken', evaluate } });
      const decision = await ask();
      expect(decision).toMatchObject({ outcome: 'DENY', reason: 'INTERNAL', stage: 'operation' });
      expect(JSON.stringify([decision, decisions()])).not.toContain('secret-in-a-message');
      expect(decisions()).toHaveLength(1);
      expect(sessions.reservationCount).toBe(0);
    },
  );
});

describe('budgets', () => {
  const spend = {
    name: 'spend',
    match: ['payment.*'],
    maxAmount: 6000,
    currency: 'usd',
    onExceed: 'deny',
  } as const;
  const calls = { name: 'calls', match: ['code.*'], maxCalls: 3, onExceed: 'abort' } as const;

  it('charge what was committed, and give back what was not', async () => {
    const { pay, decider } = await rig({ budgets: [spend] });
    const first = await pay(4000);
    expect(first.budgets).toEqual([{ name: 'spend', charged: 4000, remaining: 2000 }]);
    expect(await pay(4000)).toMatchObject({ outcome: 'DENY', reason: 'BUDGET_EXCEEDED' });
    decider.finish(first, { bytesSent: 0, bytesReceived: 0, latencyUs: 1, reason: 'UPSTREAM_UNREACHABLE' });
    const second = await pay(4000);
    expect(second).toMatchObject({ outcome: 'ALLOW' });
    decider.commit(second);
    decider.finish(second, { status: 200, bytesSent: 10, bytesReceived: 10, latencyUs: 1 });
    expect(await pay(4000)).toMatchObject({ outcome: 'DENY', reason: 'BUDGET_EXCEEDED' });
  });

  it('do not charge a call that policy denies', async () => {
    const { pay, sessions } = await rig({ budgets: [spend] });
    for (let turn = 0; turn < 5; turn++) expect(await pay(5500)).toMatchObject({ reason: 'POLICY_FORBID' });
    expect(sessions.reservationCount).toBe(0);
    expect(await pay(5000)).toMatchObject({ outcome: 'ALLOW' });
  });

  it('are not overspent by parallel calls', async () => {
    const { pay } = await rig({ budgets: [spend] });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => pay(2000)));
    expect(outcomes.filter((decision) => decision.outcome === 'ALLOW')).toHaveLength(3);
  });

  it('are in the context that policies see', async () => {
    const policies = `@id("pays") permit (principal, action == Firma::Action::"payment.transfer", resource)
      when { context.budget has spend && context.budget.spend >= 3000 };`;
    const { pay } = await rig({ budgets: [spend], policies });
    expect(await pay(3000)).toMatchObject({ outcome: 'ALLOW' });
    expect(await pay(1)).toMatchObject({ reason: 'POLICY_NO_PERMIT' });
  });

  it('end the session where the rule says so', async () => {
    const { ask, decider, ended, token } = await rig({ budgets: [calls] });
    const caller = { token: token() };
    for (let turn = 0; turn < 3; turn++) decider.commit(await ask({}, caller));
    expect(await ask({}, caller)).toMatchObject({
      outcome: 'ABORT',
      scope: 'session',
      reason: 'BUDGET_EXCEEDED',
    });
    expect(ended).toHaveLength(1);
    expect(await ask({}, caller)).toMatchObject({ reason: 'SESSION_ABORTED' });
  });

  it('of a token hold beside those of the sidecar', async () => {
    const { ask, token } = await rig({ budgets: [calls] });
    const caller = { token: token({ budgets: [{ name: 'few', match: ['code.read'], max_calls: 1 }] }) };
    expect((await ask({}, caller)).budgets.map((line) => line.name)).toEqual(['calls', 'token/few']);
    expect(await ask({}, caller)).toMatchObject({ outcome: 'DENY', reason: 'BUDGET_EXCEEDED' });
  });
});

describe('budgets, told and kept', () => {
  const spend = {
    name: 'spend',
    match: ['payment.*'],
    maxAmount: 6000,
    currency: 'usd',
    onExceed: 'deny',
  } as const;

  it('say what is left, and when waiting helps', async () => {
    const hourly = { ...spend, name: 'minutes', window: '2m' };
    const { decider, decisions, pay, state } = await rig({ budgets: [hourly] });
    const first = await pay(4000);
    decider.commit(first);
    decider.finish(first, { bytesSent: 1, bytesReceived: 1, latencyUs: 1 });
    const refused = await pay(4000);
    expect(refused).toMatchObject({
      reason: 'BUDGET_EXCEEDED',
      budgets: [{ name: 'minutes', charged: 0, remaining: 2000 }],
    });
    expect(decisions().at(-1)?.budgets).toEqual(refused.budgets);
    const waitS = refused.retryAfterS ?? 0;
    expect(waitS).toBeGreaterThan(115);
    expect(waitS).toBeLessThanOrEqual(Math.ceil(120 + 120 / 32));
    state.nowMs += waitS * 1000;
    expect(await pay(4000)).toMatchObject({ outcome: 'ALLOW' });
  });

  it('do not ask to wait for what comes back never', async () => {
    const { decider, pay } = await rig({ budgets: [spend] });
    decider.commit(await pay(4000));
    expect(await pay(4000)).toMatchObject({ reason: 'BUDGET_EXCEEDED', retryAfterS: undefined });
  });

  it.each([
    ['for all calls of an agent', { per: 'agent' } as const, 'BUDGET_EXCEEDED'],
    ['for all calls there are', { per: 'sidecar' } as const, 'BUDGET_EXCEEDED'],
    ['for each session', {}, 'OK'],
  ])('count %s', async (_what, per, reason) => {
    const { decider, pay, token } = await rig({ budgets: [{ ...spend, ...per }] });
    decider.commit(await pay(4000));
    const other = { token: token({ sid: 'BBBBBBBBBBBBBBBBBBBBBA' }) };
    expect(await pay(4000, other)).toMatchObject({ reason });
  });

  it('charge a call that is repeated under its idempotency key once, and another under the same key again', async () => {
    const idempotent = { ...spend, maxAmount: 20_000, idempotency: 'header:idempotency-key' };
    const { ask, decider, sessions } = await rig({ budgets: [idempotent] });
    const charged = async (
      keys: string[],
      amount: number,
      otherHeaders?: string,
    ): Promise<number | undefined> => {
      const form = ['application/x-www-form-urlencoded'];
      const headers = new Map([
        ['content-type', form],
        ['idempotency-key', keys],
      ]);
      const body = `amount=${amount}&currency=usd`;
      const decision = await ask({
        method: 'POST',
        hostPort: 'pay.test',
        target: '/charges',
        body,
        headers,
        ...(otherHeaders === undefined ? {} : { otherHeaders }),
      });
      decider.commit(decision);
      if (decision.outcome === 'ALLOW')
        decider.finish(decision, { bytesSent: 1, bytesReceived: 1, latencyUs: 1 });
      return decision.budgets[0]?.charged;
    };
    expect(await charged(['one'], 1000, 'account:a')).toBe(1000);
    expect(await charged(['one'], 1000, 'account:a')).toBe(0);
    // Another body, account or key is another call; so is one of which not all is known, or whose key is none.
    expect(await charged(['one'], 1001, 'account:a')).toBe(1001);
    expect(await charged(['one'], 1000, 'account:b')).toBe(1000);
    expect(await charged(['two'], 1000, 'account:a')).toBe(1000);
    expect(await charged(['one'], 1000)).toBe(1000);
    expect(await charged(['one'], 1000)).toBe(1000);
    expect(await charged([''], 500, 'account:a')).toBe(500);
    expect(await charged([''], 500, 'account:a')).toBe(500);
    expect(await charged(['one', 'one'], 500, 'account:a')).toBe(500);
    expect(await charged(['one', 'one'], 500, 'account:a')).toBe(500);
    expect(sessions.reservationCount).toBe(0);
  });

  it('hold a call until what it draws is stored, and let none leave where the store fails', async () => {
    let release = (): void => undefined;
    let write = new Promise<void>((resolve) => {
      release = resolve;
    });
    const store: StateStore = { load: () => Promise.resolve(undefined), save: () => write };
    const { decider, pay } = await rig({ budgets: [spend], store });
    const held = await pay(10);
    expect(held).toMatchObject({ outcome: 'ALLOW' });
    const durable = decider.durable(held);
    const turn = new Promise((resolve) => setImmediate(() => resolve('not yet')));
    expect(await Promise.race([durable, turn])).toBe('not yet');
    release();
    expect(await durable).toBeUndefined();
    write = Promise.reject(new Error('no space'));
    const failing = await pay(5000);
    await expect(decider.durable(failing)).rejects.toThrow('no space');
  });

  it('deny where a session cannot be read from the store', async () => {
    let loads = 0;
    const store: StateStore = {
      load() {
        loads += 1;
        return loads === 1 ? Promise.resolve(undefined) : Promise.reject(new Error('secret-in-a-message'));
      },
      save: () => Promise.resolve(),
    };
    const { ask } = await rig({ store });
    const decision = await ask();
    expect(decision).toMatchObject({ outcome: 'DENY', reason: 'INTERNAL' });
    expect(JSON.stringify(decision)).not.toContain('secret');
  });
});

describe('a call that can be read in several ways', () => {
  const PERMIT_ALL = '@id("all") permit (principal, action, resource);';
  const overridden = (method: string): Map<string, string[]> =>
    new Map([['x-http-method-override', [method]]]);

  it('cannot leave the budget of one reading by adding a riskier one', async () => {
    const budgets = [{ name: 'writes', match: ['code.write'], maxCalls: 1, onExceed: 'deny' } as const];
    const { ask, decider } = await rig({ policies: PERMIT_ALL, budgets });
    const both = await ask({ method: 'POST', headers: overridden('DELETE') });
    expect(both).toMatchObject({
      envelope: {
        readings: [{ actionClass: { name: 'repo.admin' } }, { actionClass: { name: 'code.write' } }],
      },
      budgets: [{ name: 'writes', charged: 1, remaining: 0 }],
    });
    decider.commit(both);
    expect(await ask({ method: 'POST' })).toMatchObject({ reason: 'BUDGET_EXCEEDED' });
  });

  it('is no unknown call where one reading is known, so nothing lets it pass', async () => {
    const { ask, pay } = await rig({ defaultProtected: false });
    expect(await pay(6000)).toMatchObject({ reason: 'POLICY_FORBID' });
    const body = 'amount=6000&currency=usd';
    const paying = { method: 'POST', hostPort: 'pay.test', body };
    for (const target of ['/charges;x', '/charges?_method=PATCH', '/charges?[_method]=PATCH']) {
      expect(await ask({ ...paying, target })).toMatchObject({
        outcome: 'DENY',
        reason: 'UNCLASSIFIED_ACTION',
      });
    }
    const headers = new Map([
      ...overridden('PATCH'),
      ['content-type', ['application/x-www-form-urlencoded']],
    ]);
    expect(await ask({ ...paying, target: '/charges', headers })).toMatchObject({ outcome: 'DENY' });
    const other = { method: 'DELETE', target: '/repos/o/r?_method=PATCH' };
    expect(await ask(other)).toMatchObject({ outcome: 'DENY', reason: 'UNCLASSIFIED_ACTION' });
  });

  it('leaves every reading in what the session did, and counts as the first', async () => {
    const { ask, sessions } = await rig({ policies: PERMIT_ALL });
    const { capability } = await ask({ headers: overridden('POST') });
    const handle = sessions.find(capability?.sessionKey ?? '');
    expect(handle === undefined ? undefined : sessions.snapshot(handle, 0)).toMatchObject({
      calls: 1,
      classes: ['code.read', 'code.write'],
      lastClass: 'code.write',
    });
  });

  it('does nothing for the session where it is denied', async () => {
    const { ask, sessions } = await rig();
    const { outcome, capability } = await ask({ headers: overridden('DELETE') });
    const handle = sessions.find(capability?.sessionKey ?? '');
    expect(outcome).toBe('DENY');
    expect(handle === undefined ? undefined : sessions.snapshot(handle, 0)).toMatchObject({ classes: [] });
  });

  it('names its method in the body at its own expense, where the body is read', async () => {
    const { ask } = await rig();
    const asked = { method: 'POST', hostPort: 'pay.test', target: '/charges' };
    for (const key of ['_method', '%5B_method%5D', '.method']) {
      const decision = await ask({ ...asked, body: `amount=1&currency=usd&${key}=DELETE` });
      expect(decision).toMatchObject({ outcome: 'DENY', reason: 'PARAMS_UNREADABLE' });
    }
  });
});

describe('the audit log', () => {
  it('lets no call go that it did not accept, and the call is not charged', async () => {
    const { ask, state, sessions, records } = await rig();
    state.auditAccepts = false;
    expect(await ask()).toMatchObject({ outcome: 'DENY', reason: 'AUDIT_UNAVAILABLE', stage: 'operation' });
    expect(sessions.reservationCount).toBe(0);
    expect(records).toEqual([]);
    state.auditAccepts = true;
    expect(await ask()).toMatchObject({ outcome: 'ALLOW' });
  });

  it('gets an outcome that refers to its decision', async () => {
    const { ask, decider, records } = await rig();
    const decision = await ask();
    decider.commit(decision);
    decider.injected(decision, 'github');
    decider.finish(decision, {
      status: 201,
      bytesSent: 5,
      bytesReceived: 7,
      latencyUs: 1234.5,
      injected: 'github',
    });
    expect(records.at(-1)).toEqual({
      v: 1,
      kind: 'outcome',
      event_id: expect.any(String),
      time: expect.any(String),
      sidecar_id: 'sidecar-1',
      of: decision.eventId,
      settled: 'committed',
      status: 201,
      bytes_sent: 5,
      bytes_received: 7,
      latency_us: 1235,
      injected: 'github',
    });
  });

  it.each([
    { status: 201, bytesSent: 5, bytesReceived: 7, latencyUs: 1, injected: 'github' },
    { bytesSent: 0, bytesReceived: 0, latencyUs: 0, reason: 'SESSION_ABORTED' } as const,
  ])('gets an outcome whose line is canonical as it stands', async (facts) => {
    const { ask, decider, records } = await rig();
    decider.finish(await ask(), facts);
    const record = records.at(-1);
    const line = record === undefined ? undefined : serialize(record);
    expect(line).toBe(`${canonicalize(JSON.parse(line ?? 'null'))}\n`);
  });

  it('records a request that could not be read, for the session that sent it', async () => {
    const { decider, decisions, token } = await rig();
    const decision = await decider.refuse('the header is too long', { token: token() }, 'proxy');
    expect(decision).toMatchObject({
      outcome: 'DENY',
      reason: 'MALFORMED_REQUEST',
      detail: 'the header is too long',
    });
    expect(decisions()).toEqual([
      expect.objectContaining({ resource: '?', method: '?', agent_id: 'agent-7' }),
    ]);
  });

  it('shows nothing of a method or target that could not be read but printable characters, cut short', async () => {
    const { ask, decisions } = await rig();
    await ask({ method: `GE\nT${'x'.repeat(2000)}` });
    expect(decisions()[0]?.method).toMatch(/^GE\?Tx{508}$/);
  });

  describe('gets no record that is longer than a line of it', () => {
    const few = 'GET,PUT';
    const many = 'GET,PUT,PATCH,DELETE,OPTIONS,HEAD,CONNECT';
    it.each([
      ['few readings', few, ''],
      ['many readings', many, ''],
      ['few readings and a fact that grows in JSON', few, String.raw`\u0001`.repeat(400)],
      ['many readings and such a fact', many, String.raw`\u0001`.repeat(200)],
      ['many readings and a fact beyond ASCII', many, '€'.repeat(341)],
    ])('of a call with %s', async (_, override, note) => {
      const { ask, decisions, token } = await rig({ mappings: NOTES });
      const caller = { token: token({ sub: '€'.repeat(256), jti: '€'.repeat(128) }) };
      const headers = new Map([
        ['content-type', ['application/json']],
        ['x-http-method-override', [override]],
      ]);
      const reasonAt = async (length: number) => {
        const target = `/${'a'.repeat(length)};v=1/b%2Fc`;
        const body = `{"note":"${note}"}`;
        const asked = { method: 'POST', target, headers, body, bodyLength: undefined };
        return (await ask(asked, caller)).reason;
      };
      // The longest path that is let through has the longest record.
      let longest = 1;
      let refused = 8000;
      while (longest + 1 < refused) {
        const length = Math.floor((longest + refused) / 2);
        if ((await reasonAt(length)) === 'OK') longest = length;
        else refused = length;
      }
      expect([await reasonAt(longest), await reasonAt(refused)]).toEqual(['OK', 'MALFORMED_REQUEST']);
      const lines = decisions().map((record) => serialize(record));
      expect(lines).not.toContain(undefined);
      expect(Math.max(...lines.map((line = '') => Buffer.byteLength(line)))).toBeGreaterThan(32 * 1024);
    });
  });

  it('holds no fact that JSON can escape and UTF-8 cannot hold', async () => {
    const { ask, decisions } = await rig({ mappings: NOTES });
    const send = (body: string) =>
      ask({ method: 'POST', body, headers: new Map([['content-type', ['application/json']]]) });
    for (const half of ['\\ud800', 'a\\udc00', '\\udc00\\ud800']) {
      expect(await send(`{"note":"${half}"}`)).toMatchObject({ reason: 'PARAMS_UNREADABLE' });
    }
    expect(await send('{"note":"\\ud83d\\ude00"}')).toMatchObject({ reason: 'OK' });
    expect(decisions().map((record) => serialize(record))).not.toContain(undefined);
  });

  it('holds integers only', async () => {
    const { pay, decisions } = await rig();
    await pay(1);
    const numbers: number[] = [];
    JSON.stringify(decisions(), (_, value: unknown) => {
      if (typeof value === 'number') numbers.push(value);
      return value;
    });
    expect(numbers.length).toBeGreaterThan(5);
    expect(numbers.every(Number.isSafeInteger)).toBe(true);
  });
});

describe('too many sessions', () => {
  it('are refused as overload, and those that are open go on', async () => {
    const { ask, token } = await rig({ maxSessions: 1 });
    expect(await ask()).toMatchObject({ outcome: 'ALLOW' });
    const other = { token: token({ sid: 'CCECAwQFBgcICQoLDA0ODw' }) };
    expect(await ask({}, other)).toMatchObject({ outcome: 'DENY', reason: 'OVERLOADED' });
    expect(await ask()).toMatchObject({ outcome: 'ALLOW' });
  });
});
