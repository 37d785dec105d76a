import { type Mappings, type Matched, Normalizer, type Rule, Usage } from '@firma/core';
import { exampleRequest } from './example-request.ts';
import { type Mix, MIX_DEFAULTS, type MixEndpoint } from './mix.ts';
import { seededRandom, shuffled } from './random.ts';

export interface MakeMixOptions {
  readonly mappings: Mappings;
  readonly seed: number;
  /** Whether the policies allow a call, where its token grants it. */
  readonly isAllowed: (endpoint: MixEndpoint) => Promise<boolean>;
  /** Whether a rule may be taken at all. */
  readonly takes?: (rule: Rule) => boolean;
}

/** Of the endpoints that are allowed; agents mostly read. */
const READS = 36;
const CHANGES = 12;
const UNMAPPED = 4;
const NOT_GRANTED = 4;
/** Most rules that are tried with the policies. */
const MAX_TRIED = 600;
const UNMAPPED_PATH = '/no-such-path-in-any-table/of/a/load/run';

/** What the tables make of a request. */
function classify(normalizer: Normalizer, { method, url, body }: MixEndpoint): Matched | undefined {
  const { protocol, host, pathname, search } = new URL(url);
  const matched = normalizer.match({
    method,
    scheme: protocol === 'http:' ? 'http' : 'https',
    hostPort: host,
    target: pathname + search,
    headers: new Map(),
    transport: 'decide-api',
    bodyLength: Buffer.byteLength(body),
  });
  return 'refused' in matched ? undefined : matched;
}

interface Example {
  readonly rule: Rule;
  readonly endpoint: MixEndpoint;
}

/** An example of each rule that answers its own example, in an order that follows from the seed. */
function examplesOf({ mappings, seed, takes }: MakeMixOptions, normalizer: Normalizer): Example[] {
  const rules = mappings.rules.map(({ rule }) => rule).filter((rule) => takes?.(rule) ?? true);
  return shuffled(rules, seededRandom(seed)).flatMap((rule) => {
    const example = exampleRequest(rule);
    if (example === undefined) return [];
    const endpoint = { ...example, denied: false };
    const matched = classify(normalizer, endpoint);
    const isItsOwn = matched?.others.length === 0 && matched.first.mapped.rule === rule;
    return isItsOwn ? [{ rule, endpoint }] : [];
  });
}

async function chooseAllowed(
  examples: readonly Example[],
  isAllowed: MakeMixOptions['isAllowed'],
): Promise<Example[]> {
  const chosen: Example[] = [];
  let reads = READS;
  let changes = CHANGES;
  for (const example of examples.slice(0, MAX_TRIED)) {
    const isRead = example.rule.actionClass.name.endsWith('.read');
    if ((isRead ? reads : changes) === 0) continue;
    if (!(await isAllowed(example.endpoint))) continue;
    chosen.push(example);
    if (isRead) reads--;
    else changes--;
    if (reads + changes === 0) break;
  }
  return chosen;
}

/** Calls that are refused: of classes that no token grants, and to paths that no table knows. */
function chooseDenied(
  examples: readonly Example[],
  chosen: readonly Example[],
  granted: ReadonlySet<string>,
  normalizer: Normalizer,
): MixEndpoint[] {
  const others = examples.filter(
    ({ rule }) => !granted.has(rule.actionClass.name) && rule.refinement === undefined,
  );
  const notGranted = others.slice(0, NOT_GRANTED).map(({ endpoint }) => endpoint);
  const origins = [...new Set(chosen.map(({ endpoint }) => new URL(endpoint.url).origin))];
  const unmapped = origins
    .map((origin) => ({ method: 'PUT', url: origin + UNMAPPED_PATH, headers: {}, body: '', denied: true }))
    .filter((endpoint) => classify(normalizer, endpoint) === undefined);
  return [...notGranted, ...unmapped.slice(0, UNMAPPED)].map((endpoint) => ({ ...endpoint, denied: true }));
}

/**
 * Makes a mix from mapping tables: some fifty requests that the policies allow, three quarters of them reads, and some
 * that are refused. The same tables, policies and seed make the same mix.
 *
 * @throws Usage where no request is allowed
 */
export async function makeMix(options: MakeMixOptions): Promise<Mix> {
  const normalizer = new Normalizer(options.mappings);
  const examples = examplesOf(options, normalizer);
  const chosen = await chooseAllowed(examples, options.isAllowed);
  if (chosen.length === 0) {
    throw new Usage(
      'the mapping tables and policies leave no request that is allowed; write a mix by hand and name it with `--mix`',
    );
  }
  const actions = [...new Set(chosen.map(({ rule }) => rule.actionClass.name))].sort();
  const denied = chooseDenied(examples, chosen, new Set(actions), normalizer);
  const { agents, calls } = MIX_DEFAULTS;
  return {
    agents: { ...agents, actions },
    calls: { ...calls, denials: denied.length === 0 ? 0 : calls.denials },
    endpoints: [...chosen.map(({ endpoint }) => endpoint), ...denied],
  };
}
