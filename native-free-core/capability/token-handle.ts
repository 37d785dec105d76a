import type { Capability } from './claims.ts';
import type { VerificationKey } from './keys.ts';

/**
 * A token that was verified: whoever holds it need not show the text again. Time, revocation and abort are asked on every
 * call as ever, and so is whether its key is still in force (`TokenVerifier.stands`).
 */
export class TokenHandle {
  readonly capability: Capability;
  readonly kid: string;
  readonly key: VerificationKey;

  constructor(capability: Capability, kid: string, key: VerificationKey) {
    this.capability = capability;
    this.kid = kid;
    this.key = key;
  }
}
