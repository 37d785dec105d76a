import { describe, expect, it } from 'vitest';
import type { BudgetInput, Charge, Exceeded, Reservation } from '../../native-free-core/session/budget.ts';
import type { SessionHandle, SessionTable, StateStore } from '../../native-free-core/session/table.ts';
import { turn } from './memory-store.ts';
import { calls, identity, indexOf, opened, pay, read, spend, tableOf } from './subject.ts';

const CLIENTS = 200;
const CALLS = 8;
const QUIET = 6;
const PRESSURE = 12;
const MAX_SESSIONS = 32;
const MAX_OPEN = 150;

const issue: Charge = { ...read, classIndex: indexOf('issue.read') };
const BUDGETS: readonly BudgetInput[] = [
  calls(1000, { match: ['code.read', 'payment.*'] }),
  spend(9000),
  spend(8000, { name: 'hourly', window: '1h' }),
  { name: 'bytes', match: ['code.read', 'payment.*'], maxBytes: 60_000, onExceed: 'deny' },
  { name: 'open', match: ['code.read', 'payment.*'], maxInFlight: MAX_OPEN, onExceed: 'deny' },
  calls(700, { name: 'of-all', match: ['payment.*'], per: 'sidecar' }),
  calls(20, { name: 'issues', match: ['issue.read'] }),
];

/** Numbers that a seed repeats: every failure names it. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to below `sides`. */
  roll(sides: number): number {
    this.#state = (Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) | 0;
    return ((this.#state >>> 8) % 65_536) % sides;
  }

  /** Lets others go first, or not. */
  async wait(): Promise<void> {
    for (let turns = this.roll(4); turns > 0; turns--) await turn();
  }
}

/** Answers in order for a key, some turns late, and refuses one save in ten; half of these are written all the same. */
class SlowStore implements StateStore {
  readonly records = new Map<string, Uint8Array>();
  readonly #last = new Map<string, Promise<void>>();
  readonly #dice: Dice;
  failed = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  async load(key: string): Promise<Uint8Array | undefined> {
    await this.#dice.wait();
    return this.records.get(key);
  }

  save(key: string, record: Uint8Array): Promise<void> {
    const before = this.#last.get(key);
    const saved = this.#write(before, key, record);
    this.#last.set(
      key,
      saved.catch(() => {}),
    );
    return saved;
  }

  async #write(before: Promise<void> | undefined, key: string, record: Uint8Array): Promise<void> {
    await before;
    await this.#dice.wait();
    const fails = this.#dice.roll(10) === 0;
    if (!fails || this.#dice.roll(2) === 0) this.records.set(key, record);
    if (!fails) return;
    this.failed += 1;
    throw new Error('the disk is full');
  }
}

/** What the clients of the one session know to have left. */
class Tally {
  calls = 0;
  amount = 0;
  bytes = 0;
  ofAll = 0;
  open = 0;
  denied = 0;
}

async function reserved(
  table: SessionTable,
  sid: string,
  charge: Charge,
): Promise<readonly [SessionHandle, Reservation | Exceeded]> {
  for (;;) {
    const handle = await table.open(identity(sid), 0, []);
    if (handle !== undefined && table.isOpen(handle)) return [handle, table.reserve(handle, charge)];
    await turn();
  }
}

/** Whether the store did what it was asked to, or had nothing to do. */
async function succeeds(saved: Promise<void> | undefined): Promise<boolean> {
  try {
    await saved;
    return true;
  } catch {
    return false;
  }
}

