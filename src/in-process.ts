import { type Decision, type Refused, type TokenHandle, Usage } from '@firma/core';
import { type Call, parseCall } from './call.ts';
import type { DecideOptions, DecisionPoint } from './decision-point.ts';

/** What became of a guarded call: `value` is what the function returned, and there only where it ran. */
export type Guarded<T> =
  | { readonly allowed: true; readonly decision: Decision; readonly value: T }
  | { readonly allowed: false; readonly decision: Decision };

/** What a host in JavaScript hands over may be anything. */
function checked(call: Call): Call {
  const read = parseCall(call);
  if ('invalid' in read) throw new Usage(read.invalid);
  return read;
}

/** What an embedding host asks: every call shows its token. */
export class InProcess {
  readonly #point: DecisionPoint;
  readonly #handle: TokenHandle | undefined;

  constructor(point: DecisionPoint, handle?: TokenHandle) {
    this.#point = point;
    this.#handle = handle;
  }

  /**
   * Decides one call and records it; an ALLOW is committed with the answer.
   *
   * @throws Usage for what is no call, as `/v1/decide` answers 400
   */
  async decide(call: Call): Promise<Decision> {
    return (await this.#point.decide(checked(call), this.#options('answer'))).decision;
  }

  /**
   * Runs a function only where the call is allowed. Its budgets are charged before it runs, whatever becomes of it, and
   * the outcome is recorded once it ended.
   *
   * @param run makes the call: exactly the one that was decided
   * @throws Usage as `decide`; what `run` throws
   */
  async guard<T>(call: Call, run: (decision: Decision) => T | Promise<T>): Promise<Guarded<T>> {
    const { decision } = await this.#point.decide(checked(call), this.#options('caller'));
    if (decision.outcome !== 'ALLOW') return { allowed: false, decision };
    const startedAt = performance.now();
    this.#point.commit(decision);
    try {
      return { allowed: true, decision, value: await run(decision) };
    } finally {
      const latencyUs = (performance.now() - startedAt) * 1000;
      this.#point.finish(decision, { bytesSent: 0, bytesReceived: 0, latencyUs });
    }
  }

  #options(commit: DecideOptions['commit']): DecideOptions {
    const options: DecideOptions = {
      transport: 'in-process',
      source: 'in-process',
      commit,
      canonicalize: false,
    };
    return this.#handle === undefined ? options : { ...options, handle: this.#handle };
  }
}

/**
 * The calls of one token, without showing it each time: its text is not hashed again. Time, revocation and the session's
 * end are asked on every call as ever.
 */
export type FirmaSession = Pick<InProcess, 'decide' | 'guard'>;

/** A token that opens no session. */
export type SessionRefused = Refused;
