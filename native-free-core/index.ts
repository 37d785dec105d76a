// The core's public surface: everything the host, or another embedder, may use. What a room keeps to itself is not here.

export * from './errors.ts';
export { parseToml, type TomlDocument, type TomlPath } from './toml.ts';
export * from './registry/classes.ts';
export { registryMarkdown } from './registry/markdown.ts';

export * from './normalizer/index.ts';
export type * from './normalizer/envelope.ts';

export {
  checkStanding,
  MAX_TOKEN_BYTES,
  RevocationSet,
  type RevocationList,
  type RevocationOutcome,
  sessionKeyOf,
  TokenVerifier,
  type VerificationJwk,
  type VerifierOptions,
} from './capability/index.ts';
export type { Capability, CapabilityReason, Claims, ScopeMatcher, TokenBudget } from './capability/claims.ts';

export {
  type Bundle,
  canonicalContext,
  type CedarModule,
  generateSchema,
  IssuancePolicies,
  type IssuanceQuery,
  type IssuanceRefusal,
  loadBundle,
  type PolicyEngine,
  type PolicyQuery,
  type PolicySource,
  type PolicyVerdict,
  ReferenceEngine,
  type SchemaInputs,
  startCedar,
} from './policy/index.ts';

export * from './session/index.ts';

export * from './audit/index.ts';

export * from './decision/index.ts';
