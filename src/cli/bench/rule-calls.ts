import { defaultPort, type Mappings, Normalizer, type Rule, writtenHost } from '@firma/core';
import { type Call, toRawRequest } from '../../call.ts';
import { decodeBody } from '../../decode-body.ts';
import { bodyOfFacts, bodyOfOperation, type Sent } from './bodies.ts';

/** A call of the workload. */
export interface BenchCall {
  /** `file:line` of the rule it was made from, or of the file of requests. */
  readonly where: string;
  readonly call: Call;
}

/** Calls made from tables, and the rules for which none was found. */
export interface RuleCalls {
  readonly calls: readonly BenchCall[];
  readonly rules: number;
  /** `file:line`: another rule answers for them, or their body says what is not written here. */
  readonly without: readonly string[];
}

type ParamSpec = Rule['params'][number];

// The last ones are no word of any API: a name that another rule has would make the call that rule's.
const FILLINGS: readonly (readonly string[])[] = [
  ['octocat', 'hello-world', 'main', '1296269', 'a-name_42'],
  ['1296269', 'octocat', 'a-name_42', 'main', 'hello-world'],
  ['zq7xk1', 'zq7xk2', 'zq7xk3', 'zq7xk4', 'zq7xk5'],
];
const AMOUNTS = [500, 4200, 90_000];
const LABEL = 'bench';

function hostOf({ host, port, scheme }: Rule): string {
  const name =
    host.kind === 'exact' ? host.name : host.kind === 'below' ? `${LABEL}.${host.name}` : `${LABEL}.example`;
  const written = writtenHost(name);
  return port === defaultPort(scheme) ? written : `${written}:${port}`;
}

/** Makes calls of one rule; `index` and `filling` vary what stands in its wildcards. */
class RuleFiller {
  readonly #rule: Rule;
  readonly #index: number;
  readonly #names: readonly string[];

  constructor(rule: Rule, index: number, names: readonly string[]) {
    this.#rule = rule;
    this.#index = index;
    this.#names = names;
  }

  call(sent: Sent | undefined): Call {
    const { methods, params, scheme } = this.#rule;
    const query = params
      .filter(({ source }) => source === 'query')
      .map((spec) => `${spec.key}=${encodeURIComponent(this.valueOf(spec))}`)
      .join('&');
    const headers: Record<string, string> = {};
    for (const spec of params) if (spec.source === 'header') headers[spec.key] = String(this.valueOf(spec));
    if (sent !== undefined) headers['content-type'] = sent.contentType;
    if (sent?.soapAction !== undefined) headers['soapaction'] = sent.soapAction;
    const url = `${scheme}://${hostOf(this.#rule)}${this.#path()}${query === '' ? '' : `?${query}`}`;
    const method = methods[this.#index % methods.length] ?? 'GET';
    return { method, url, headers, ...(sent === undefined ? {} : { body: sent.body }) };
  }

  valueOf = ({ name, type }: ParamSpec): number | string => {
    if (name === 'count') return 1;
    if (type === 'long') return AMOUNTS[this.#index % AMOUNTS.length] ?? 0;
    return name === 'currency' ? 'usd' : this.#name(0);
  };

  #name(position: number): string {
    return this.#names[(this.#index + position) % this.#names.length] ?? LABEL;
  }

  #path(): string {
    const { path, params } = this.#rule;
    if (path.any) return `/${this.#name(0)}`;
    const segments = path.segments.map((segment, position) => {
      const fact = params.find((spec) => spec.source === 'path' && spec.segment === position);
      if (segment.kind === 'literal') return segment.text;
      if (segment.kind === 'inner') return segment.text.replaceAll('*', this.#name(position));
      return fact === undefined ? this.#name(position) : encodeURIComponent(this.valueOf(fact));
    });
    return `/${segments.join('/')}`;
  }
}

/** A body for each class that the rule can come to. */
function bodiesOf(rule: Rule, filler: RuleFiller): readonly (Sent | undefined)[] {
  const { refinement } = rule;
  if (refinement === undefined) return [bodyOfFacts(rule.params, filler.valueOf)];
  const operations = new Map([...refinement.classes].map(([operation, { name }]) => [name, operation]));
  return [...operations.values()].map((operation) => bodyOfOperation(refinement.refiner, operation));
}

/**
 * Calls that the rules of some tables answer: one a rule, or one for each class that its body can ask for. What each
 * comes to is asked of the tables themselves, so no call is in the list that another rule answers.
 */
export function callsOfRules(mappings: Mappings): RuleCalls {
  const normalizer = new Normalizer(mappings, decodeBody);
  const isAnsweredBy = (rule: Rule, call: Call): boolean => {
    const { raw, body } = toRawRequest(call, 'in-process', normalizer.readHeaders);
    const matched = normalizer.match(raw);
    if ('refused' in matched || matched.first.mapped.rule !== rule) return false;
    const { path, query } = matched.target;
    return path + query === raw.target && !('refused' in normalizer.envelope(matched, body));
  };
  const calls: BenchCall[] = [];
  const without: string[] = [];
  for (const [index, { rule }] of mappings.rules.entries()) {
    const found = FILLINGS.map((names) => {
      const filler = new RuleFiller(rule, index, names);
      return bodiesOf(rule, filler)
        .map((sent) => filler.call(sent))
        .filter((call) => isAnsweredBy(rule, call));
    }).find((made) => made.length > 0);
    if (found === undefined) without.push(rule.where);
    else calls.push(...found.map((call) => ({ where: rule.where, call })));
  }
  return { calls, rules: mappings.rules.length, without };
}
