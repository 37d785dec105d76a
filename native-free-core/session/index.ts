export type {
  BudgetInput,
  BudgetLimit,
  BudgetLine,
  BudgetRule,
  Charge,
  Exceeded,
  Reservation,
} from './budget.ts';
export { compileBudgets } from './budgets.ts';
export type { SessionSnapshot } from './session.ts';
export { SessionTable } from './table.ts';
export type { SessionHandle, SessionTableOptions } from './table.ts';
