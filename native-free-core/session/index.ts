export type { BudgetInput, BudgetLine } from './budget.ts';
export { compileBudgets } from './budgets.ts';
export { SessionTable, type SessionTableOptions } from './table.ts';
