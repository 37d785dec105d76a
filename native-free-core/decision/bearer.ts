import type { Capability } from '../capability/claims.ts';
import { ContextWriter } from '../policy/context.ts';
import type { PolicyQuery } from '../policy/port.ts';
import type { SessionHandle, SessionIdentity } from '../session/table.ts';
import type { RecordFrame } from './record-frame.ts';

/** What decisions need of one token again and again, made once. */
export class Bearer {
  readonly capability: Capability;
  readonly identity: SessionIdentity;
  readonly principal: PolicyQuery['principal'];
  readonly context = new ContextWriter();
  /** Made with its first record. */
  frame: RecordFrame | undefined = undefined;
  /** Where its session was when it was opened last. */
  handle: SessionHandle | undefined = undefined;

  constructor(capability: Capability) {
    const { groups, iss, sid, sub } = capability.claims;
    this.capability = capability;
    this.identity = { key: capability.sessionKey, iss, sub, sid };
    this.principal = { id: sub, groups };
  }
}
