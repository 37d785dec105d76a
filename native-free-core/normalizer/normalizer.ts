import { compareRisk } from '../registry/classes.ts';
import { plainReading, readingsOf } from './body-readings.ts';
import { CallBody, type DecodeBody } from './call-body.ts';
import {
  type BodyNeed,
  type CanonicalTarget,
  type Envelope,
  MAX_READINGS,
  type NormalizerReason,
  type RawRequest,
  type Refusal,
  type Resource,
} from './envelope.ts';
import type { MappedRule, Mappings } from './mappings.ts';
import { methodProblem } from './method.ts';
import { mayOverrideMethod, methodsOf } from './method-override.ts';
import { hasOneReading, pathReadings, type PathReading } from './path-readings.ts';
import { receivePackHeadEnds } from './refine/operations.ts';
import { writtenRule } from './rule-match.ts';
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
  readonly bodyNeed: BodyNeed;
}

const NO_OTHERS: readonly MatchedReading[] = Object.freeze([]);
const NO_BODY = new Uint8Array(0);

/** Turns a request into an envelope: canonical target, rules, readings, facts (semantics §2). */
export class Normalizer {
  readonly #mappings: Mappings;
  readonly #decode: DecodeBody | undefined;

  /** @param decode undoes content codings; without it a call whose body has one and must be read is refused */
  constructor(mappings: Mappings, decode?: DecodeBody) {
    this.#mappings = mappings;
    this.#decode = decode;
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
      bodyNeed: raw.bodyLength === 0 ? 'none' : mapped.bodyNeed,
    };
  }

  /** Whether the head of a body that `bodyNeed` asks for is complete, or can no longer become so. */
  headEnds(matched: Matched, bytes: Uint8Array): boolean {
    return receivePackHeadEnds(new CallBody(matched.raw, bytes, this.#decode));
  }

  /**
   * Reads the operations and facts of a matched call.
   *
   * @param body as `bodyNeed` says; undefined where it is longer than 64 KiB or did not end
   */
  envelope(matched: Matched, body: Uint8Array | undefined): Envelope | Refusal {
    const { raw, target, first } = matched;
    const readings = hasPlainReading(matched)
      ? ([plainReading(first)] as const)
      : readingsOf(
          matched,
          new CallBody(raw, body ?? (raw.bodyLength === 0 ? NO_BODY : undefined), this.#decode),
        );
    if ('refused' in readings) return refusal(readings.refused, readings.detail, target);
    if (shownSize(readings) > MAX_SHOWN_SIZE) {
      return malformed('its readings are together longer than a record of the log can be', target);
    }
    return {
      target,
      method: raw.method,
      transport: raw.transport,
      readings,
      bodyBytes:
        raw.bodyLength ??
        (matched.bodyNeed === 'whole' ? body?.length : undefined) ??
        Number.MAX_SAFE_INTEGER,
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
    return { raw, target, first, others: readings.slice(1), bodyNeed: bodyNeedOf(raw, readings) };
  }

  #addReadings(
    readings: MatchedReading[],
    target: CanonicalTarget,
    method: string,
    paths: readonly PathReading[],
  ): Refusal | undefined {
    const rules: (MappedRule | undefined)[] = [];
    for (const { path, dataAt } of paths) {
      const mapped = this.#rule(target, path, method);
      rules.push(mapped);
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
    return index === NONE ? undefined : this.#mappings.rule(index);
  }

  /** INVARIANT: called right after the `match` that found nothing. The path may hold a secret: it is not quoted. */
  #unclassified(target: CanonicalTarget, method: string): Refusal {
    const { trie } = this.#mappings;
    const nearest = this.#mappings.rule(trie.nearest())?.rule;
    if (nearest !== undefined) {
      return refusal(
        'UNCLASSIFIED_ACTION',
        `no rule matches this path of \`${target.host}\` for \`${method}\`; the nearest is ` +
          `\`${writtenRule(nearest)}\` at ${nearest.where}`,
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

function byRisk(left: MatchedReading, right: MatchedReading): number {
  return compareRisk(left.mapped.rule.actionClass, right.mapped.rule.actionClass);
}

/** One reading, and nothing of it in facts or in the body. */
function hasPlainReading({ first, others }: Matched): boolean {
  const { params, refinement } = first.mapped.rule;
  return others.length === 0 && params.length === 0 && refinement === undefined;
}

/** Where one reading needs all of a body and another its head, all of it is read. */
function bodyNeedOf(raw: RawRequest, readings: readonly MatchedReading[]): BodyNeed {
  let need: BodyNeed = 'none';
  if (raw.bodyLength === 0) return need;
  for (const { mapped } of readings) {
    if (mapped.bodyNeed === 'whole') return 'whole';
    if (mapped.bodyNeed === 'head') need = 'head';
  }
  return need;
}

function malformed(detail: string, target: CanonicalTarget | undefined): Refusal {
  return refusal('MALFORMED_REQUEST', detail, target);
}

function refusal(refused: NormalizerReason, detail: string, target: CanonicalTarget | undefined): Refusal {
  return { refused, detail, target };
}
