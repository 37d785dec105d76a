import type { Decision } from '@firma/core';
import type { Call } from '../call.ts';
import type { DecidingCore } from '../deciding-core.ts';
import { isKeyOf } from '../enforcement-key.ts';
import type {
  DecidedCall,
  DecideOptions,
  DecisionService,
  EventProof,
  Readiness,
  ReadinessOfPart,
} from './service.ts';

const UNKNOWN: ReadinessOfPart = { ready: false, detail: 'the sidecar does not answer' };
const NOTHING_KNOWN: Readiness = { bundle: UNKNOWN, revocations: UNKNOWN, audit: UNKNOWN, store: UNKNOWN };

/** The decision service over the core of this thread; what only the main thread knows is asked of it. */
export class LocalService implements DecisionService {
  readonly #core: DecidingCore;
  readonly #keyDigest: string;
  #page: Promise<string> | undefined;
  #ready: Promise<Readiness> | undefined;

  /** @param keyDigest of the key that enforcement points show */
  constructor(core: DecidingCore, keyDigest: string) {
    this.#core = core;
    this.#keyDigest = keyDigest;
  }

  decide(call: Call, options: DecideOptions): DecidedCall | Promise<DecidedCall> {
    return options.receipt ? this.#withReceipt(call, options) : this.#core.point.decide(call, options);
  }

  async settle(eventId: string, how: 'commit' | 'rollback'): Promise<'settled' | 'unknown'> {
    if (this.#core.point.settle(eventId, how)) return 'settled';
    const answer = await this.#core.ask({ kind: 'settle', eventId, how });
    return answer.kind === 'settle' && answer.settled ? 'settled' : 'unknown';
  }

  async proof(eventId: string): Promise<EventProof | 'unknown' | 'unsigned'> {
    const answer = await this.#core.ask({ kind: 'proof', eventId });
    return answer.kind === 'proof' ? answer.proof : 'unsigned';
  }

  /** One question at a time. */
  readiness(): Promise<Readiness> {
    this.#ready ??= this.#readiness().finally(() => {
      this.#ready = undefined;
    });
    return this.#ready;
  }

  /** One question at a time, whoever asks: the main thread has other things to do. */
  metrics(): Promise<string> {
    this.#page ??= this.#metrics().finally(() => {
      this.#page = undefined;
    });
    return this.#page;
  }

  isEnforcementPoint(key: string): boolean {
    return isKeyOf(this.#keyDigest, key);
  }

  async #metrics(): Promise<string> {
    const answer = await this.#core.ask({ kind: 'metrics' });
    return answer.kind === 'metrics' ? answer.text : '';
  }

  async #readiness(): Promise<Readiness> {
    const answer = await this.#core.ask({ kind: 'readiness' });
    return answer.kind === 'readiness' ? answer.readiness : NOTHING_KNOWN;
  }

  /** An ALLOW waits for its receipt before it is handed out, a denial after that. */
  async #withReceipt(call: Call, options: DecideOptions): Promise<DecidedCall> {
    let receipt: DecidedCall['receipt'];
    const awaited = async ({ eventId }: Decision): Promise<void> => {
      if (eventId !== undefined) receipt = await this.#receipt(eventId);
    };
    const decided = await this.#core.point.decide(call, { ...options, awaited });
    if (receipt === undefined) await awaited(decided.decision);
    return receipt === undefined ? decided : { ...decided, receipt };
  }

  async #receipt(eventId: string): Promise<EventProof | 'unsigned'> {
    const answer = await this.#core.ask({ kind: 'receipt', eventId });
    const found = answer.kind === 'proof' ? answer.proof : 'unsigned';
    return found === 'unknown' ? 'unsigned' : found;
  }
}
