import { CompiledEngine, type LinkedBundle, type PolicyEngine } from '@firma/core';
import { ReferenceClient } from './reference-client.ts';
import type { ReferenceAccess } from './reference-messages.ts';
import { ShadowedEngine } from './shadow.ts';

export type { PolicyStats } from './reference-hub.ts';

/**
 * What decides in one thread: the compiled engine, with the reference engine of another thread behind it and, for a share of
 * decisions, beside it.
 */
export interface OpenEngine {
  readonly engine: PolicyEngine;
  /** Waits a few seconds at most for what the reference engine is asked; whatever it is asked later is denied. */
  close(): Promise<void>;
}

/**
 * Opens the engines of one bundle in this thread; another bundle gets its own.
 *
 * @param access from `ReferenceHub.connect`, for this thread alone
 * @param share of decisions that the reference engine takes again: 0 to 1
 */
export function openEngine(bundle: LinkedBundle, access: ReferenceAccess, share: number): OpenEngine {
  const reference = new ReferenceClient(access, { onDistrust: (index) => shadowed.distrust(index) });
  const compiled = new CompiledEngine(reference, bundle);
  const shadowed = new ShadowedEngine(compiled, { reference, share, random: Math.random });
  for (const index of access.distrusted) shadowed.distrust(index);
  return {
    engine: share === 0 ? compiled : shadowed,
    close: () => reference.close(),
  };
}
