export * from './errors.ts';
export * from './registry/classes.ts';
export type * from './normalizer/envelope.ts';
export type * from './capability/claims.ts';
export type * from './policy/port.ts';
export type * from './session/budget.ts';
export type * from './decision/decision.ts';
export type * from './audit/event.ts';
export type * from './decision/ports.ts';
