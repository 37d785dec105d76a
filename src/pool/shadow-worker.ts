// The shadow worker: one long task of a pool thread. Nothing here waits at top level, see `startLongTask`.

import { ENGINE_ERROR, FirmaError, type PolicyEngine, ReferenceEngine, startCedar } from '@firma/core';
import { Batcher } from './batcher.ts';
import type { Batch, StopMessage, TaskResult, TaskStart } from './messages.ts';
import { sameVerdict } from './same-verdict.ts';
import type { Finding, Sample, ShadowReady, ShadowTask } from './shadow-messages.ts';

const AGREED: Finding = { kind: 'agreed' };
const UNANSWERED: Finding = { kind: 'unanswered' };

/** Asks the reference engine what the call should have got, and once more where that is something else. */
async function lookAgain(reference: PolicyEngine, { query, verdict }: Sample): Promise<Finding> {
  try {
    const first = await reference.evaluate(query);
    if (first.errored.includes(ENGINE_ERROR)) return UNANSWERED;
    if (sameVerdict(verdict, first)) return AGREED;
    const second = await reference.evaluate(query);
    return sameVerdict(first, second) ? { kind: 'differs', reference: first } : UNANSWERED;
  } catch {
    return UNANSWERED;
  }
}

/** Looks at samples until it is told to stop, or the thread that decides is gone. */
export async function shadow({ port, data }: TaskStart<ShadowTask>): Promise<TaskResult> {
  let reference: ReferenceEngine;
  try {
    startCedar(data.cedar);
    reference = new ReferenceEngine(data.bundle);
  } catch (error) {
    port.close();
    const code = error instanceof FirmaError ? error.code : 'START_FAILED';
    return { ok: false, code, message: error instanceof Error ? error.message : 'unknown error' };
  }
  const batcher = new Batcher<Finding>(port);
  const lookAtAll = async ({ ids, items }: Batch<Sample>): Promise<void> => {
    for (const [index, id] of ids.entries()) {
      const sample = items[index];
      if (sample !== undefined) batcher.send(id, await lookAgain(reference, sample));
    }
  };
  const stopped = new Promise<void>((resolve) => {
    port.on('message', (message: Batch<Sample> | StopMessage) => {
      if (message.type === 'stop') resolve();
      else void lookAtAll(message);
    });
    port.on('close', () => resolve());
  });
  const ready: ShadowReady = { type: 'ready' };
  port.postMessage(ready);
  await stopped;
  reference.close();
  port.close();
  return { ok: true };
}
