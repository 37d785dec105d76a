import type { Decision } from '@firma/core';
import type { Call } from '../../src/call.ts';
import type { IngressRequest } from '../../src/ingress/port.ts';
import type {
  DecidedCall,
  DecideOptions,
  DecisionService,
  EventProof,
  Readiness,
} from '../../src/ingress/service.ts';

export const EVENT_ID = '0197b6f2-7f6a-7c3e-9d2e-0a1b2c3d4e5f';
export const KEY = 'the-key-of-enforcement-points';

export const PROOF: EventProof = {
  record: '{"kind":"decision"}',
  leafIndex: 3,
  treeSize: 8,
  inclusion: ['AAAA'],
  checkpoint: 'firma\n8\nAAAA\n\n— firma AAAA\n',
};

/** @param changed in place of an ALLOW's members */
export function decisionOf(changed: Partial<Decision> = {}): Decision {
  return {
    outcome: 'ALLOW',
    reason: 'OK',
    stage: 'policy',
    scope: undefined,
    detail: 'allowed',
    remedy: undefined,
    eventId: EVENT_ID,
    target: undefined,
    envelope: undefined,
    capability: undefined,
    policies: ['p1'],
    budgets: [],
    retryAfterS: undefined,
    timings: { normalize: 1, capability: 2, policy: 3, total: 6 },
    reservation: undefined,
    ...changed,
  };
}

/** A decision service that answers as it is told, and keeps what it was asked. */
export class ScriptedService implements DecisionService {
  readonly asked: { readonly call: Call; readonly options: DecideOptions }[] = [];
  readonly settled: string[] = [];
  /** What `decide` answers: by default ALLOW for GET, else DENY; with what was asked for beside it. */
  answer: (call: Call, options: DecideOptions) => DecidedCall | Promise<DecidedCall> = (
    { method },
    options,
  ) => ({
    decision:
      method === 'GET' && options.malformed === undefined
        ? decisionOf()
        : decisionOf({ outcome: 'DENY', reason: 'POLICY_FORBID', detail: 'no', remedy: 'ask' }),
    ...(options.canonicalize ? { canonical: { method, url: 'https://api.github.com/user' } } : {}),
    ...(options.receipt ? { receipt: PROOF } : {}),
  });
  ready: Readiness = {
    bundle: { ready: true },
    revocations: { ready: true },
    audit: { ready: true },
    store: { ready: true },
  };
  proofs: EventProof | 'unknown' | 'unsigned' = PROOF;

  decide(call: Call, options: DecideOptions): DecidedCall | Promise<DecidedCall> {
    this.asked.push({ call, options });
    return this.answer(call, options);
  }

  settle(eventId: string, how: 'commit' | 'rollback'): 'settled' | 'unknown' {
    if (eventId !== EVENT_ID || this.settled.length > 0) return 'unknown';
    this.settled.push(how);
    return 'settled';
  }

  proof(): Promise<EventProof | 'unknown' | 'unsigned'> {
    return Promise.resolve(this.proofs);
  }

  readiness(): Promise<Readiness> {
    return Promise.resolve(this.ready);
  }

  metrics(): Promise<string> {
    return Promise.resolve('firma_decisions_total 1\n');
  }

  isEnforcementPoint(key: string): boolean {
    return key === KEY;
  }
}

/** One request as an adapter hands it over. */
export function requestOf(
  method: string,
  target: string,
  body: Uint8Array | string = '',
  headers: readonly string[] = [],
): IngressRequest {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return { method, target, headers, body: bytes, isTrusted: true, source: 'test' };
}

/** An object as JSON text, posted. */
export function posted(target: string, body: unknown, headers: readonly string[] = []): IngressRequest {
  return requestOf('POST', target, JSON.stringify(body), headers);
}

export const WITH_KEY: readonly string[] = ['authorization', `Bearer ${KEY}`];
