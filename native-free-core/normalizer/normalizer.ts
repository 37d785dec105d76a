import type {
  CanonicalTarget,
  Envelope,
  NormalizerReason,
  Params,
  RawRequest,
  Reading,
  Refusal,
  Resource,
} from './envelope.ts';
import { FactReader } from './fact-reader.ts';
import { Unreadable } from './form.ts';
import type { MappedRule, Mappings } from './mappings.ts';
import { methodProblem } from './method.ts';
import { mayOverrideMethod, methodsOf } from './method-override.ts';
import { hasOneReading, pathReadings, type PathReading } from './path-readings.ts';
import { resourceOf } from './resource.ts';
import { MAX_SHOWN_SIZE, shownSize } from './shown-size.ts';
import { canonicalTarget, hostHeaderProblem } from './target.ts';
import { NONE } from './trie.ts';

/** One reading of a call before its facts are known. */
export interface MatchedReading {
  readonly mapped: MappedRule;
  readonly resource: Resource;
}

/** A call whose every reading has a rule. */
export interface Matched {
  readonly raw: RawRequest;
  readonly target: CanonicalTarget;
  /** The reading of highest risk. */
  readonly first: MatchedReading;
  /** The other readings, by falling risk. */
  readonly others: readonly MatchedReading[];
  /** Some fact may stand in the body: read it whole, up to 64 KiB, before the call is decided. */
  readonly needsBody: boolean;
}

const MAX_READINGS = 64;
const NO_OTHERS: readonly MatchedReading[] = Object.freeze([]);
const NO_PARAMS: Params = Object.freeze({});
const NO_BODY = new Uint8Array(0);

/** Turns a request into an envelope: canonical target, rules, readings, facts (semantics §2). */
export class Normalizer {
  readonly #mappings: Mappings;

  constructor(mappings: Mappings) {
    this.#mappings = mappings;
  }

  /** Lower-case names of the headers classification reads. */
  get readHeaders(): ReadonlySet<string> {
    return this.#mappings.readHeaders;
  }

  /**
   * Canonicalises a request and finds the rule of each of its readings. No body is needed.
   *
   * Cost: about a microsecond for a canonical target with one reading; a refusal costs no more.
   */
  match(raw: RawRequest): Matched | Refusal {
    const target = canonicalTarget(raw.scheme, raw.hostPort, raw.target);
    if ('malformed' in target) return malformed(target.malformed, undefined);
    const problem = methodProblem(raw.method) ?? hostHeaderProblem(raw.headers.get('host'), target);
    if (problem !== undefined) return malformed(problem, target);
    if (!hasOneReading(target.matchPath) || mayOverrideMethod(raw, target.query)) {
      return this.#matchReadings(raw, target);
    }
    const mapped = this.#rule(target, target.matchPath, raw.method);
    if (mapped === undefined) return this.#unclassified(target, raw.method);
    return {
      raw,
      target,
      first: matchedReading(target, target.matchPath, raw.method, mapped),
      others: NO_OTHERS,
      needsBody: mapped.readsBody && raw.bodyLength !== 0,
    };
  }

  /**
   * Reads the facts of a matched call.
   *
   * @param body the whole body where `needsBody`; undefined where it is longer than 64 KiB or did not end
   */
  envelope(matched: Matched, body: Uint8Array | undefined): Envelope | Refusal {
    const { raw, target, first, others } = matched;
    const bytes = body ?? (raw.bodyLength === 0 ? NO_BODY : undefined);
    const facts = needsFacts(matched) ? new FactReader(raw, target.query, bytes) : undefined;
    const firstRead = readingOf(first, facts);
    if (firstRead instanceof Unreadable) return unreadable(firstRead, target);
    const readings: [Reading, ...Reading[]] = [firstRead];
    for (const other of others) {
      const read = readingOf(other, facts);
      if (read instanceof Unreadable) return unreadable(read, target);
      readings.push(read);
    }
    if (shownSize(readings) > MAX_SHOWN_SIZE) {
      return malformed('its readings are together longer than a record of the log can be', target);
    }
    return {
      target,
      method: raw.method,
      transport: raw.transport,
      readings,
      bodyBytes: raw.bodyLength ?? body?.length ?? Number.MAX_SAFE_INTEGER,
    };
  }

