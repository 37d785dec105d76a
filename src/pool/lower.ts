import { Piscina } from 'piscina';
import { type Bundle, FirmaError, type PolicySource, type SchemaInputs, StartFailed } from '@firma/core';
import { cedarModule } from '../cedar-module.ts';
import { entryPoint } from '../entry-point.ts';
import type { Lowered, LowerTask } from './lower-messages.ts';

/** A thousand policies take a second where the processor is free. */
const TIMEOUT_MS = 120_000;

/**
 * Makes a bundle in a thread of its own, so that the thread that asks goes on deciding; what cedar-wasm took for it is
 * given back with the thread.
 *
 * Cost: about 50 ms for the thread, then as `loadBundle`.
 *
 * @throws PolicyInvalid as `loadBundle`; StartFailed where the thread ends or takes longer than two minutes
 */
export async function lowerInThread(
  policies: readonly PolicySource[],
  inputs: SchemaInputs,
): Promise<Bundle> {
  const pool = new Piscina({ minThreads: 0, maxThreads: 1, env: {}, recordTiming: false });
  try {
    const task: LowerTask = { cedar: cedarModule(), policies, inputs };
    const options = { filename: entryPoint('pool/lower-worker.js'), name: 'lower' };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const running: Promise<Lowered> = pool.run(task, { ...options, signal });
    const lowered = await running.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : 'unknown error';
      throw new StartFailed(`the thread that loads policies ended: ${why}`);
    });
    if (lowered.ok) return lowered.bundle;
    throw new FirmaError(lowered.code, lowered.message, lowered.at);
  } finally {
    await pool.destroy();
  }
}
