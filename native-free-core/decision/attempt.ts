import type { Capability } from '../capability/claims.ts';
import type { Envelope } from '../normalizer/envelope.ts';
import type { PolicyQuery } from '../policy/port.ts';
import type { Exceeded } from '../session/budget.ts';
import type { Reservation, SessionHandle, SessionSnapshot } from '../session/table.ts';
import type { InForce } from './in-force.ts';
import type { Prepared } from './prepare.ts';

/** One authenticated call on its way through the stages. Fixed shape; lives as long as the call is decided. */
export class Attempt {
  readonly prepared: Prepared;
  readonly capability: Capability;
  readonly handle: SessionHandle;
  readonly inForce: InForce;
  /** The instant of the decision: the one Cedar sees and the record carries. */
  readonly nowMs: number;
  /** On the `performance.now()` scale, like every other duration here. */
  readonly startedAt: number;
  normalizeMs: number;
  capabilityMs = 0;
  policyMs = 0;
  envelope: Envelope | undefined = undefined;
  reservation: Reservation | undefined = undefined;
  /** The budget that has no room for the call. */
  exceeded: Exceeded | undefined = undefined;
  /** What Cedar saw of the session, this call's reservation included; absent before stage 2. */
  session: SessionSnapshot | undefined = undefined;
  /** What Cedar was asked about the first reading; absent before stage 2. */
  query: PolicyQuery | undefined = undefined;

  constructor(
    prepared: Prepared,
    capability: Capability,
    handle: SessionHandle,
    inForce: InForce,
    nowMs: number,
    startedAt: number,
  ) {
    this.prepared = prepared;
    this.capability = capability;
    this.handle = handle;
    this.inForce = inForce;
    this.nowMs = nowMs;
    this.startedAt = startedAt;
    this.normalizeMs = prepared.spentMs;
  }
}
