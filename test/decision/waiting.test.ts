import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Decision, PolicyEngine, PolicyQuery, PolicyVerdict, SessionTable } from '@firma/core';
import { type Rig, rig, type RigOptions } from './rig.ts';

/** What a promise came to, once it did. */
function watched<T>(promise: Promise<T>): { value: T | undefined } {
  const seen: { value: T | undefined } = { value: undefined };
  const see = async (): Promise<void> => {
    seen.value = await promise;
  };
  void see();
  return seen;
}

/** An engine that judges what it is asked at once, and answers when it is told to. */
class Held implements PolicyEngine {
  readonly name = 'held';
  readonly waiting: (() => void)[] = [];
  readonly queries: PolicyQuery[] = [];
  readonly #inner: PolicyEngine;

  constructor(inner: PolicyEngine) {
    this.#inner = inner;
  }

  evaluate(query: PolicyQuery): Promise<PolicyVerdict> {
    this.queries.push(query);
    const verdict = this.#inner.evaluate(query);
    return new Promise((resolve) => this.waiting.push(() => resolve(verdict)));
  }

  /** Answers what is waiting, in the order that `pick` chooses, until every call is decided. */
  async release(calls: readonly Promise<Decision>[], pick: 'first' | 'last' = 'first'): Promise<Decision[]> {
    const all = watched(Promise.all(calls));
    while (all.value === undefined) {
      (pick === 'first' ? this.waiting.shift() : this.waiting.pop())?.();
      await nextTurn();
    }
    return all.value;
  }
}

const WALL = `
@id("all") permit (principal, action, resource);
@id("no-write-after-read") forbid (principal, action == Firma::Action::"code.write", resource)
when { context.session.classes.contains(Firma::Action::"code.read") };
@id("no-read-after-write") forbid (principal, action == Firma::Action::"code.read", resource)
when { context.session.classes.contains(Firma::Action::"code.write") };
`;

