// The shadow worker: one long task of a pool thread. Nothing here waits at top level, see `startLongTask`.

import { ENGINE_ERROR, FirmaError, type PolicyVerdict, ReferenceEngine, startCedar } from '@firma/core';
import { Batcher } from './batcher.ts';
import type { Batch, StopMessage, TaskResult, TaskStart } from './messages.ts';
import { sameVerdict } from './same-verdict.ts';
import type { Finding, Sample, ShadowReady, ShadowTask } from './shadow-messages.ts';

const AGREED: Finding = { kind: 'agreed' };
const UNANSWERED: Finding = { kind: 'unanswered' };

/** So many samples in a row that the engine fails on, and it is taken to fail on everything. */
const MAX_FAILURES = 8;
const FAILED: TaskResult = {
  ok: false,
  code: 'START_FAILED',
  message: 'cedar fails on everything it is asked; another thread starts in its place',
};

function isEngineError({ errored }: PolicyVerdict): boolean {
  return errored.includes(ENGINE_ERROR);
}

/** Asks the reference engine what the call should have got, and once more where that is something else. */
function lookAgain(reference: ReferenceEngine, { query, verdict }: Sample): Finding {
  const first = reference.evaluate(query);
  if (isEngineError(first)) return UNANSWERED;
  if (sameVerdict(verdict, first)) return AGREED;
  const second = reference.evaluate(query);
  return sameVerdict(first, second) ? { kind: 'differs', reference: first } : UNANSWERED;
}

/** Looks at samples until it is told to stop, the thread that decides is gone, or cedar fails. */
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
  let failures = 0;
  const ended = new Promise<TaskResult>((resolve) => {
    const lookAtAll = ({ ids, items }: Batch<Sample>): void => {
      for (const [index, id] of ids.entries()) {
        const sample = items[index];
        if (sample === undefined) continue;
        const finding = lookAgain(reference, sample);
        batcher.send(id, finding);
        if (finding.kind !== 'unanswered') failures = 0;
        // What got an engine's error as its answer is nothing that cedar is asked.
        else if (!isEngineError(sample.verdict)) failures += 1;
      }
      if (failures >= MAX_FAILURES) resolve(FAILED);
    };
    port.on('message', (message: Batch<Sample> | StopMessage) => {
      if (message.type === 'stop') resolve({ ok: true });
      else lookAtAll(message);
    });
    port.on('close', () => resolve({ ok: true }));
  });
  const ready: ShadowReady = { type: 'ready' };
  port.postMessage(ready);
  const result = await ended;
  // A WebAssembly that fails is not asked to forget.
  if (result.ok) reference.close();
  port.close();
  return result;
}
