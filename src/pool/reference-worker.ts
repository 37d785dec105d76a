// The reference worker: one long task of a pool thread. Nothing here waits at top level, see `startLongTask`.

import { ENGINE_ERROR, FirmaError, type PolicyVerdict, ReferenceEngine, startCedar } from '@firma/core';
import type { MessagePort } from 'node:worker_threads';
import { Batcher } from './batcher.ts';
import { bundleSteps } from './lowered-core.ts';
import { atOnce } from './lowered-slices.ts';
import type { Batch, TaskResult, TaskStart } from './messages.ts';
import type { Answered, Asked, Finding, FromHub, Pong, ReferenceTask, Sample } from './reference-messages.ts';
import { sameVerdict } from './same-verdict.ts';

const AGREED: Finding = { kind: 'agreed' };
const UNANSWERED: Finding = { kind: 'unanswered' };
const PONG: Pong = { type: 'pong' };

/** A call waits no longer than for so many samples. */
const SAMPLES_A_TURN = 8;
/** So many in a row that the engine fails on, and it is taken to fail on everything. */
const MAX_FAILURES = 8;
const FAILED: TaskResult = {
  ok: false,
  code: 'START_FAILED',
  message: 'cedar fails on everything it is asked; another thread starts in its place',
};

interface WaitingSample {
  readonly id: number;
  readonly sample: Sample;
  readonly answers: Batcher<Answered>;
}

function isEngineError({ errored }: PolicyVerdict): boolean {
  return errored.includes(ENGINE_ERROR);
}

/** Whether some text is none that Cedar takes: JSON shows it by an escape. */
function isForeign({ query }: Asked): boolean {
  return /\\ud[89a-f]/.test(JSON.stringify(query));
}

/** The reference engine of this thread, and what waits for it. */
class Answering {
  readonly #reference: ReferenceEngine;
  readonly #onFailed: () => void;
  #samples: WaitingSample[] = [];
  #failures = 0;

  /** @param onFailed told when the engine fails on everything */
  constructor(reference: ReferenceEngine, onFailed: () => void) {
    this.#reference = reference;
    this.#onFailed = onFailed;
  }

  /** Answers a deciding thread from now on. */
  serve(port: MessagePort): void {
    const answers = new Batcher<Answered>(port);
    port.on('message', ({ ids, items }: Batch<Asked>) => {
      for (const [index, id] of ids.entries()) {
        const asked = items[index];
        if (asked === undefined) continue;
        const { query, verdict } = asked;
        if (verdict === undefined) answers.send(id, { kind: 'verdict', verdict: this.#evaluate(asked) });
        else this.#later({ id, sample: { query, verdict }, answers });
      }
    });
  }

  #later(waiting: WaitingSample): void {
    this.#samples.push(waiting);
    if (this.#samples.length === 1) setImmediate(() => this.#lookAtSome());
  }

  #lookAtSome(): void {
    for (const { id, sample, answers } of this.#samples.slice(0, SAMPLES_A_TURN)) {
      answers.send(id, this.#lookAgain(sample));
    }
    this.#samples = this.#samples.slice(SAMPLES_A_TURN);
    if (this.#samples.length > 0) setImmediate(() => this.#lookAtSome());
  }

  /** Asks the reference engine what the call should have got, and once more where that is something else. */
  #lookAgain(sample: Sample): Finding {
    const first = this.#evaluate(sample);
    if (isEngineError(first)) return UNANSWERED;
    if (sameVerdict(sample.verdict, first)) return AGREED;
    const second = this.#evaluate(sample);
    return sameVerdict(first, second) ? { kind: 'differs', reference: first } : UNANSWERED;
  }

  #evaluate(asked: Asked): PolicyVerdict {
    const verdict = this.#reference.evaluate(asked.query);
    if (!isEngineError(verdict)) this.#failures = 0;
    else if (!isForeign(asked)) this.#failures += 1;
    if (this.#failures >= MAX_FAILURES) this.#onFailed();
    return verdict;
  }
}

/** Answers what it is asked until it is told to stop, the main thread is gone, or cedar fails. */
export async function reference({ port: hub, data }: TaskStart<ReferenceTask>): Promise<TaskResult> {
  let engine: ReferenceEngine;
  try {
    startCedar(data.cedar);
    engine = new ReferenceEngine(atOnce(bundleSteps(data.bundle)));
  } catch (error) {
    hub.close();
    const code = error instanceof FirmaError ? error.code : 'START_FAILED';
    return { ok: false, code, message: error instanceof Error ? error.message : 'unknown error' };
  }
  const ended = new Promise<TaskResult>((resolve) => {
    const answering = new Answering(engine, () => resolve(FAILED));
    hub.on('message', (message: FromHub) => {
      if (message.type === 'connect') answering.serve(message.port);
      else if (message.type === 'ping') hub.postMessage(PONG, []);
      else resolve({ ok: true });
    });
    hub.on('close', () => resolve({ ok: true }));
  });
  hub.postMessage(PONG, []);
  const result = await ended;
  // A WebAssembly that fails is not asked to forget.
  if (result.ok) engine.close();
  hub.close();
  return result;
}
