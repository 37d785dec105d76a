import { type BudgetRule, SessionTable, type StateStore } from '@firma/core';
import { sha256Hex } from './sha256.ts';
import type { SteadyClock } from './steady-clock.ts';

export interface SessionsOptions {
  readonly budgets: readonly BudgetRule[];
  /** Undefined: sessions and budgets end with the process. */
  readonly store: StateStore | undefined;
  readonly steadyMs: SteadyClock;
  /** Told, in one sentence, that the store cannot be written. */
  readonly onUnavailable: (sentence: string) => void;
}

export interface OpenSessions {
  readonly sessions: SessionTable;
  /** Of the rules that name one, lower case. */
  readonly idempotencyHeaders: readonly string[];
  /** Whether no save failed of late. */
  storeAnswers(): boolean;
  /** Saves everything as it is. Rejects where that cannot be done: what is stored then is more than was used. */
  close(): Promise<void>;
}

const TOLD_INTERVAL_MS = 60_000;
const FAILED_FOR_MS = 5_000;

/** The headers that rules name, lower case. One that only a token names is not read: its calls are charged each. */
export function idempotencyHeadersOf(budgets: readonly BudgetRule[]): readonly string[] {
  const headers = budgets.map(({ idempotencyHeader }) => idempotencyHeader);
  return [...new Set(headers.filter((header) => header !== undefined))];
}

/**
 * Opens the session table, on a store where there is one.
 *
 * @throws what the store rejects with
 */
export async function openSessions({
  budgets,
  store,
  steadyMs,
  onUnavailable,
}: SessionsOptions): Promise<OpenSessions> {
  let failedAt = -Infinity;
  let toldAt = -Infinity;
  const sessions = await SessionTable.open({
    budgets,
    sha256Hex,
    steadyMs,
    store,
    onStoreFailed(detail) {
      failedAt = performance.now();
      // A store that is down fails with every call.
      if (performance.now() - toldAt < TOLD_INTERVAL_MS) return;
      toldAt = performance.now();
      onUnavailable(`the state store cannot be written, so calls that a budget counts are denied: ${detail}`);
    },
  });
  return {
    sessions,
    idempotencyHeaders: idempotencyHeadersOf(budgets),
    storeAnswers: () => performance.now() - failedAt > FAILED_FOR_MS,
    close: () => sessions.flush(),
  };
}
