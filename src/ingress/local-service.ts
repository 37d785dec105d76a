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

  /** @param keyDigest of the key that enforcement points show */
  constructor(core: DecidingCore, keyDigest: string) {
    this.#core = core;
    this.#keyDigest = keyDigest;
  }

  decide(call: Call, options: DecideOptions): DecidedCall | Promise<DecidedCall> {
    const decided = this.#core.point.decide(call, options);
    return options.receipt ? this.#withReceipt(decided) : decided;
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

  async readiness(): Promise<Readiness> {
    const answer = await this.#core.ask({ kind: 'readiness' });
    return answer.kind === 'readiness' ? answer.readiness : NOTHING_KNOWN;
  }

  async metrics(): Promise<string> {
    const answer = await this.#core.ask({ kind: 'metrics' });
    return answer.kind === 'metrics' ? answer.text : '';
  }

  isEnforcementPoint(key: string): boolean {
    return isKeyOf(this.#keyDigest, key);
  }

  async #withReceipt(deciding: DecidedCall | Promise<DecidedCall>): Promise<DecidedCall> {
    const decided = await deciding;
    const { eventId } = decided.decision;
    if (eventId === undefined) return decided;
    const answer = await this.#core.ask({ kind: 'receipt', eventId });
    const found = answer.kind === 'proof' ? answer.proof : 'unsigned';
    return { ...decided, receipt: found === 'unknown' ? 'unsigned' : found };
  }
}
