import type { BudgetRule } from './budget.ts';
import type { Ask } from './remote.ts';
import type { StateStore } from './saves.ts';
import type { SharedSessions } from './shared.ts';

declare const handleBrand: unique symbol;

/** Names a session of one table while it is in memory. Opaque: what the number says is the table's business. */
export type SessionHandle = number & { readonly [handleBrand]: true };

export interface SessionTableOptions {
  readonly budgets: readonly BudgetRule[];
  /** Keys of accounts are its first 16 bytes. */
  readonly sha256Hex: (text: string) => string;
  /** Milliseconds of a clock that only time moves: windows hang on it, whatever the wall clock does. */
  readonly steadyMs: () => number;
  /** Absent: nothing outlives the process, and nothing leaves memory before. */
  readonly store?: StateStore | undefined;
  /** Sessions in memory; 65,536 by default. Without a store more are refused: totals would start again. */
  readonly maxSessions?: number | undefined;
  /** Agents in memory, where a rule is per agent; 16,384 by default. */
  readonly maxAgents?: number | undefined;
  /** Reservations outstanding in all; 65,536 by default and at most. */
  readonly maxReservations?: number | undefined;
  /** Of those, for one session; 512 by default. */
  readonly maxReservationsPerSession?: number | undefined;
  /** Told of every save that failed. */
  readonly onStoreFailed?: ((detail: string) => void) | undefined;
}

/** What makes a table in another thread than the home's. */
export interface AttachOptions {
  readonly shared: SharedSessions;
  /** 1 to 63, and nobody else's; the home is 0. */
  readonly thread: number;
  readonly sha256Hex: (text: string) => string;
  /** The home's clock: the same number at the same instant. */
  readonly steadyMs: () => number;
  /** Asks the home (`serve`). Rejects where it cannot be asked. */
  readonly ask: Ask;
  /** Reservations outstanding in this thread; 65,536 by default and at most. */
  readonly maxReservations?: number | undefined;
}
