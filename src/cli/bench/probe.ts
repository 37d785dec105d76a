import {
  type AuditPort,
  type AuditRecord,
  compileScope,
  type DecodeBody,
  type Envelope,
  type Mappings,
  type Matched,
  Normalizer,
  type PolicyEngine,
  type PolicyQuery,
  type PolicyVerdict,
  type RawRequest,
  type Refusal,
  type VerifierOptions,
} from '@firma/core';
import { serialize } from '../../audit/serialize.ts';
import type { Planted } from './arguments.ts';
import type { Stage } from './figures.ts';

const BUFFER_BYTES = 256 * 1024;

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/**
 * What the ports of one decider tell of the call that is under way: when a stage began and ended, in milliseconds of
 * `performance.now`, 0 where the call did not get there. The ports do what they always do; `planted` makes one slower.
 */
export class Probe {
  readAt = 0;
  classifiedAt = 0;
  grantedAt = 0;
  answeredAt = 0;
  /** Set while calls are timed: what is planted delays nothing else. */
  timing = false;
  /** Set: every query is put to the reference engine too, and what differs is counted. */
  comparing = false;
  differences = 0;
  readonly #planted: Planted | undefined;

  constructor(planted: Planted | undefined) {
    this.#planted = planted;
  }

  begin(): void {
    this.readAt = 0;
    this.classifiedAt = 0;
    this.grantedAt = 0;
    this.answeredAt = 0;
  }

  delay(stage: Stage): void {
    if (this.timing && this.#planted?.stage === stage) busyFor(this.#planted.delayMs);
  }
}

export class ProbedNormalizer extends Normalizer {
  readonly #probe: Probe;

  constructor(mappings: Mappings, decode: DecodeBody, probe: Probe) {
    super(mappings, decode);
    this.#probe = probe;
  }

  override match(raw: RawRequest): Matched | Refusal {
    this.#probe.delay('normalize');
    return super.match(raw);
  }

  override envelope(matched: Matched, body: Uint8Array | undefined): Envelope | Refusal {
    const probe = this.#probe;
    probe.readAt = performance.now();
    const envelope = super.envelope(matched, body);
    probe.classifiedAt = performance.now();
    return envelope;
  }
}

/** The scope of a token is the last thing that stage 1 asks. */
export function probedScope(probe: Probe): VerifierOptions['compileScope'] {
  return (patterns) => {
    const scope = compileScope(patterns);
    if ('invalid' in scope) return scope;
    return {
      matches(resource) {
        probe.delay('capability');
        const isInside = scope.matches(resource);
        probe.grantedAt = performance.now();
        return isInside;
      },
    };
  };
}

function isSame(left: PolicyVerdict, right: PolicyVerdict): boolean {
  return (
    left.allowed === right.allowed &&
    left.abort === right.abort &&
    left.determining.join('\n') === right.determining.join('\n') &&
    left.errored.join('\n') === right.errored.join('\n')
  );
}

export class ProbedEngine implements PolicyEngine {
  readonly name: string;
  readonly #engine: PolicyEngine;
  readonly #reference: PolicyEngine;
  readonly #probe: Probe;

  constructor(engine: PolicyEngine, reference: PolicyEngine, probe: Probe) {
    this.name = engine.name;
    this.#engine = engine;
    this.#reference = reference;
    this.#probe = probe;
  }

  evaluate(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict> {
    const probe = this.#probe;
    probe.delay('policy');
    const verdict = this.#engine.evaluate(query);
    probe.answeredAt = performance.now();
    if (probe.comparing) this.#compare(query, verdict);
    return verdict;
  }

  #compare(query: PolicyQuery, verdict: PolicyVerdict | Promise<PolicyVerdict>): void {
    const expected = this.#reference.evaluate(query);
    // Both answer at once here; what cannot be compared counts as different.
    const isAlike =
      !(verdict instanceof Promise) && !(expected instanceof Promise) && isSame(verdict, expected);
    if (!isAlike) this.#probe.differences += 1;
  }
}

/** Takes records as the log does, as lines of UTF-8, and keeps none. */
export class LineSink implements AuditPort {
  readonly #probe: Probe;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #at = 0;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  append(record: AuditRecord): boolean {
    this.#probe.delay('record');
    const line = serialize(record);
    if (line === undefined) return false;
    // A character is 3 bytes at most.
    if (this.#at + 3 * line.length > BUFFER_BYTES) this.#at = 0;
    this.#at += this.#buffer.write(line, this.#at);
    return true;
  }
}
