import { StateUnusable } from '@firma/core';
import { entryPoint } from '../entry-point.ts';
import { startLongTask } from '../pool/long-task.ts';
import type { LongTask } from '../pool/long-task.ts';
import { Questions } from '../pool/questions.ts';
import type { AnswerTo } from '../pool/questions.ts';
import type { EventProof, ProofAnswer, ProofTask } from './event-proof.ts';
import { uuidTimeMs } from './find-event.ts';
import type { LogProgress } from './log-progress.ts';

/** More than these at a time are refused. */
const MAX_WAITING = 1_024;
const LOST: ProofAnswer = { kind: 'failed', detail: 'the thread that makes proofs ended' };

interface Running {
  readonly task: LongTask;
  readonly questions: Questions<string, ProofAnswer>;
}

/** Has proofs made in a thread of its own, which begins with the first question. */
export class EventProofs {
  readonly #data: ProofTask;
  readonly #progress: LogProgress;
  #running: Running | undefined;
  #isClosed = false;

  constructor(data: ProofTask, progress: LogProgress) {
    this.#data = data;
    this.#progress = progress;
  }

  /** @throws StateUnusable where the log cannot be read, too many wait, or it is closed */
  async ask(eventId: string): Promise<Exclude<ProofAnswer, { kind: 'failed' }>> {
    if (uuidTimeMs(eventId) === undefined) return { kind: 'unknown' };
    if (this.#isClosed) throw new StateUnusable('the audit log is closed; no proof can be given');
    const { questions } = (this.#running ??= this.#start());
    if (questions.waiting >= MAX_WAITING)
      throw new StateUnusable('too many proofs are asked for; ask again later');
    const answer = await questions.ask(eventId);
    if (answer.kind === 'failed') throw new StateUnusable(`no proof can be given: ${answer.detail}`);
    return answer;
  }

  /**
   * The proof of a record that has been appended, once a checkpoint covers it.
   *
   * @param appended records of the sidecar's so far: before they are written, it would be unknown
   * @throws as `ask`
   */
  async whenSigned(
    eventId: string,
    appended: number,
    timeoutMs: number,
  ): Promise<EventProof | 'unknown' | 'unsigned'> {
    const giveUpAt = performance.now() + timeoutMs;
    const progress = this.#progress;
    await progress.until(() => progress.written >= appended, timeoutMs);
    for (;;) {
      const answer = await this.ask(eventId);
      if (answer.kind === 'proof') return answer.proof;
      if (answer.kind === 'unknown') return 'unknown';
      const { seq } = answer;
      if (!(await progress.until(() => progress.signed > seq, giveUpAt - performance.now())))
        return 'unsigned';
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#running;
    running?.questions.gone();
    await running?.task.stop();
  }

  #start(): Running {
    const task = startLongTask(entryPoint('audit/proof-worker.js'), 'proveEvents', this.#data);
    const questions = new Questions<string, ProofAnswer>((asked) => task.port.postMessage(asked, []), LOST);
    task.port.on('message', (answer: AnswerTo<ProofAnswer>) => questions.answered(answer));
    const running = { task, questions };
    void task.ended.then(() => this.#ended(running));
    return running;
  }

  /** The next question begins another thread. */
  async #ended(running: Running): Promise<void> {
    running.questions.gone();
    if (this.#isClosed || this.#running !== running) return;
    this.#running = undefined;
    await running.task.stop();
  }
}