/** A call of one of the 200, which may end at any point. */
async function oneCall(table: SessionTable, dice: Dice, tally: Tally): Promise<void> {
  const amount = dice.roll(2) === 0 ? undefined : 1 + dice.roll(30);
  const [handle, answer] = await reserved(table, 'busy', amount === undefined ? read : pay(amount));
  if ('reason' in answer) {
    table.countDeny(handle);
    tally.denied += 1;
    return;
  }
  const { id } = answer;
  tally.open += 1;
  expect(tally.open).toBeLessThanOrEqual(MAX_OPEN);
  await dice.wait();
  if (dice.roll(8) !== 0 && (await succeeds(table.durable(id))) && dice.roll(8) !== 0) {
    expect(table.commit(id)).toBe(true);
    tally.calls += 1;
    tally.amount += amount ?? 0;
    if (amount !== undefined) tally.ofAll += 1;
    for (const { committed, held, limit } of table.show(handle).budgets) {
      expect(committed + held).toBeLessThanOrEqual(limit);
    }
    const passing: Promise<void>[] = [];
    for (let chunks = dice.roll(4); chunks > 0; chunks--) {
      const bytes = dice.roll(100);
      const passes = async (): Promise<void> => {
        if (await table.takeBytes(id, bytes)) tally.bytes += bytes;
      };
      passing.push(passes());
      await dice.wait();
    }
    // A call may be over before the store has heard of its last bytes.
    if (dice.roll(2) === 0) await Promise.all(passing);
    expect(table.rollBack(id)).toBe(false);
    tally.open -= 1;
    expect(table.release(id)).toBe(true);
    await Promise.all(passing);
  } else {
    tally.open -= 1;
    expect(dice.roll(2) === 0 ? table.rollBack(id) : table.release(id)).toBe(true);
  }
  expect(table.commit(id) || table.rollBack(id) || table.release(id)).toBe(false);
}

async function client(table: SessionTable, dice: Dice, tally: Tally): Promise<void> {
  for (let made = 0; made < CALLS; made++) {
    await dice.wait();
    await oneCall(table, dice, tally);
  }
}

/** Pushes idle sessions out of memory. */
async function pressure(table: SessionTable, name: string, isOver: () => boolean): Promise<void> {
  for (let made = 0; !isOver(); made++) {
    const [, answer] = await reserved(table, `${name}-${made}`, issue);
    await turn();
    if (!('reason' in answer)) table.release(answer.id);
  }
}

/** What a session that shares no budget with the others is answered: the same whatever they do. */
async function quiet(table: SessionTable, sid: string): Promise<readonly (string | number | undefined)[]> {
  const answers: (string | number | undefined)[] = [];
  for (let made = 0; made < 24; made++) {
    const [, answer] = await reserved(table, sid, issue);
    answers.push('reason' in answer ? answer.name : answer.lines.map(({ remaining }) => remaining).join());
    if ('reason' in answer) continue;
    while (!(await succeeds(table.durable(answer.id))));
    if (made % 3 !== 2) table.commit(answer.id);
    table.release(answer.id);
    await turn();
  }
  return answers;
}

describe('200 parallel clients of one session', () => {
  it.each([1, 2, 3, 4])('never overspend it, nor change what others are answered (seed %i)', async (seed) => {
    const alone = await quiet(await tableOf(BUDGETS), 'alone');
    const dice = new Dice(seed);
    const store = new SlowStore(dice);
    const table = await tableOf(BUDGETS, { store, maxSessions: MAX_SESSIONS });
    const tally = new Tally();
    let isOver = false;
    const others = Array.from({ length: PRESSURE }, (_, index) => pressure(table, `p${index}`, () => isOver));
    const quiets = Array.from({ length: QUIET }, (_, index) => quiet(table, `quiet-${index}`));
    const clients = Array.from({ length: CLIENTS }, () => client(table, dice, tally));
    try {
      await Promise.all(clients);
      for (const answers of await Promise.all(quiets)) expect(answers).toEqual(alone);
    } finally {
      isOver = true;
    }
    await Promise.all(others);
    expect(tally.denied).toBeGreaterThan(0);
    expect(store.failed).toBeGreaterThan(0);
    expect(table.reservationCount).toBe(0);

    const [handle, last] = await reserved(table, 'busy', { ...read, classIndex: indexOf('code.write') });
    if (!('reason' in last)) table.release(last.id);
    while (!(await succeeds(table.abort(handle, 'OPERATOR'))));
    while (!(await succeeds(table.flush())));
    const used = Object.fromEntries(table.show(handle).budgets.map((one) => [one.name, one]));
    expect(Object.values(used).every(({ held }) => held === 0)).toBe(true);
    expect(used).toMatchObject({
      calls: { committed: tally.calls },
      spend: { committed: tally.amount },
      hourly: { committed: tally.amount },
      bytes: { committed: tally.bytes },
      open: { committed: 0 },
      'of-all': { committed: tally.ofAll },
    });
    // The same after a restart, and it stays ended.
    const after = await tableOf(BUDGETS, { store, maxSessions: MAX_SESSIONS });
    const again = await opened(after, 'busy');
    expect(after.show(again).budgets).toEqual(table.show(handle).budgets);
    expect(after.abortReason(again)).toBe('OPERATOR');
  });
});
