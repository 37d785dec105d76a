// The core's public surface: everything the host, or another embedder, may use. What a room keeps to itself is not here.

export * from './errors.ts';
export { parseToml, type TomlDocument, type TomlPath } from './toml.ts';
export { type BudgetLimit, budgetProblem } from './registry/budget-limit.ts';
export { readBudgetMembers, writeBudgetMembers } from './registry/budget-members.ts';
export * from './registry/classes.ts';
export { registryMarkdown } from './registry/markdown.ts';

export * from './normalizer/index.ts';
export type * from './normalizer/envelope.ts';
export * from './capability/index.ts';
export * from './policy/index.ts';
export * from './session/index.ts';
export * from './audit/index.ts';
export * from './decision/index.ts';
