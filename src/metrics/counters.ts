import type { Outcome, Reason } from '@firma/core';

/** What a sidecar counted since it started. Reasons and outcomes that never occurred are left out. */
export interface CountersSnapshot {
  readonly decisions: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
  readonly connections: { readonly opened: number; readonly open: number };
  readonly bytes: { readonly sent: number; readonly received: number };
}

/** Plain counters. Memory is fixed: outcomes and reasons are closed lists, nothing is counted per agent or host. */
export class Counters {
  readonly #outcomes = new Map<Outcome, number>();
  readonly #reasons = new Map<Reason, number>();
  #decisions = 0;
  #connectionsOpened = 0;
  #connectionsOpen = 0;
  #bytesSent = 0;
  #bytesReceived = 0;

  decided(outcome: Outcome, reason: Reason): void {
    this.#decisions++;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  connectionOpened(): void {
    this.#connectionsOpened++;
    this.#connectionsOpen++;
  }

  connectionClosed(): void {
    this.#connectionsOpen--;
  }

  /** Body bytes that passed to and from upstreams. */
  transferred(sent: number, received: number): void {
    this.#bytesSent += sent;
    this.#bytesReceived += received;
  }

  /** A copy: later counting does not change it. */
  snapshot(): CountersSnapshot {
    return {
      decisions: this.#decisions,
      outcomes: Object.fromEntries(this.#outcomes),
      reasons: Object.fromEntries(this.#reasons),
      connections: { opened: this.#connectionsOpened, open: this.#connectionsOpen },
      bytes: { sent: this.#bytesSent, received: this.#bytesReceived },
    };
  }
}
