import {
  AMOUNTS_DIFFER,
  amountsDiffer,
  combineVerdicts,
  type FixtureAnswer,
  type FixtureCase,
  fixtureQuery,
  hostFacts,
  type FixtureRequest,
  isExpected,
  type Mappings,
  Normalizer,
  passedTarget,
  policyAnswer,
  type PolicyEngine,
  type PolicyQuery,
  type Refusal,
} from '@firma/core';
import { toRawRequest } from '../../call.ts';
import { decodeBody } from '../../decode-body.ts';
import { readingsWithParams } from './given-params.ts';
import type { OpenPolicies } from './open.ts';

/** What became of a case. */
export interface CaseResult {
  readonly tested: FixtureCase;
  readonly ok: boolean;
  readonly answer: FixtureAnswer;
  /** What the policies say of it (`@reason`); where Cedar was not asked, why not. */
  readonly detail: string | undefined;
  /** What Cedar was asked: one query a reading; empty where the call was refused before. */
  readonly queries: readonly PolicyQuery[];
}

interface Asked {
  readonly queries: readonly PolicyQuery[];
}

interface Answered {
  readonly answer: FixtureAnswer;
  readonly detail: string;
}

/** Takes cases through classification and policies, as calls are; budgets and tokens take no part. */
export class CaseRunner {
  readonly #mappings: Mappings;
  readonly #normalizer: Normalizer;
  readonly #defaultProtected: boolean;
  readonly #engine: PolicyEngine;

  constructor({ mappings, opened }: Pick<OpenPolicies, 'mappings' | 'opened'>, engine: PolicyEngine) {
    this.#mappings = mappings;
    this.#normalizer = new Normalizer(mappings, decodeBody);
    this.#defaultProtected = opened.config.mapping.defaultProtected;
    this.#engine = engine;
  }

  /** @throws ConfigInvalid with the place of a case that says what no call can say */
  async run(tested: FixtureCase): Promise<CaseResult> {
    const classified = this.#classify(tested);
    if ('answer' in classified) {
      return { tested, ok: isExpected(tested.expected, classified.answer), ...classified, queries: [] };
    }
    const { queries } = classified;
    const verdicts = await Promise.all(queries.map((query) => this.#engine.evaluate(query)));
    const verdict = verdicts.reduce(combineVerdicts);
    const { outcome, reason, policies } = policyAnswer(verdict);
    const answer = { outcome, reason, policies };
    return { tested, ok: isExpected(tested.expected, answer), answer, detail: verdict.reason, queries };
  }

  #classify(tested: FixtureCase): Asked | Answered {
    const { call, params = {} } = tested;
    if (!('action' in call)) return this.#classifyRequest(tested, call);
    const { action: actionClass } = call;
    const { host, port, provider, hostGroups } = call.resource;
    const known = hostFacts(this.#mappings, host, port);
    const resource = {
      ...call.resource,
      provider: provider ?? known.provider,
      hostGroups: hostGroups ?? known.hostGroups,
    };
    const request = {
      method: resource.method,
      scheme: 'https',
      transport: 'proxy',
      bodyBytes: 0,
      queryPresent: false,
    };
    return { queries: [fixtureQuery(tested, { actionClass, resource, params }, request)] };
  }

  #classifyRequest(tested: FixtureCase, request: FixtureRequest): Asked | Answered {
    const { method, url, headers, body } = request;
    const call = { method, url, headers, ...(body === undefined ? {} : { body }) };
    const sent = toRawRequest(call, 'proxy', this.#normalizer.readHeaders);
    const matched = this.#normalizer.match(sent.raw);
    if ('refused' in matched) return this.#refused(matched);
    const read =
      tested.params === undefined
        ? this.#normalizer.envelope(matched, sent.body)
        : readingsWithParams(this.#normalizer, matched, tested, tested.params);
    if ('refused' in read) return this.#refused(read);
    const readings = 'readings' in read ? read.readings : read;
    if (amountsDiffer(readings)) {
      const answer: FixtureAnswer = { outcome: 'DENY', reason: 'PARAMS_UNREADABLE', policies: [] };
      return { answer, detail: AMOUNTS_DIFFER };
    }
    const { scheme, query } = matched.target;
    return {
      queries: readings.map((reading) =>
        fixtureQuery(tested, reading, {
          method: reading.resource.method,
          scheme,
          transport: 'proxy',
          bodyBytes: sent.body?.length ?? 0,
          queryPresent: query !== '',
        }),
      ),
    };
  }

  #refused(refusal: Refusal): Answered {
    const { refused, detail } = refusal;
    return passedTarget(refusal, this.#defaultProtected) === undefined
      ? { answer: { outcome: 'DENY', reason: refused, policies: [] }, detail }
      : { answer: { outcome: 'ALLOW', reason: 'PASS_THROUGH', policies: [] }, detail };
  }
}

/** `DENY POLICY_FORBID by a, b`: an answer, or what is expected of one, as far as it says. */
export function writtenAnswer(answer: {
  readonly outcome: string;
  readonly reason: string | undefined;
  readonly policies: readonly string[] | undefined;
}): string {
  const { outcome, reason, policies } = answer;
  const by =
    policies === undefined || (policies.length === 0 && reason !== undefined)
      ? []
      : [policies.length === 0 ? 'by no policy' : `by ${policies.map((id) => `\`${id}\``).join(', ')}`];
  return [outcome, ...(reason === undefined ? [] : [reason]), ...by].join(' ');
}

/** `file:line` of a case, or its file. */
export function placeOfCase({ file, line }: FixtureCase): string {
  return line === undefined ? file : `${file}:${line}`;
}
