import { type Bundle, CompiledEngine, linkBundle, type PolicyEngine, ReferenceEngine } from '@firma/core';

export interface OpenEngine {
  readonly engine: PolicyEngine;
  readonly close: () => void;
}

/** The engine that cases are tested with, which is the one that decides. Cedar is started already. */
export function openEngine(bundle: Bundle): OpenEngine {
  const reference = new ReferenceEngine(bundle);
  return { engine: new CompiledEngine(reference, linkBundle(bundle)), close: () => reference.close() };
}
