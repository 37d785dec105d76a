import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../native-free-core/session/rule-plan.ts';
import type { SessionHandle, SessionTable } from '../../native-free-core/session/table.ts';
import { MemoryStore, turn } from './memory-store.ts';
import { calls, opened, read, tableOf } from './subject.ts';

const SESSIONS = 4;
const LIMITS = { calls: 130, 'of-agent': 200, 'of-all': 300 } as const;
const BUDGETS = [
  calls(LIMITS.calls),
  calls(LIMITS['of-agent'], { name: 'of-agent', per: 'agent' }),
  calls(LIMITS['of-all'], { name: 'of-all', per: 'sidecar' }),
];

type Name = keyof typeof LIMITS;
type Step =
  | { readonly kind: 'calls'; readonly sid: number; readonly count: number; readonly commits: boolean }
  | { readonly kind: 'others'; readonly count: number }
  | { readonly kind: 'settle' }
  | { readonly kind: 'crash'; readonly written: number; readonly under: number };

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('calls' as const),
      sid: fc.nat(SESSIONS - 1),
      count: fc.integer({ min: 1, max: 20 }),
      commits: fc.integer({ min: 0, max: 4 }).map((one) => one > 0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('others' as const), count: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      written: fc.nat(4),
      under: fc.integer({ min: -SESSIONS, max: SESSIONS - 1 }),
    }),
  },
);

/** What left of one counter, and at most how much more is counted. */
interface Counter {
  readonly name: Name;
  spent: number;
  lost: number;
}

/** The counters of a session's calls, by what they are of. */
class Model {
  readonly #counters = new Map<string, Counter>();

  of(sid: number): readonly Counter[] {
    return [
      this.#counter(`session ${sid}`, 'calls'),
      this.#counter(`agent ${sid % 2}`, 'of-agent'),
      this.#counter('all', 'of-all'),
    ];
  }

  /** At most a block of each counter is spent that was not. */
  crash(): void {
    for (const counter of this.#counters.values()) counter.lost += blockOf(LIMITS[counter.name]);
  }

  #counter(key: string, name: Name): Counter {
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = { name, spent: 0, lost: 0 };
      this.#counters.set(key, counter);
    }
    return counter;
  }
}

/** The process that is up, and the disk that outlives it. */
class Sidecar {
  readonly table: SessionTable;
  readonly store: MemoryStore;

  private constructor(table: SessionTable, store: MemoryStore) {
    this.table = table;
    this.store = store;
  }

  static async start(store: MemoryStore): Promise<Sidecar> {
    const table = await tableOf(BUDGETS, { store, maxSessions: 8, maxAgents: 8 });
    store.mode = 'wait';
    return new Sidecar(table, store);
  }

  /** Waits for what the store has to do first, and for nothing else: other saves stay under way. */
  async settled<T>(answer: T | Promise<T>): Promise<T> {
    if (!(answer instanceof Promise)) return answer;
    const waiting = new Set([answer]);
    const over = answer.finally(() => waiting.clear());
    while (waiting.size > 0) {
      await turn();
      if (waiting.size > 0) this.store.settle(true);
    }
    return over;
  }

  async settleAll(): Promise<void> {
    for (await turn(); this.store.pending.length > 0; await turn()) this.store.settle(true);
  }

  open(sid: string, agent: string): Promise<SessionHandle> {
    return this.settled(opened(this.table, sid, [], agent));
  }

  /** One more process after this one was killed. */
  crashed(written: number): Promise<Sidecar> {
    return Sidecar.start(this.store.crashed(written));
  }
}

/** Calls one after the other. A denial is right only where what was lost may be what is missing. */
async function call(sidecar: Sidecar, model: Model, step: Step & { readonly kind: 'calls' }): Promise<void> {
  const { table } = sidecar;
  for (let made = 0; made < step.count; made++) {
    const handle = await sidecar.open(`s${step.sid}`, `a${step.sid % 2}`);
    const counters = model.of(step.sid);
    const answer = table.reserve(handle, read);
    if ('reason' in answer) {
      const exceeded = counters.find(({ name }) => name === answer.name);
      if (exceeded === undefined) throw new Error(answer.name);
      if (exceeded.spent + exceeded.lost < LIMITS[exceeded.name])
        throw new Error(`${answer.name} denies too early`);
      return;
    }
    await sidecar.settled(table.durable(answer.id));
    if (step.commits) {
      table.commit(answer.id);
      for (const counter of counters) counter.spent += 1;
    }
    table.release(answer.id);
    // What a call gave back may be drawn still until a save takes it back too.
    if (!step.commits) await sidecar.settleAll();
  }
}

async function agree(sidecar: Sidecar, model: Model, sid: number): Promise<void> {
  const handle = await sidecar.open(`s${sid}`, `a${sid % 2}`);
  const { budgets } = sidecar.table.show(handle);
  for (const { name, spent, lost } of model.of(sid)) {
    const shown = budgets.find((one) => one.name === name);
    if (shown === undefined) throw new Error(name);
    expect(shown.held).toBe(0);
    expect(shown.committed).toBeGreaterThanOrEqual(spent);
    expect(shown.committed).toBeLessThanOrEqual(Math.min(LIMITS[name], spent + lost));
  }
}

describe('sessions that leave memory, come back and are cut off by crashes', () => {
  it('are never over a limit, and at most a block under for each counter and crash', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 40, size: 'max' }), async (steps) => {
        let sidecar = await Sidecar.start(new MemoryStore());
        const model = new Model();
        let others = 0;
        for (const step of steps) {
          if (step.kind === 'calls') await call(sidecar, model, step);
          else if (step.kind === 'settle') await sidecar.settleAll();
          else if (step.kind === 'others') {
            for (let count = 0; count < step.count; count++)
              await sidecar.open(`o${others++}`, `oa${others}`);
          } else {
            if (step.under >= 0) {
              // The process dies while that call waits for its block: then it is spent as well.
              const handle = await sidecar.open(`s${step.under}`, `a${step.under % 2}`);
              const answer = sidecar.table.reserve(handle, read);
              if (!('reason' in answer)) {
                void sidecar.table.durable(answer.id);
                for (const counter of model.of(step.under)) counter.lost += 1;
              }
              await turn();
            }
            sidecar = await sidecar.crashed(step.written);
            model.crash();
          }
          for (let sid = 0; sid < SESSIONS; sid++) await agree(sidecar, model, sid);
        }
        expect(sidecar.table.reservationCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
