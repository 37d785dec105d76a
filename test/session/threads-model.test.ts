import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionHandle, SessionTable } from '../../native-free-core/session/table.ts';
import { attached } from './attached.ts';
import { calls, opened, read, tableOf } from './subject.ts';

type Step =
  | { readonly kind: 'reserve' | 'commit' | 'release'; readonly table: number; readonly session: number }
  | { readonly kind: 'dies'; readonly table: number; readonly within: boolean };

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom('reserve' as const, 'reserve' as const, 'commit' as const, 'release' as const),
      table: fc.nat(2),
      session: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('dies' as const),
      table: fc.integer({ min: 1, max: 2 }),
      within: fc.boolean(),
    }),
  },
);

interface ModelCall {
  readonly id: number;
  readonly table: number;
  readonly session: number;
  committed: boolean;
}

const LIMITS = { session: 6, agent: 9, sidecar: 12, open: 4 } as const;
const SIDS = ['a', 'b', 'c'] as const;
const agentOf = (session: number): string => (session === 2 ? 'x' : 'y');

/** Three tables over one, and what a single thread would have counted. */
class Counted {
  readonly home: SessionTable;
  readonly #tables: SessionTable[];
  #handles: readonly SessionHandle[] = [];
  #under: ModelCall[] = [];
  readonly #spent: number[] = [];

  private constructor(home: SessionTable) {
    this.home = home;
    this.#tables = [home, attached(home, 1), attached(home, 2)];
  }

  static async made(): Promise<Counted> {
    const scopes = ['session', 'agent', 'sidecar'] as const;
    const home = await tableOf([
      ...scopes.map((per) => calls(LIMITS[per], { name: per, per })),
      { name: 'open', match: ['code.read'], maxInFlight: LIMITS.open, onExceed: 'deny' },
    ]);
    const counted = new Counted(home);
    for (const table of counted.#tables) counted.#handles = await counted.#openedAll(table);
    return counted;
  }

  async take(step: Step): Promise<void> {
    const table = this.#tables[step.table];
    if (table === undefined) throw new Error('no table');
    if (step.kind === 'dies') return this.#die(table, step.table, step.within);
    const { session } = step;
    const call = this.#under.find((one) => one.table === step.table && one.session === session);
    if (step.kind === 'reserve') {
      const answer = table.reserve(this.#handle(session), read);
      expect('reason' in answer).toBe(!this.#fits(session));
      if ('reason' in answer) return;
      this.#under.push({ id: answer.id, table: step.table, session, committed: false });
    } else if (call !== undefined && step.kind === 'commit') {
      expect(table.commit(call.id)).toBe(!call.committed);
      if (!call.committed) this.#spent.push(session);
      call.committed = true;
    } else if (call !== undefined) {
      expect(table.release(call.id)).toBe(true);
      this.#under = this.#under.filter((one) => one !== call);
    }
  }

  agree(): void {
    const held = (of: (session: number) => boolean): number =>
      this.#under.filter((call) => !call.committed && of(call.session)).length;
    for (const session of SIDS.keys()) {
      const isIt = (one: number): boolean => one === session;
      const open = this.#under.filter((call) => isIt(call.session)).length;
      expect(this.home.show(this.#handle(session))).toMatchObject({
        openCalls: open,
        budgets: [
          { name: 'session', committed: this.#spent.filter(isIt).length, held: held(isIt) },
          { name: 'open', committed: 0, held: open },
          { name: 'agent' },
          { name: 'sidecar', committed: this.#spent.length, held: held(() => true) },
        ],
      });
    }
  }

  async #die(table: SessionTable, thread: number, within: boolean): Promise<void> {
    expect(!within || table.enter(this.#handle(1))).toBe(true);
    this.home.threadEnded(thread);
    this.#under = this.#under.filter((call) => call.table !== thread);
    const next = attached(this.home, thread);
    this.#tables[thread] = next;
    await this.#openedAll(next);
  }

  #openedAll(table: SessionTable): Promise<SessionHandle[]> {
    return Promise.all(SIDS.map((sid, session) => opened(table, sid, [], agentOf(session))));
  }

  #handle(session: number): SessionHandle {
    const handle = this.#handles[session];
    if (handle === undefined) throw new Error('no handle');
    return handle;
  }

  #fits(session: number): boolean {
    const used = (of: (session: number) => boolean): number =>
      this.#under.filter((call) => !call.committed && of(call.session)).length +
      this.#spent.filter(of).length;
    return (
      used((one) => one === session) < LIMITS.session &&
      used((one) => agentOf(one) === agentOf(session)) < LIMITS.agent &&
      used(() => true) < LIMITS.sidecar &&
      this.#under.filter((one) => one.session === session).length < LIMITS.open
    );
  }
}

describe('any calls of three threads, of which two may die', () => {
  it('are counted as one thread would count them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 60, size: 'max' }), async (steps) => {
        const counted = await Counted.made();
        for (const step of steps) await counted.take(step);
        counted.agree();
        expect(counted.home.sessionCount).toBe(SIDS.length);
      }),
      { numRuns: 80 },
    );
  });
});
