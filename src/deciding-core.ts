import { randomBytes } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import {
  compileBudgets,
  compileScope,
  Decider,
  RevocationSet,
  SessionTable,
  TokenVerifier,
} from '@firma/core';
import { AuditQueue } from './audit/queue.ts';
import { CoreGenerations } from './core-generations.ts';
import { openCore } from './core-in-force.ts';
import { DecisionPoint } from './decision-point.ts';
import type { CoreSeed, FromHome, HomeAnswer, HomeQuestion, ToHome } from './deciding-messages.ts';
import { ThreadStats } from './metrics/thread-stats.ts';
import { Questions } from './pool/questions.ts';
import { sha256Hex } from './sha256.ts';
import { idempotencyHeadersOf } from './open-sessions.ts';
import { steadyClock } from './steady-clock.ts';
import { systemClock } from './wall-clock.ts';

/** A complete core in a thread of its own: tables, policies, tokens; sessions and the log are shared with all others. */
export interface DecidingCore {
  readonly point: DecisionPoint;
  readonly stats: ThreadStats;
  ask(question: HomeQuestion): Promise<HomeAnswer>;
  close(): Promise<void>;
}

/** First tokens at once. All callers of one listener are one source here, so a share of it would protect nobody. */
const MAX_VERIFIED = 64;
const STATS_INTERVAL_MS = 1_000;
const LOST: HomeAnswer = { kind: 'lost' };

/**
 * Opens a core that decides in this thread.
 *
 * @param port to the main thread; messages that are none of `FromHome` are left to others
 */
export async function openDecidingCore(seed: CoreSeed, port: MessagePort): Promise<DecidingCore> {
  const post = (message: ToHome): void => port.postMessage(message);
  const questions = new Questions<HomeQuestion, HomeAnswer>(post, LOST);
  const generations = new CoreGenerations((generation) => post({ type: 'linked', generation }));
  // Nothing is held before there is a point.
  let settle: DecisionPoint['settle'] = () => false;
  const queue = new AuditQueue(seed.audit, () => post({ type: 'audit' }));
  // Before anything is waited for: what comes meanwhile must not be lost.
  port.on('message', (message: FromHome) => {
    switch (message.type) {
      case 'answer':
        questions.answered(message);
        return;
      case 'acknowledged':
        queue.acknowledged();
        return;
      case 'core':
        generations.link(message.generation, message.core);
        return;
      case 'activate':
        void generations.activate(message.generation);
        return;
      case 'question': {
        const { eventId, how } = message.question;
        post({ type: 'answer', id: message.id, answer: settle(eventId, how) });
        return;
      }
      default:
      // Another one's.
    }
  });
  port.on('close', () => questions.gone());
  const budgets = compileBudgets(seed.budgets);
  const sessions = SessionTable.attach({
    shared: seed.sessions,
    thread: seed.thread,
    sha256Hex,
    steadyMs: steadyClock(seed.bootMs),
    async ask(request) {
      const answer = await questions.ask({ kind: 'session', request });
      return answer.kind === 'session' ? answer.answer : { ok: false, message: 'the sidecar is closing' };
    },
  });
  const verifier = await TokenVerifier.create({
    issuer: seed.issuer,
    audience: seed.audience,
    skewS: seed.skewS,
    maxTtlS: seed.maxTtlS,
    keys: seed.keys,
    sha256Hex,
    compileScope,
    maxInFlightPerSource: MAX_VERIFIED,
    maxInFlight: MAX_VERIFIED,
  });
  const revocations = new RevocationSet();
  revocations.replace(seed.revocations, Date.now() / 1000);
  const opened = await openCore(seed.core);
  const idempotencyHeaders = idempotencyHeadersOf(budgets);
  const decider = new Decider({
    defaultProtected: seed.defaultProtected,
    verifier,
    revocations,
    skewS: seed.skewS,
    sessions,
    idempotencyHeaders,
    audit: queue,
    wallClock: systemClock(),
    randomBytes,
    sha256Hex,
    origin: { sidecarId: seed.sidecarId },
    inForce: opened.inForce,
    onSessionEnd: (sessionKey, reason) => post({ type: 'session-ended', sessionKey, reason }),
  });
  const stats = new ThreadStats(seed.stats, seed.thread);
  const point = new DecisionPoint({ decider, log: queue, stats, idempotencyHeaders });
  generations.begin(opened, (inForce) => decider.replace(inForce));
  settle = (eventId, how) => point.settle(eventId, how);

  const publish = setInterval(() => {
    const { hits, misses, refusals } = verifier.stats;
    stats.reached('token_cache_hits', hits);
    stats.reached('token_cache_misses', misses);
    stats.reached('token_refusals', refusals);
    decider.recorder.summarize();
  }, STATS_INTERVAL_MS);
  publish.unref();

  return {
    point,
    stats,
    ask: (question) => questions.ask(question),
    async close() {
      clearInterval(publish);
      point.close();
      decider.recorder.summarize();
      queue.close();
      await generations.close();
      questions.gone();
    },
  };
}
