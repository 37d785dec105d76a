import type { Normalizer } from '../normalizer/normalizer.ts';
import type { PolicyEngine } from '../policy/port.ts';

/**
 * What classifies and decides, and the digest that its decisions carry. A call has one of them from its first byte to its
 * record, so its rule and the policies that judge it are of one generation.
 */
export interface InForce {
  readonly normalizer: Normalizer;
  /** Absent until a bundle is loaded: every call is BUNDLE_NOT_READY. */
  readonly engine: PolicyEngine | undefined;
  /** Over bundle, registry, mappings and settings: `config` of the decision records. */
  readonly configDigest: string;
}
