import { findActionClass } from '../../native-free-core/registry/classes.ts';
import type {
  BudgetInput,
  BudgetLimit,
  Charge,
  Exceeded,
  Reservation,
} from '../../native-free-core/session/budget.ts';
import { compileBudgets } from '../../native-free-core/session/budgets.ts';
import { SessionTable } from '../../native-free-core/session/table.ts';
import type {
  SessionHandle,
  SessionIdentity,
  SessionTableOptions,
} from '../../native-free-core/session/table.ts';
import { sha256Hex } from '../../src/sha256.ts';

export const indexOf = (name: string): number => findActionClass(name)?.index ?? Number.NaN;
export const READ = indexOf('code.read');
export const read: Charge = {
  classIndex: READ,
  otherClasses: [],
  amount: undefined,
  currency: undefined,
  host: 'a.test',
  idempotencyHeader: undefined,
  idempotency: undefined,
};
export const pay = (amount?: number, currency: string | undefined = 'usd'): Charge => ({
  ...read,
  classIndex: indexOf('payment.transfer'),
  amount,
  currency: amount === undefined ? undefined : currency,
});

export const calls = (maxCalls: number, changes: Partial<BudgetInput> = {}): BudgetInput => ({
  name: 'calls',
  match: ['code.read'],
  maxCalls,
  onExceed: 'deny',
  ...changes,
});
export const spend = (maxAmount: number, changes: Partial<BudgetInput> = {}): BudgetInput => ({
  name: 'spend',
  match: ['payment.*'],
  maxAmount,
  currency: 'usd',
  onExceed: 'deny',
  ...changes,
});

/** A clock that only the test moves. */
export class Clock {
  ms = 1_700_000_000_000;
  readonly read = (): number => this.ms;
}

export const identity = (sid: string, sub = 'agent'): SessionIdentity => ({
  key: `iss\n${sub}\n${sid}`,
  iss: 'iss',
  sub,
  sid,
});

export const tableOf = (
  budgets: readonly BudgetInput[],
  options: Partial<SessionTableOptions> = {},
): Promise<SessionTable> =>
  SessionTable.open({
    budgets: compileBudgets(budgets),
    sha256Hex,
    steadyMs: new Clock().read,
    maxSessions: 64,
    maxAgents: 64,
    ...options,
  });

/** One session of a table with these budgets. */
export class Subject {
  readonly table: SessionTable;
  readonly handle: SessionHandle;

  private constructor(table: SessionTable, handle: SessionHandle) {
    this.table = table;
    this.handle = handle;
  }

  static async of(
    budgets: readonly BudgetInput[],
    tokenBudgets: readonly BudgetLimit[] = [],
    options: Partial<SessionTableOptions> = {},
  ): Promise<Subject> {
    const table = await tableOf(budgets, options);
    return new Subject(table, await opened(table, 'one', tokenBudgets));
  }

  reserve(charge: Charge): Reservation | Exceeded {
    return this.table.reserve(this.handle, charge);
  }

  /** Reserves, and fails the test where there is no room. */
  held(charge: Charge): Reservation {
    return granted(this.reserve(charge));
  }

  /** A whole call: reserved, committed, over. */
  committed(charge: Charge): Reservation {
    const reservation = this.held(charge);
    this.table.commit(reservation.id);
    this.table.release(reservation.id);
    return reservation;
  }

  token(...budgets: BudgetLimit[]): SessionHandle | undefined {
    const handle = this.table.open(identity('one'), 0, budgets);
    if (handle instanceof Promise) throw new Error('the session is not in memory');
    return handle;
  }
}

export async function opened(
  table: SessionTable,
  sid: string,
  tokenBudgets: readonly BudgetLimit[] = [],
  sub?: string,
): Promise<SessionHandle> {
  const handle = await table.open(identity(sid, sub), 0, tokenBudgets);
  if (handle === undefined) throw new Error('the table is full');
  return handle;
}

export function granted(answer: Reservation | Exceeded): Reservation {
  if ('reason' in answer) throw new Error(`${answer.reason} ${answer.name}`);
  return answer;
}
