import { type Decider, type Decision, StartFailed } from '@firma/core';
import { Bench } from 'tinybench';
import type { CallRequest } from '../../call.ts';
import { CALL_STAGES, type CallStage, eachOf } from './figures.ts';
import type { Schedule } from './schedule.ts';
import type { Side } from './side.ts';

/** Microseconds of every timed call, lap after lap, in the order of the schedule. */
export type Samples = Readonly<Record<CallStage, Float64Array>>;

/** No call may be answered so here: nothing would be measured. */
const BROKEN: ReadonlySet<string> = new Set(['AUDIT_UNAVAILABLE', 'INTERNAL', 'OVERLOADED', 'TOKEN_INVALID']);
const NOTHING_PASSED = { bytesSent: 0, bytesReceived: 0, latencyUs: 0 };

function answerOf({ outcome, reason }: Decision): string {
  return reason === 'OK' ? outcome : `${outcome} ${reason}`;
}

/**
 * Decides the calls of a schedule with one configuration, lap after lap. Each lap begins without a session, so a call is
 * answered in every lap as it was in the first, which is held against what comes.
 */
export class Lane {
  readonly side: Side;
  /** By position: how the call is answered. */
  readonly answers: string[] = [];
  readonly #schedule: Schedule;
  readonly #tokens: readonly string[];
  readonly #requests: readonly CallRequest[];
  /** By session: how its first call is answered, which opens the session and is not timed. */
  readonly #firstAnswers = new Map<number, string>();
  #decider: Decider | undefined;

  constructor(side: Side, schedule: Schedule, tokens: readonly string[]) {
    this.side = side;
    this.#schedule = schedule;
    this.#tokens = tokens;
    this.#requests = schedule.calls.map(({ call }) => side.requestOf(call));
  }

  /**
   * Makes the first lap: notes every answer, and holds those of the policies against the reference engine.
   *
   * @returns how many queries the two engines answer differently
   * @throws StartFailed where a call is not decided at all
   */
  async learn(nowMs: number): Promise<number> {
    const { probe, verifier } = this.side;
    for (const token of this.#tokens) await verifier.verify(token, nowMs / 1000);
    const positions = this.#schedule.order.length;
    await this.#begin(positions);
    const seen = new Set<number>();
    for (let position = 0; position < positions; position++) {
      const call = this.#schedule.order[position] ?? 0;
      probe.comparing = !seen.has(call);
      seen.add(call);
      this.answers.push(this.#decide(position));
    }
    probe.comparing = false;
    return probe.differences;
  }

  /**
   * Makes laps for some time, so that the code gets as fast as it becomes.
   *
   * @returns milliseconds that a call takes here with all that is around it, in the fastest lap
   */
  async warmUp(ms: number, positions: number): Promise<number> {
    const samples = newSamples(positions);
    let fastestMs = Infinity;
    let startedAt = performance.now();
    const until = startedAt + ms;
    do {
      await this.#lap(samples, 0, positions);
      const endedAt = performance.now();
      fastestMs = Math.min(fastestMs, endedAt - startedAt);
      startedAt = endedAt;
    } while (startedAt < until);
    return fastestMs / positions;
  }

  /** Times some laps, each of the first `positions` of the schedule. */
  async round(laps: number, positions: number): Promise<Samples> {
    const samples = newSamples(laps * positions);
    for (let lap = 0; lap < laps; lap++) await this.#lap(samples, lap * positions, positions);
    return samples;
  }

  async #lap(samples: Samples, offset: number, positions: number): Promise<void> {
    await this.#begin(positions);
    const { probe } = this.side;
    const bench = new Bench({ iterations: positions, time: 0, warmup: false, throws: true });
    let position = 0;
    bench.add('lap', () => ({ overriddenDuration: this.#timed(position++, samples, offset) }), {
      async: false,
    });
    probe.timing = true;
    try {
      await bench.run();
    } finally {
      probe.timing = false;
    }
  }

  /** A new decider, and each session that will call opened by one call. */
  async #begin(positions: number): Promise<void> {
    this.#decider = await this.side.newDecider();
    const opened = new Set<number>();
    for (let position = 0; position < positions; position++) {
      const session = this.#schedule.sessions[position] ?? 0;
      if (opened.has(session)) continue;
      opened.add(session);
      const answer = this.#decide(position);
      const before = this.#firstAnswers.get(session);
      if (before === undefined) this.#firstAnswers.set(session, answer);
      else this.#expect(position, before, answer);
    }
  }

  #decide(position: number): string {
    const { decider, request, token } = this.#callAt(position);
    const prepared = decider.prepare(request.raw);
    return this.#settle(position, decider.decide(prepared, request.body, { token }));
  }

  /** @returns milliseconds, as tinybench wants them */
  #timed(position: number, samples: Samples, offset: number): number {
    const { probe } = this.side;
    const { decider, request, token } = this.#callAt(position);
    const caller = { token };
    probe.begin();
    const startedAt = performance.now();
    const prepared = decider.prepare(request.raw);
    const preparedAt = performance.now();
    const decision = decider.decide(prepared, request.body, caller);
    const endedAt = performance.now();
    this.#expect(position, this.answers[position] ?? '', this.#settle(position, decision));
    // What a call did not get to took no time; the stage that answered ends where the record begins.
    const readAt = probe.readAt || preparedAt;
    const classifiedAt = probe.classifiedAt || readAt;
    const grantedAt = probe.grantedAt || classifiedAt;
    const answeredAt = probe.answeredAt || grantedAt;
    const at = offset + position;
    samples.normalize[at] = (preparedAt - startedAt + classifiedAt - readAt) * 1000;
    samples.capability[at] = (readAt - preparedAt + grantedAt - classifiedAt) * 1000;
    samples.policy[at] = (answeredAt - grantedAt) * 1000;
    samples.record[at] = (endedAt - answeredAt) * 1000;
    samples.total[at] = (endedAt - startedAt) * 1000;
    return endedAt - startedAt;
  }

  #callAt(position: number): { decider: Decider; request: CallRequest; token: string } {
    const request = this.#requests[this.#schedule.order[position] ?? -1];
    const token = this.#tokens[this.#schedule.sessions[position] ?? -1];
    if (this.#decider === undefined || request === undefined || token === undefined) {
      throw new StartFailed('the schedule of the bench names a call that is not there');
    }
    return { decider: this.#decider, request, token };
  }

  /** Ends a call as one that did not leave, so that no budget fills up. */
  #settle(position: number, decision: Decision | Promise<Decision>): string {
    if (decision instanceof Promise) {
      throw new StartFailed(
        `the call of ${this.#where(position)} was not decided at once, though its token is known`,
      );
    }
    if (BROKEN.has(decision.reason)) {
      throw new StartFailed(`the call of ${this.#where(position)} was answered \`${decision.reason}\``);
    }
    if (decision.outcome === 'ALLOW') this.#decider?.finish(decision, NOTHING_PASSED);
    return answerOf(decision);
  }

  #expect(position: number, before: string, now: string): void {
    if (before === now) return;
    throw new StartFailed(
      `the call of ${this.#where(position)} was answered \`${now}\`, and before, in the same state, \`${before}\``,
    );
  }

  #where(position: number): string {
    return this.#schedule.calls[this.#schedule.order[position] ?? -1]?.where ?? 'the bench';
  }
}

function newSamples(length: number): Samples {
  return eachOf(CALL_STAGES, () => new Float64Array(length));
}
