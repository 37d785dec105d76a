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
import type { SessionHandle } from '../../native-free-core/session/table.ts';

export const indexOf = (name: string): number => findActionClass(name)?.index ?? Number.NaN;
export const READ = indexOf('code.read');
export const read: Charge = { classIndex: READ, amount: undefined, currency: undefined };
export const pay = (amount?: number, currency: string | undefined = 'usd'): Charge => ({
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

/** One session of a table with these budgets. */
export class Subject {
  readonly table: SessionTable;
  readonly handle: SessionHandle;

  constructor(budgets: readonly BudgetInput[], tokenBudgets: readonly BudgetLimit[] = []) {
    this.table = new SessionTable({ budgets: compileBudgets(budgets) });
    this.handle = opened(this.table, 'one', tokenBudgets);
  }

  reserve(charge: Charge, host = 'a.test'): Reservation | Exceeded {
    return this.table.reserve(this.handle, charge, host);
  }

  /** Reserves, and fails the test where there is no room. */
  held(charge: Charge): Reservation {
    return granted(this.reserve(charge));
  }

  committed(charge: Charge): Reservation {
    const reservation = this.held(charge);
    this.table.commit(reservation.id);
    return reservation;
  }

  token(...budgets: BudgetLimit[]): SessionHandle | undefined {
    return this.table.open('one', 0, budgets);
  }
}

export function opened(
  table: SessionTable,
  key: string,
  tokenBudgets: readonly BudgetLimit[] = [],
): SessionHandle {
  const handle = table.open(key, 0, tokenBudgets);
  if (handle === undefined) throw new Error('the table is full');
  return handle;
}

export function granted(answer: Reservation | Exceeded): Reservation {
  if ('reason' in answer) throw new Error(`${answer.reason} ${answer.name}`);
  return answer;
}
