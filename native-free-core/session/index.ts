export type {
  BudgetInput,
  BudgetKind,
  BudgetLimit,
  BudgetLine,
  BudgetRule,
  Charge,
  Exceeded,
  Reservation,
} from './budget.ts';
export { compileBudgets } from './budgets.ts';
export type { SessionAnswer, SessionRequest, SharedSessions } from './shared.ts';
export {
  type AttachOptions,
  type BudgetUse,
  type SessionDetail,
  type SessionHandle,
  type SessionIdentity,
  type SessionSnapshot,
  type SessionSummary,
  SessionTable,
  type SessionTableOptions,
  type StateStore,
} from './table.ts';