async function held(options: RigOptions = {}): Promise<Rig & { engine: Held }> {
  let engine: Held | undefined;
  const made = await rig({
    ...options,
    before(inner) {
      engine = new Held(inner);
      return engine;
    },
  });
  if (engine === undefined) throw new Error('no engine');
  return { ...made, engine };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

function sessionOf({ sessions }: { sessions: SessionTable }): NonNullable<ReturnType<SessionTable['find']>> {
  const [session] = sessions.list(1);
  const handle = session && sessions.find(`${session.iss}\n${session.sub}\n${session.sid}`);
  if (handle === undefined) throw new Error('no session');
  return handle;
}

describe('two calls of one session that wait for their engine', () => {
  it.each(['first', 'last'] as const)(
    'never both pass where policies let only one pass: the %s answers first',
    async (pick) => {
      const { ask, decisions, engine, token, sessions } = await held({ policies: WALL });
      const caller = { token: token() };
      const answers = await engine.release([ask({}, caller), ask({ method: 'POST' }, caller)], pick);
      expect(answers.map((decision) => decision.outcome).sort()).toEqual(['ALLOW', 'DENY']);
      expect(answers.find((decision) => decision.outcome === 'DENY')).toMatchObject({
        reason: 'POLICY_FORBID',
      });
      // One record each, over the context that was judged last.
      expect(decisions()).toHaveLength(2);
      expect(new Set(decisions().map((record) => record.cedar_context_hash)).size).toBe(2);
      expect(sessions.reservationCount).toBe(1);
    },
  );

  it('do not both pass either where one is decided at once', async () => {
    const { ask, engine, token, inForce, decider } = await held({ policies: WALL });
    const caller = { token: token() };
    const waiting = ask({}, caller);
    await until(() => engine.waiting.length === 1);
    const { engine: atOnce } = (await rig({ policies: WALL })).inForce;
    decider.replace({ ...inForce, engine: atOnce });
    expect(await ask({ method: 'POST' }, caller)).toMatchObject({ outcome: 'ALLOW' });
    expect(await engine.release([waiting])).toMatchObject([{ outcome: 'DENY', reason: 'POLICY_FORBID' }]);
  });

  it('all pass, however many they are, where policies let them', async () => {
    const { ask, engine, token, sessions } = await held({ policies: WALL });
    const caller = { token: token() };
    const answers = await engine.release(Array.from({ length: 30 }, () => ask({}, caller)));
    expect(answers.map((decision) => decision.reason)).toEqual(Array(30).fill('OK'));
    expect(sessions.snapshot(sessionOf({ sessions }), 0).calls).toBe(30);
  });

  it('are OVERLOADED and give everything back where the session does not stand still', async () => {
    const budgets = [{ name: 'calls', match: ['code.*'], maxCalls: 5, onExceed: 'deny' } as const];
    const rigged = await held({ budgets });
    const { ask, decisions, engine, sessions } = rigged;
    const call = watched(ask());
    while (call.value === undefined) {
      if (engine.waiting.length > 0) sessions.countDeny(sessionOf(rigged));
      engine.waiting.shift()?.();
      await nextTurn();
    }
    expect(call.value).toMatchObject({
      outcome: 'DENY',
      reason: 'OVERLOADED',
      stage: 'operation',
      budgets: [],
    });
    expect(engine.queries).toHaveLength(4);
    expect(sessions.reservationCount).toBe(0);
    expect(decisions()).toMatchObject([{ reason: 'OVERLOADED' }]);
    expect(sessions.show(sessionOf(rigged)).budgets).toMatchObject([{ held: 0, committed: 0 }]);
  });
});

describe('a call that waits for its engine', () => {
  it('is denied where its session ends meanwhile, and gives back what it held', async () => {
    const rigged = await held();
    const { ask, engine, sessions } = rigged;
    const call = ask();
    await until(() => engine.waiting.length === 1);
    sessions.abort(sessionOf(rigged), 'by hand');
    expect(await engine.release([call])).toMatchObject([{ outcome: 'DENY', reason: 'SESSION_ABORTED' }]);
    expect(sessions.reservationCount).toBe(0);
  });

  it('is denied where its token is revoked meanwhile', async () => {
    const { ask, engine, revocations } = await held();
    const call = ask();
    await until(() => engine.waiting.length === 1);
    revocations.replace({ sequence: 2, jti: ['token-1'], sid: [], sub: [] }, 0);
    expect(await engine.release([call])).toMatchObject([{ outcome: 'DENY', reason: 'TOKEN_REVOKED' }]);
  });

  it('is OVERLOADED where its session left memory, and gives back what it held', async () => {
    const { ask, engine, sessions } = await held();
    const call = ask();
    await until(() => engine.waiting.length === 1);
    vi.spyOn(sessions, 'enter').mockReturnValue(false);
    expect(await engine.release([call])).toMatchObject([{ outcome: 'DENY', reason: 'OVERLOADED' }]);
    expect(sessions.reservationCount).toBe(0);
  });

  it('leaves the session to others meanwhile, and leaves it at its end', async () => {
    const { ask, engine, sessions } = await held();
    let inside = 0;
    const enter = sessions.enter.bind(sessions);
    vi.spyOn(sessions, 'enter').mockImplementation((handle) => {
      inside += 1;
      return enter(handle);
    });
    vi.spyOn(sessions, 'leave').mockImplementation(() => {
      inside -= 1;
    });
    const call = ask();
    await until(() => engine.waiting.length === 1);
    expect(inside).toBe(0);
    await engine.release([call]);
    await ask({ hostPort: 'nowhere.test' });
    expect(inside).toBe(0);
  });
});

describe('a session that left memory right after it was opened', () => {
  it('is opened again', async () => {
    const { ask, sessions } = await rig();
    vi.spyOn(sessions, 'enter').mockReturnValueOnce(false).mockReturnValueOnce(false);
    expect(await ask()).toMatchObject({ outcome: 'ALLOW' });
  });

  it('again and again is OVERLOADED, and nothing of the call remains', async () => {
    const { ask, decider, records, sessions } = await rig();
    const open = vi.spyOn(sessions, 'open');
    vi.spyOn(sessions, 'enter').mockReturnValue(false);
    expect(await ask()).toMatchObject({ outcome: 'DENY', reason: 'OVERLOADED', eventId: undefined });
    expect(open).toHaveBeenCalledTimes(4);
    expect(sessions.reservationCount).toBe(0);
    decider.recorder.summarize();
    expect(records).toMatchObject([{ kind: 'summary', unauthenticated: 1 }]);
  });
});

describe('the end of a session', () => {
  it('is told once the session is left: who is told may call back', async () => {
    const policies = `${WALL} @id("stop") @outcome("abort") forbid (principal, action, resource);`;
    const { ask, ended, sessions } = await rig({ policies });
    const told: number[] = [];
    vi.spyOn(sessions, 'leave').mockImplementation(() => void told.push(ended.length));
    expect(await ask()).toMatchObject({ outcome: 'ABORT', reason: 'POLICY_ABORT' });
    expect([told, ended.length]).toEqual([[0], 1]);
  });
});
