import type { BudgetLimit, BudgetRule } from './budget.ts';
import type { SessionIdentity } from './session-key.ts';

/** What another thread's table is made from: the home's buffers, and how they are laid out. Postable. */
export interface SharedSessions {
  readonly buffer: SharedArrayBuffer;
  /** What each thread leaves of what it reserved, for the home to read once the thread is gone. */
  readonly journals: SharedArrayBuffer;
  readonly budgets: readonly BudgetRule[];
  readonly maxSessions: number;
  readonly maxAgents: number;
  readonly maxReservationsPerSession: number;
  /** Whether the home has a store. */
  readonly isDurable: boolean;
}

/** What another thread asks the home. Postable. `account` is the home's number of a session, an agent or the sidecar. */
export type SessionRequest =
  | {
      readonly kind: 'open';
      readonly identity: SessionIdentity;
      readonly startMs: number;
      readonly tokenBudgets: readonly BudgetLimit[];
    }
  | { readonly kind: 'save'; readonly account: number }
  | { readonly kind: 'prefetch'; readonly accounts: readonly number[] };

/** A rule of a session's tokens, and where its counter stands. */
export interface SharedTokenRule {
  readonly rule: BudgetRule;
  readonly at: number;
}

/** What the home answers. Postable. */
export type SessionAnswer =
  | {
      readonly ok: true;
      readonly kind: 'opened';
      /** Undefined where there is no room. */
      readonly handle: number | undefined;
      /** Of these rules; one that changed since is no longer the session's. */
      readonly tokenVersion: number;
      readonly tokenRules: readonly SharedTokenRule[];
    }
  | { readonly ok: true; readonly kind: 'done' }
  /** In one sentence, for people. */
  | { readonly ok: false; readonly message: string };
