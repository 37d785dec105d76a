import type { PolicyEngine } from '../policy/port.ts';

/** What decides, and the digest that its decisions carry. A call has one of them from its beginning to its record. */
export interface InForce {
  /** Absent until a bundle is loaded: every call is BUNDLE_NOT_READY. */
  readonly engine: PolicyEngine | undefined;
  /** Over bundle, registry, mappings and settings: `config` of the decision records. */
  readonly configDigest: string;
}
