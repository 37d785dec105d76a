export type { Capability, CapabilityReason, Claims, TokenBudget } from './claims.ts';
export { sessionKeyOf } from './claims-check.ts';
export { MAX_TOKEN_BYTES } from './compact.ts';
export type { VerificationJwk } from './keys.ts';
export { RevocationSet, type RevocationList, type RevocationOutcome } from './revocation.ts';
export { TokenHandle } from './token-handle.ts';
export { type Refused, TokenVerifier, type VerifierOptions } from './verify.ts';
