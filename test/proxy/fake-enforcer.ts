import {
  ACTION_CLASSES,
  type BodyNeed,
  type Caller,
  type Decision,
  type DispatchFacts,
  type Envelope,
  type InForce,
  loadMappings,
  Normalizer,
  type RawRequest,
} from '@firma/core';
import type { Injection } from '../../src/broker/broker.ts';
import type { Enforcer, Prepared } from '../../src/firma.ts';
import { type Cut, OpenTransports } from '../../src/session/transports.ts';

export interface Decided {
  readonly raw: RawRequest;
  readonly body: Uint8Array | undefined;
  readonly caller: Caller;
}

/** What the fake answers with; everything absent is an ALLOW's without a budget. */
export type Verdict = Partial<
  Pick<Decision, 'budgets' | 'detail' | 'outcome' | 'reason' | 'remedy' | 'retryAfterS' | 'scope'>
>;

const IN_FORCE: InForce = {
  normalizer: new Normalizer(loadMappings([])),
  engine: undefined,
  configDigest: '',
};

/** Decides as it is told, and remembers what it was asked and told. */
export class FakeEnforcer implements Enforcer {
  readonly idempotencyHeaders: readonly string[] = [];
  readonly readHeaders: ReadonlySet<string> = new Set([
    'content-type',
    'x-fact',
    'authorization',
    'idempotency-key',
  ]);
  readonly credentialHeaders: readonly string[] = ['x-service-key'];
  readonly transports = new OpenTransports();
  /** Transports that were attached and not detached yet. */
  readonly attached = new Set<unknown>();
  maxBodyBytes = 1024;
  bodyNeed: BodyNeed = 'none';
  headEnd: (bytes: Buffer) => boolean = () => true;
  verdict: (asked: Decided) => Verdict | Promise<Verdict> = () => ({});
  credential: () => Promise<Injection | undefined> = () => Promise.resolve(undefined);
  recording: (() => Promise<void>) | undefined;

  readonly decided: Decided[] = [];
  readonly refusals: string[] = [];
  /** Answers for body bytes. */
  room: (bytes: number) => boolean | Promise<boolean> = () => true;

  readonly committed: string[] = [];
  /** What `takeBytes` was asked for, in order. */
  readonly taken: number[] = [];
  readonly finished: { readonly eventId: string; readonly facts: DispatchFacts }[] = [];
  unauthenticatedCount = 0;
  /** Called after each `finish`, `refuse`, `decide` and `takeBytes`. */
  #watchers: (() => void)[] = [];
  #events = 0;

  prepare(raw: RawRequest): Prepared {
    const matched = { refused: 'UNCLASSIFIED_ACTION', detail: '', target: undefined } as const;
    return { raw, inForce: IN_FORCE, matched, bodyNeed: this.bodyNeed, startedAt: 0, matchedAt: 0 };
  }

  headEnds(_prepared: Prepared, bytes: Uint8Array): boolean {
    return this.headEnd(Buffer.from(bytes));
  }

  decidePrepared(
    prepared: Prepared,
    body: Uint8Array | undefined,
    caller: Caller,
  ): Decision | Promise<Decision> {
    const asked = { raw: prepared.raw, body, caller };
    this.decided.push(asked);
    this.#changed();
    const verdict = this.verdict(asked);
    if (verdict instanceof Promise) return verdict.then((late) => this.#decision(asked.raw, late));
    return this.#decision(asked.raw, verdict);
  }

  refuse(detail: string): Promise<Decision> {
    this.refusals.push(detail);
    this.#changed();
    const verdict: Verdict = { outcome: 'DENY', reason: 'MALFORMED_REQUEST', detail };
    return Promise.resolve(this.#decision(undefined, verdict));
  }

  recorded(): Promise<void> | undefined {
    return this.recording?.();
  }

  takeBytes(decision: Decision, bytes: number): boolean | Promise<boolean> {
    const { eventId } = decision;
    if (this.finished.some((call) => call.eventId === eventId)) throw new Error('the call is over');
    this.taken.push(bytes);
    this.#changed();
    return this.room(bytes);
  }

  commit(decision: Decision): void {
    this.committed.push(decision.eventId ?? '');
  }

  finish(decision: Decision, facts: DispatchFacts): void {
    this.finished.push({ eventId: decision.eventId ?? '', facts });
    this.#changed();
  }

  credentialFor(): Promise<Injection | undefined> {
    return this.credential();
  }

  unauthenticated(): void {
    this.unauthenticatedCount += 1;
    this.#changed();
  }

  attach(sessionKey: string, cut: Cut): () => void {
    const detach = this.transports.attach(sessionKey, cut);
    this.attached.add(detach);
    return () => {
      this.attached.delete(detach);
      detach();
    };
  }

  /** Resolves as soon as the condition holds; it is looked at whenever something was recorded. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.push(() => {
        if (holds()) resolve();
      });
    });
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #decision(raw: RawRequest | undefined, verdict: Verdict): Decision {
    this.#events += 1;
    const outcome = verdict.outcome ?? 'ALLOW';
    const classified = raw === undefined ? undefined : envelopeOf(raw);
    return {
      outcome,
      reason: verdict.reason ?? 'OK',
      stage: 'policy',
      scope: verdict.scope,
      detail: verdict.detail ?? 'as the test says',
      remedy: verdict.remedy,
      eventId: `event-${this.#events}`,
      target: classified?.target,
      envelope: verdict.reason === 'PASS_THROUGH' ? undefined : classified,
      capability: undefined,
      policies: ['a-policy'],
      budgets: verdict.budgets ?? [],
      retryAfterS: verdict.retryAfterS,
      timings: { normalize: 0, capability: 0, policy: 0, total: 0 },
      reservation: outcome === 'ALLOW' ? this.#events : undefined,
    };
  }
}

/** Canonical enough for a test: the URL class reads the target. */
function envelopeOf(raw: RawRequest): Envelope {
  const [actionClass] = ACTION_CLASSES;
  if (actionClass === undefined) throw new Error('no action classes');
  const url = new URL(`${raw.scheme}://${raw.hostPort}${raw.target}`);
  const port = Number(url.port || (raw.scheme === 'http' ? 80 : 443));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const path = url.pathname;
  const resource = {
    host,
    port,
    path,
    scheme: raw.scheme,
    provider: '',
    method: raw.method,
    uid: `${host}${path}`,
    hostGroups: [],
    foldMask: 0,
  };
  return {
    target: { scheme: raw.scheme, host, port, path, matchPath: path, query: url.search },
    method: raw.method,
    transport: raw.transport,
    readings: [{ actionClass, resource, params: {}, rule: 'test.toml:1' }],
    bodyBytes: raw.bodyLength ?? 0,
  };
}
