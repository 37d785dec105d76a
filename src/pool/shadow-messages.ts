import type { Bundle, CedarModule, PolicyQuery, PolicyVerdict } from '@firma/core';

/** What the shadow worker is started with. */
export interface ShadowTask {
  readonly cedar: CedarModule;
  /** The bundle in force; the worker has a clone of it. */
  readonly bundle: Bundle;
}

/** From the worker, once: the bundle is loaded. */
export interface ShadowReady {
  readonly type: 'ready';
}

/** A decision to look at again: what was asked, as it was then, and what was answered. */
export interface Sample {
  readonly query: PolicyQuery;
  readonly verdict: PolicyVerdict;
}

/** What came of a sample. `unanswered`: the reference engine gave no answer, or not the same one twice. */
export type Finding =
  | { readonly kind: 'agreed' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'differs'; readonly reference: PolicyVerdict };
