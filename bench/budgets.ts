import { readFileSync } from 'node:fs';
import { ConfigInvalid, parseToml } from '@firma/core';
import { shippedPath } from '../src/config/package-root.ts';
import type { Figure } from './micro/decision.bench.ts';

/** Limits of what `micro/normalizer.bench.ts` measures; the two ratios are of one figure over another. */
export interface NormalizerBudgets {
  readonly canonicalUs: number;
  readonly rewrittenUs: number;
  readonly rules10000Over10: number;
  readonly findMyWayOverTrie: number;
  readonly loadMs: number;
  readonly loadMb: number;
}

/** Limits of one size of bundle in `micro/policy.bench.ts`. */
export interface PolicyBudget {
  readonly medianUs: number;
  /** cedar-wasm, given all policies, takes at least so many times as long. */
  readonly overCedar: number;
}

/** Limits of what `micro/session.bench.ts` measures. */
export interface SessionBudgets {
  readonly medianUs: { readonly matching_8: number; readonly stored_8: number };
  readonly sessionBytes: number;
  readonly windowBytes: number;
}

/** What `bench/budgets.toml` holds: one budget for every figure, and the memory of the sidecar process. */
export interface Budgets {
  readonly p99Ms: Readonly<Record<Figure, number>>;
  readonly normalizer: NormalizerBudgets;
  readonly policy: { readonly policies_10: PolicyBudget; readonly policies_1000: PolicyBudget };
  readonly session: SessionBudgets;
  readonly memory: { readonly residentMb: number; readonly growthMb: number };
}

const KEYS = new Set([
  'decide.warm.p99_ms',
  'decide.cold_token.p99_ms',
  'normalizer.canonical.median_us',
  'normalizer.rewritten.median_us',
  'normalizer.rules_10000.over_rules_10',
  'normalizer.find_my_way.over_trie',
  'normalizer.load.ms',
  'normalizer.load.mb',
  'policy.policies_10.median_us',
  'policy.policies_10.cedar_over_it',
  'policy.policies_1000.median_us',
  'policy.policies_1000.cedar_over_it',
  'session.matching_8.median_us',
  'session.stored_8.median_us',
  'session.memory.session_bytes',
  'session.memory.window_bytes',
  'memory.resident_mb',
  'memory.growth_mb',
]);

/** The numbers of nested tables by dotted key; NaN for what is no number. */
function flatten(value: object, above: string, into: Map<string, number>): Map<string, number> {
  for (const [name, entry] of Object.entries(value)) {
    if (typeof entry === 'object' && entry !== null) flatten(entry, `${above}${name}.`, into);
    else into.set(above + name, typeof entry === 'number' ? entry : Number.NaN);
  }
  return into;
}

/**
 * Reads the budgets.
 *
 * @throws ConfigInvalid where one is missing or no positive number, or a key is none of them: a budget that is not
 *   held is worse than none
 */
export function readBudgets(file = shippedPath('bench/budgets.toml')): Budgets {
  const { value, locate } = parseToml(
    readFileSync(file, 'utf8'),
    file,
    (message, at) => new ConfigInvalid(message, at),
  );
  const found = flatten(value, '', new Map());
  for (const key of found.keys()) {
    if (!KEYS.has(key)) throw new ConfigInvalid(`\`${key}\` is no budget`, locate(key.split('.')));
  }
  const budget = (key: string): number => {
    const limit = found.get(key) ?? Number.NaN;
    if (!(limit > 0)) throw new ConfigInvalid(`\`${key}\` must be a positive number`, { file });
    return limit;
  };
  const policy = (figure: string): PolicyBudget => ({
    medianUs: budget(`policy.${figure}.median_us`),
    overCedar: budget(`policy.${figure}.cedar_over_it`),
  });
  return {
    p99Ms: { warm: budget('decide.warm.p99_ms'), cold_token: budget('decide.cold_token.p99_ms') },
    normalizer: {
      canonicalUs: budget('normalizer.canonical.median_us'),
      rewrittenUs: budget('normalizer.rewritten.median_us'),
      rules10000Over10: budget('normalizer.rules_10000.over_rules_10'),
      findMyWayOverTrie: budget('normalizer.find_my_way.over_trie'),
      loadMs: budget('normalizer.load.ms'),
      loadMb: budget('normalizer.load.mb'),
    },
    policy: { policies_10: policy('policies_10'), policies_1000: policy('policies_1000') },
    session: {
      medianUs: {
        matching_8: budget('session.matching_8.median_us'),
        stored_8: budget('session.stored_8.median_us'),
      },
      sessionBytes: budget('session.memory.session_bytes'),
      windowBytes: budget('session.memory.window_bytes'),
    },
    memory: { residentMb: budget('memory.resident_mb'), growthMb: budget('memory.growth_mb') },
  };
}
