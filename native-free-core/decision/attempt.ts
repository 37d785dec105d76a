import type { Capability } from '../capability/claims.ts';
import type { Envelope } from '../normalizer/envelope.ts';
import type { PolicyQuery } from '../policy/port.ts';
import type { Exceeded } from '../session/budget.ts';
import type { Reservation, SessionHandle, SessionSnapshot } from '../session/table.ts';
import type { Bearer } from './bearer.ts';
import type { Reason } from './decision.ts';
import type { InForce } from './in-force.ts';
import type { Prepared } from './prepare.ts';

/** One authenticated call on its way through the stages. Fixed shape; lives as long as the call is decided. */
export class Attempt {
  readonly prepared: Prepared;
  readonly inForce: InForce;
  readonly bearer: Bearer;
  readonly capability: Capability;
  readonly handle: SessionHandle;
  /** The instant of the decision: the one Cedar sees and the record carries. */
  readonly nowMs: number;
  /** On the `performance.now()` scale, like every other duration here. */
  readonly startedAt: number;
  /** Of that, what it took to read a body. */
  bodyMs = 0;
  /** When stage 1 was done; 0 before. */
  grantedAt = 0;
  envelope: Envelope | undefined = undefined;
  reservation: Reservation | undefined = undefined;
  /** The budget that has no room for the call. */
  exceeded: Exceeded | undefined = undefined;
  /** What Cedar saw of the session, this call's reservation included; absent before stage 2. */
  session: SessionSnapshot | undefined = undefined;
  /** What Cedar was asked about the first reading; absent before stage 2. */
  query: PolicyQuery | undefined = undefined;
  /** Why the call ended its session, where it did. */
  ended: Reason | undefined = undefined;

  constructor(prepared: Prepared, bearer: Bearer, handle: SessionHandle, nowMs: number, startedAt: number) {
    this.prepared = prepared;
    this.inForce = prepared.inForce;
    this.bearer = bearer;
    this.capability = bearer.capability;
    this.handle = handle;
    this.nowMs = nowMs;
    this.startedAt = startedAt;
  }
}
