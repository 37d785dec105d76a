import type { Endpoint } from './lane.ts';
import type { Mix } from './mix.ts';
import { Plan } from './plan.ts';
import { errorCount, type LoadBudget, type LoadResult, type LoadSecond, type LoadTarget } from './result.ts';
import { runLoad, type RunLoadResult } from './run-load.ts';
import { Schedule } from './schedule.ts';
import { wireOf } from './wire.ts';

/** What agents present. */
export interface Presented {
  /** Characters of one credential, about. */
  readonly chars: number;
  /** Of the session that the agent is in; of its next one where `begins`. */
  of(agent: number, begins: boolean): string;
}

export interface MeasureOptions {
  readonly target: LoadTarget;
  readonly endpoint: Endpoint;
  readonly hostHeader: string;
  readonly mix: Mix;
  readonly agents: number;
  readonly rate: number;
  readonly durationMs: number;
  /** So long the load runs before it is measured; 0 for not at all. */
  readonly warmupMs: number;
  readonly connections: number;
  readonly seed: number;
  readonly bodyBytes: number;
  readonly timeoutMs: number;
  readonly credentials: Presented;
  /** Highest latencies, by quantile (`p99`), in milliseconds. */
  readonly budgets: ReadonlyMap<BudgetQuantile, number>;
  readonly onSecond?: (second: LoadSecond) => void;
  readonly signal?: AbortSignal;
}

export const BUDGET_QUANTILES = ['p50', 'p90', 'p99', 'p99.9', 'max'] as const;
export type BudgetQuantile = (typeof BUDGET_QUANTILES)[number];

/** So much of the schedule may wait for a connection. */
const BACKLOG_S = 5;
const MIN_BACKLOG = 1000;
/** Beyond these the generator itself is part of what was measured. */
const LATE_LAG_MS = 2;
const BUSY_SHARE = 0.9;

const MEMBERS = { p50: 'p50', p90: 'p90', p99: 'p99', 'p99.9': 'p999', max: 'max' } as const;

function addressOf(endpoint: Endpoint): string {
  if ('socketPath' in endpoint) return endpoint.socketPath;
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}

/** How many answers tell of a fault on the other side: a refusal, but nobody's decision. */
function faults({ reasons }: Pick<LoadResult, 'reasons'>): number {
  return (reasons['DENY INTERNAL'] ?? 0) + (reasons['ABORT INTERNAL'] ?? 0);
}

function warningsOf(result: RunLoadResult): string[] {
  const { generator, unsent } = result;
  const warnings: string[] = [];
  if (generator.lagMs.p99 > LATE_LAG_MS) {
    warnings.push(
      `the generator was late: of 100 requests one left ${generator.lagMs.p99.toFixed(1)} ms or more after its time; the latencies hold that`,
    );
  }
  if (generator.busy >= BUSY_SHARE) {
    warnings.push(
      `the generator was busy ${Math.round(generator.busy * 100)} % of its time: it may be the limit, not the other side`,
    );
  }
  if (unsent > 0) {
    warnings.push(`${unsent} requests were due and never sent: the other side takes less than this rate`);
  }
  if (faults(result) > 0) {
    warnings.push(`${faults(result)} answers are \`INTERNAL\`: something failed on the other side`);
  }
  return warnings;
}

/** Runs a load as a plan says, and measures it. @throws as `runLoad` */
export async function measure(options: MeasureOptions): Promise<LoadResult> {
  const { agents, budgets, connections, credentials, endpoint, mix, rate, seed, target } = options;
  const wire = wireOf(target, { ...options, endpoints: mix.endpoints, credentialChars: credentials.chars });
  const plan = new Plan(mix, agents, seed);
  let bytes = 0;
  const shared = {
    ...options,
    readVerdict: wire.readVerdict,
    maxBacklog: Math.max(MIN_BACKLOG, Math.ceil(rate * BACKLOG_S)),
    nextRequest(): string {
      plan.step();
      const request = wire.request(credentials.of(plan.agent, plan.beginsSession), plan.endpoint);
      bytes += request.length;
      return request;
    },
  };
  if (options.warmupMs > 0) {
    const { onSecond: _untold, ...untold } = shared;
    await runLoad({ ...untold, schedule: new Schedule(rate, options.warmupMs) });
    bytes = 0;
  }
  const result = await runLoad({ ...shared, schedule: new Schedule(rate, options.durationMs) });
  return {
    v: 1,
    target,
    address: addressOf(endpoint),
    seed,
    agents,
    endpoints: mix.endpoints.length,
    connections,
    rate,
    durationS: options.durationMs / 1000,
    warmupS: options.warmupMs / 1000,
    requestBytes: result.sent === 0 ? 0 : Math.round(bytes / result.sent),
    ...result,
    budgets: [...budgets].map(([quantile, limitMs]): LoadBudget => {
      const latencyMs = result.latencyMs[MEMBERS[quantile]];
      return { quantile, limitMs, latencyMs, ok: latencyMs <= limitMs };
    }),
    warnings: warningsOf(result),
  };
}

/** Whether a run is a success: something was answered, every answer is a decision, every budget is kept. */
export function isSuccess(result: LoadResult): boolean {
  return (
    result.answered > 0 &&
    faults(result) === 0 &&
    errorCount(result) === 0 &&
    result.unsent === 0 &&
    result.budgets.every(({ ok }) => ok)
  );
}
