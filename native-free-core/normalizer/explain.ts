import type { CanonicalTarget, Params, RawRequest, Refusal } from './envelope.ts';
import type { MatchedReading, Normalizer } from './normalizer.ts';

export interface ExplainedRule {
  readonly file: string;
  readonly line: number;
}

export interface ExplainedReading {
  readonly action_class: string;
  readonly risk: string;
  readonly method: string;
  readonly resource: string;
  readonly rule: ExplainedRule;
}

/** What `firma classify --json` prints (semantics §8). A member that is not known is null. */
export interface Explanation {
  readonly ok: boolean;
  readonly canonical: {
    readonly scheme: string;
    readonly host: string;
    readonly port: number;
    readonly path: string;
  } | null;
  readonly action_class: string | null;
  readonly risk: string | null;
  readonly rule: ExplainedRule | null;
  readonly resource: string | null;
  readonly provider: string | null;
  readonly params: Params;
  /** Every reading, the one of highest risk first. */
  readonly readings: readonly ExplainedReading[];
  readonly reason: string | null;
  readonly detail: string | null;
}

/**
 * Classifies one request for a person to read: what it is, by which rule, or why it is refused.
 *
 * @param body the whole body; left out for a request without one
 */
export function explain(normalizer: Normalizer, raw: RawRequest, body?: Uint8Array): Explanation {
  const bytes = body ?? new Uint8Array(0);
  const matched = normalizer.match({ ...raw, bodyLength: bytes.length });
  if ('refused' in matched) return refused(matched);
  const envelope = normalizer.envelope(matched, bytes);
  const readings = [matched.first, ...matched.others].map(explainReading);
  const { first } = matched;
  const classified = {
    canonical: canonicalOf(matched.target),
    action_class: first.mapped.rule.actionClass.name,
    risk: first.mapped.rule.actionClass.risk,
    rule: ruleOf(first),
    resource: first.resource.uid,
    provider: first.resource.provider === '' ? null : first.resource.provider,
    readings,
  };
  if ('refused' in envelope) {
    return { ok: false, ...classified, params: {}, reason: envelope.refused, detail: envelope.detail };
  }
  return { ok: true, ...classified, params: envelope.readings[0].params, reason: null, detail: null };
}

function refused(refusal: Refusal): Explanation {
  return {
    ok: false,
    canonical: refusal.target === undefined ? null : canonicalOf(refusal.target),
    action_class: null,
    risk: null,
    rule: null,
    resource: null,
    provider: null,
    params: {},
    readings: [],
    reason: refusal.refused,
    detail: refusal.detail,
  };
}

function canonicalOf({ scheme, host, port, path }: CanonicalTarget): NonNullable<Explanation['canonical']> {
  return { scheme, host, port, path };
}

function explainReading(reading: MatchedReading): ExplainedReading {
  const { actionClass } = reading.mapped.rule;
  return {
    action_class: actionClass.name,
    risk: actionClass.risk,
    method: reading.resource.method,
    resource: reading.resource.uid,
    rule: ruleOf(reading),
  };
}

function ruleOf(reading: MatchedReading): ExplainedRule {
  return { file: reading.mapped.rule.file, line: reading.mapped.rule.line };
}