  #matchReadings(raw: RawRequest, target: CanonicalTarget): Matched | Refusal {
    const methods = methodsOf(raw, target.query);
    if ('malformed' in methods) return malformed(methods.malformed, target);
    const paths = pathReadings(target.matchPath);
    if ('malformed' in paths) return malformed(`in one reading ${paths.malformed}`, target);
    if (methods.length * paths.length > MAX_READINGS) {
      return malformed(`the request can be read in more than ${MAX_READINGS} ways`, target);
    }
    const readings: MatchedReading[] = [];
    for (const method of methods) {
      const refusal = this.#addReadings(readings, target, method, paths);
      if (refusal !== undefined)
        return this.#anyMatches(target, methods, paths) ? { ...refusal, inPart: true } : refusal;
    }
    readings.sort(byRisk);
    const [first] = readings;
    if (first === undefined) return this.#unclassified(target, raw.method);
    let needsBody = false;
    for (const { mapped } of readings) needsBody ||= mapped.readsBody && raw.bodyLength !== 0;
    return { raw, target, first, others: readings.slice(1), needsBody };
  }

  #addReadings(
    readings: MatchedReading[],
    target: CanonicalTarget,
    method: string,
    paths: readonly PathReading[],
  ): Refusal | undefined {
    const rules: (MappedRule | undefined)[] = [];
    for (const { path, dataAt, twinAt } of paths) {
      const mapped = this.#rule(target, path, method);
      rules.push(mapped);
      if (twinAt !== NONE && (mapped === undefined || mapped === rules[twinAt])) continue;
      if (mapped !== undefined) readings.push(matchedReading(target, path, method, mapped));
      else if (rules[dataAt]?.rule.encodedSlash !== true) return this.#unclassified(target, method);
    }
    return undefined;
  }

  #anyMatches(target: CanonicalTarget, methods: readonly string[], paths: readonly PathReading[]): boolean {
    for (const method of methods) {
      for (const { path } of paths) if (this.#rule(target, path, method) !== undefined) return true;
    }
    return false;
  }

  #rule(target: CanonicalTarget, path: string, method: string): MappedRule | undefined {
    const index = this.#mappings.trie.match(target, path, method);
    return index === NONE ? undefined : this.#mappings.rules[index];
  }

  /** INVARIANT: called right after the `match` that found nothing. The path may hold a secret: it is not quoted. */
  #unclassified(target: CanonicalTarget, method: string): Refusal {
    const { trie, rules } = this.#mappings;
    const nearest = rules[trie.nearest()]?.rule;
    if (nearest !== undefined) {
      const { methods, host, path, where } = nearest;
      return refusal(
        'UNCLASSIFIED_ACTION',
        `no rule matches this path of \`${target.host}\` for \`${method}\`; the nearest is ` +
          `\`${methods.join(',') || '*'} ${host.text} ${path.text}\` at ${where}`,
        target,
      );
    }
    const detail = trie.knowsMethod(method)
      ? `no rule names the host \`${target.host}\` on port ${target.port}`
      : `no rule names the method \`${method}\``;
    return refusal('UNCLASSIFIED_ACTION', detail, target);
  }
}

function matchedReading(
  target: CanonicalTarget,
  path: string,
  method: string,
  mapped: MappedRule,
): MatchedReading {
  return { mapped, resource: resourceOf(target, path, method, mapped.rule.foldMask, mapped.groups) };
}

/** Highest risk first, ties by the order of the classes; the sort keeps equal ones as they came. */
function byRisk(left: MatchedReading, right: MatchedReading): number {
  const a = left.mapped.rule.actionClass;
  const b = right.mapped.rule.actionClass;
  return b.riskRank - a.riskRank || a.index - b.index;
}

function needsFacts(matched: Matched): boolean {
  if (matched.first.mapped.rule.params.length > 0) return true;
  for (const other of matched.others) if (other.mapped.rule.params.length > 0) return true;
  return false;
}

function readingOf(
  { mapped, resource }: MatchedReading,
  facts: FactReader | undefined,
): Reading | Unreadable {
  const { rule } = mapped;
  const params =
    facts === undefined || rule.params.length === 0
      ? NO_PARAMS
      : readParams(rule.params, resource.path, facts);
  if (params instanceof Unreadable) return params;
  return { actionClass: rule.actionClass, resource, params, rule: rule.where };
}

function readParams(
  specs: MappedRule['rule']['params'],
  path: string,
  facts: FactReader,
): Params | Unreadable {
  const params: Record<string, number | string> = {};
  for (const spec of specs) {
    const fact = facts.read(spec, path);
    if (fact instanceof Unreadable) return fact;
    if (fact !== undefined) params[spec.name] = fact;
  }
  return params;
}

function malformed(detail: string, target: CanonicalTarget | undefined): Refusal {
  return refusal('MALFORMED_REQUEST', detail, target);
}

function unreadable(fact: Unreadable, target: CanonicalTarget): Refusal {
  return refusal('PARAMS_UNREADABLE', fact.why, target);
}

function refusal(refused: NormalizerReason, detail: string, target: CanonicalTarget | undefined): Refusal {
  return { refused, detail, target };
}
