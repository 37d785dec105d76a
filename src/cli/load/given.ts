import { Usage } from '@firma/core';
import { BUDGET_QUANTILES, type BudgetQuantile } from '../../load/measure.ts';
import { LOAD_TARGETS, type LoadTarget } from '../../load/result.ts';
import type { PlaceOptions } from '../options.ts';

/** The options of `firma load` as words. */
export interface Options extends PlaceOptions {
  readonly target: string;
  readonly url?: string;
  readonly socket?: string;
  readonly agents?: string;
  readonly rate: string;
  readonly duration: string;
  readonly warmup?: string;
  readonly connections: string;
  readonly mix?: string;
  readonly printMix?: boolean;
  readonly bodyBytes: string;
  readonly timeout: string;
  readonly budget?: readonly string[];
  readonly seed: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly iOwnThisHost?: boolean;
}

/** The options of `firma load`, read. */
export interface Given {
  readonly target: LoadTarget;
  readonly agents: number;
  readonly rate: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly connections: number;
  readonly bodyBytes: number;
  readonly timeoutMs: number;
  readonly seed: number;
  readonly budgets: ReadonlyMap<BudgetQuantile, number>;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const HOUR_MS = 3_600_000;
/** Each agent of the proxy is a session of its own there. */
const MAX_PROXY_AGENTS = 64;
const DEFAULT_AGENTS = 1000;

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Usage(`\`--${name}\` is a whole number from ${least} to ${most}`);
}

/** `500ms`, `30s`, `5m`, `1h` in milliseconds. */
function duration(name: string, text: string, mostMs: number): number {
  const [, count = '', unit = ''] = /^([0-9]{1,8}(?:\.[0-9]{1,3})?)(ms|s|m|h)$/.exec(text) ?? [];
  const value = Number(count) * (UNITS[unit] ?? 0);
  if (value > 0 && value <= mostMs) return value;
  throw new Usage(`\`${name}\` is a time such as \`500ms\`, \`30s\` or \`5m\`, at most an hour`);
}

function budgetsOf(words: readonly string[]): ReadonlyMap<BudgetQuantile, number> {
  return new Map(
    words.map((word) => {
      const [name, limit = ''] = word.split('=', 2);
      const quantile = BUDGET_QUANTILES.find((one) => one === name);
      if (quantile === undefined) {
        throw new Usage(`\`--budget\` is such as \`p99=5ms\`; quantiles are ${BUDGET_QUANTILES.join(', ')}`);
      }
      return [quantile, duration(`--budget ${quantile}=`, limit, HOUR_MS)];
    }),
  );
}

/** @throws Usage naming the option that is none */
export function readGiven(options: Options): Given {
  const target = LOAD_TARGETS.find((one) => one === options.target);
  if (target === undefined) throw new Usage(`\`--target\` is one of ${LOAD_TARGETS.join(', ')}`);
  const mostAgents = target === 'proxy' ? MAX_PROXY_AGENTS : 10_000;
  const agents = options.agents ?? String(Math.min(DEFAULT_AGENTS, mostAgents));
  return {
    target,
    agents: wholeNumber('agents', agents, 1, mostAgents),
    rate: wholeNumber('rate', options.rate, 1, 1_000_000),
    durationMs: duration('--duration', options.duration, HOUR_MS),
    warmupMs: options.warmup === undefined ? 0 : duration('--warmup', options.warmup, HOUR_MS),
    connections: wholeNumber('connections', options.connections, 1, 10_000),
    bodyBytes: wholeNumber('body-bytes', options.bodyBytes, 0, 8000),
    timeoutMs: duration('--timeout', options.timeout, 60_000),
    seed: wholeNumber('seed', options.seed, 0, 4_294_967_295),
    budgets: budgetsOf(options.budget ?? []),
  };
}
