import type { Decision, DispatchFacts, Reason } from '@firma/core';
import type { Enforcer } from '../firma.ts';

/** One allowed call from its decision to its outcome record. INVARIANT: `finish` reaches the enforcer exactly once. */
export class AllowedCall {
  readonly decision: Decision;
  readonly #enforcer: Enforcer;
  readonly #startMs = performance.now();
  #committed = false;
  #finished = false;
  /** Upstream status, once one arrived. */
  status: number | undefined;
  /** Body bytes; told only where the call was committed. */
  bytesSent = 0;
  bytesReceived = 0;
  /** Label of the credential that went along. */
  injected: string | undefined;

  constructor(enforcer: Enforcer, decision: Decision) {
    this.#enforcer = enforcer;
    this.decision = decision;
  }

  /**
   * Asks for room for body bytes that are about to pass, either way. Nothing is taken any more once the call is over.
   *
   * @returns false, or a promise of it, where a budget has no room for them: nothing of them may pass
   */
  take(bytes: number): boolean | Promise<boolean> {
    return !this.#finished && this.#enforcer.takeBytes(this.decision, bytes);
  }

  /** The first byte is about to be written to a connected upstream: from here on the budgets stay charged. */
  commit(): void {
    if (this.#committed) return;
    this.#committed = true;
    this.#enforcer.commit(this.decision);
  }

  /** @param reason where the call failed or was cut */
  finish(reason?: Reason): void {
    if (this.#finished) return;
    this.#finished = true;
    const facts: DispatchFacts = {
      bytesSent: this.#committed ? this.bytesSent : 0,
      bytesReceived: this.bytesReceived,
      latencyUs: Math.round((performance.now() - this.#startMs) * 1000),
      ...(this.status === undefined ? {} : { status: this.status }),
      ...(this.injected === undefined ? {} : { injected: this.injected }),
      ...(reason === undefined ? {} : { reason }),
    };
    this.#enforcer.finish(this.decision, facts);
  }
}
