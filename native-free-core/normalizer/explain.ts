import type { ActionClassInfo } from '../registry/classes.ts';
import { MAX_FACT_BODY, type DecodeBody } from './call-body.ts';
import {
  NO_PARAMS,
  type CanonicalTarget,
  type Params,
  type RawRequest,
  type Reading,
  type Refusal,
  type Scheme,
} from './envelope.ts';
import type { Mappings } from './mappings.ts';
import { Normalizer, type Matched, type MatchedReading } from './normalizer.ts';
import { pathReadings } from './path-readings.ts';
import { foldPath } from './resource.ts';
import { writtenRule } from './rule-match.ts';
import type { Rule } from './rules.ts';
import { runnersUp } from './runners-up.ts';

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
  readonly params: Params;
  /** What the body asks for (a GraphQL field, a push's `delete`); absent where it is not known or the rule does not ask. */
  readonly operation?: string;
}

/** A rule that matches the same request as the winning one and lost. */
export interface ExplainedRunnerUp {
  readonly rule: ExplainedRule;
  /** What it matches: `GET,POST api.github.com /repos/**`. */
  readonly pattern: string;
  readonly action_class: string;
  /** The first position at which the winning rule is more specific. */
  readonly why: string;
}

/** What `firma classify --json` prints (semantics §8). A member that is not known is null. */
export interface Explanation {
  readonly ok: boolean;
  readonly canonical: {
    readonly scheme: Scheme;
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
  /** Of the first reading, most specific first. */
  readonly runners_up: readonly ExplainedRunnerUp[];
  readonly reason: string | null;
  readonly detail: string | null;
}

/** The body of a call to explain, and what undoes its content coding. */
export interface ExplainedBody {
  /** All of it, or its first 64 KiB and a byte more, which says that it is longer. */
  readonly bytes: Uint8Array;
  readonly decode?: DecodeBody | undefined;
}

const NO_BODY: ExplainedBody = { bytes: new Uint8Array(0) };

/**
 * Classifies one request for a person to read: what it is, by which rule and before which others, or why it is refused.
 *
 * @param body left out for a request without one; `raw.bodyLength` takes no part
 * Cost: one look at every rule.
 */
export function explain(
  mappings: Mappings,
  raw: RawRequest,
  { bytes, decode }: ExplainedBody = NO_BODY,
): Explanation {
  const normalizer = new Normalizer(mappings, decode);
  const isWhole = bytes.length <= MAX_FACT_BODY;
  const matched = normalizer.match({ ...raw, bodyLength: isWhole ? bytes.length : undefined });
  if ('refused' in matched) return refused(matched);
  const readable = isWhole || matched.bodyNeed === 'head';
  const envelope = normalizer.envelope(matched, readable ? bytes.subarray(0, MAX_FACT_BODY) : undefined);
  return 'refused' in envelope
    ? classified(mappings, matched, [matched.first, ...matched.others].map(explainMatched), envelope)
    : classified(
        mappings,
        matched,
        envelope.readings.map((reading) => explainRead(matched, reading)),
      );
}

interface Explained {
  readonly of: MatchedReading;
  readonly shown: ExplainedReading;
}

function classified(
  mappings: Mappings,
  matched: Matched,
  readings: readonly Explained[],
  refusal?: Refusal,
): Explanation {
  const { of = matched.first, shown } = readings[0] ?? explainMatched(matched.first);
  return {
    ok: refusal === undefined,
    canonical: canonicalOf(matched.target),
    action_class: shown.action_class,
    risk: shown.risk,
    rule: shown.rule,
    resource: shown.resource,
    provider: of.resource.provider === '' ? null : of.resource.provider,
    params: shown.params,
    readings: readings.map((reading) => reading.shown),
    runners_up: explainRunnersUp(mappings, matched.target, of),
    reason: refusal?.refused ?? null,
    detail: refusal?.detail ?? null,
  };
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
    params: NO_PARAMS,
    readings: [],
    runners_up: [],
    reason: refusal.refused,
    detail: refusal.detail,
  };
}

function canonicalOf({ scheme, host, port, path }: CanonicalTarget): NonNullable<Explanation['canonical']> {
  return { scheme, host, port, path };
}

/** A reading whose body could not be read: its rule's own class, and no facts. */
function explainMatched(of: MatchedReading): Explained {
  return { of, shown: shownReading(of, of.mapped.rule.actionClass, NO_PARAMS) };
}

function explainRead({ first, others }: Matched, reading: Reading): Explained {
  const { resource, actionClass, params, operation = '' } = reading;
  // One matched reading becomes several where its body asks for several things; they keep its resource.
  const of = others.find((matched) => matched.resource === resource) ?? first;
  const shown = shownReading(of, actionClass, params);
  return { of, shown: operation === '' ? shown : { ...shown, operation } };
}

function shownReading(
  { mapped, resource }: MatchedReading,
  { name, risk }: ActionClassInfo,
  params: Params,
): ExplainedReading {
  const { method, uid } = resource;
  return { action_class: name, risk, method, resource: uid, rule: placeOfRule(mapped.rule), params };
}

function explainRunnersUp(
  mappings: Mappings,
  target: CanonicalTarget,
  { mapped, resource }: MatchedReading,
): readonly ExplainedRunnerUp[] {
  // A resource's path has its folded segments in lower case; rules are compared with the path as it came.
  const paths = pathReadings(target.matchPath);
  const read = 'malformed' in paths ? [] : paths.map(({ path }) => path);
  const path = read.find((path) => foldPath(path, resource.foldMask) === resource.path) ?? resource.path;
  return runnersUp(mappings, mapped.rule, target, path, resource.method).map(({ rule, why }) => ({
    rule: placeOfRule(rule),
    pattern: writtenRule(rule),
    action_class: rule.actionClass.name,
    why,
  }));
}

function placeOfRule({ file, line }: Rule): ExplainedRule {
  return { file, line };
}
