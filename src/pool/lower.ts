import { Piscina } from 'piscina';
import { FirmaError, StartFailed } from '@firma/core';
import { cedarModule } from '../cedar-module.ts';
import { entryPoint } from '../entry-point.ts';
import type { CoreSources } from './lower-core.ts';
import type { Lowered, LowerTask } from './lower-messages.ts';
import type { SharedCore } from './lowered-core.ts';

/** A thousand policies take a second where the processor is free. */
const TIMEOUT_MS = 120_000;

/**
 * `lowerCore` in a thread of its own, so that the thread that asks goes on deciding; what cedar-wasm took for it is given
 * back with the thread.
 *
 * Cost: about half a second for the thread and its Cedar, then as `lowerCore`.
 *
 * @throws MappingInvalid or PolicyInvalid as `lowerCore`; StartFailed where the thread ends or takes longer than two minutes
 */
export async function lowerCoreInThread(sources: CoreSources): Promise<SharedCore> {
  const pool = new Piscina({ minThreads: 0, maxThreads: 1, env: {}, recordTiming: false });
  try {
    const task: LowerTask = { cedar: cedarModule(), sources };
    const options = { filename: entryPoint('pool/lower-worker.js'), name: 'lower' };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const running: Promise<Lowered> = pool.run(task, { ...options, signal });
    const lowered = await running.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : 'unknown error';
      throw new StartFailed(`the thread that loads tables and policies ended: ${why}`);
    });
    if (lowered.ok) return lowered.core;
    throw new FirmaError(lowered.code, lowered.message, lowered.at);
  } finally {
    await pool.destroy();
  }
}
