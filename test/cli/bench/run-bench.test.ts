import { describe, expect, it } from 'vitest';
import { eachOf, QUANTILES, STAGES } from '../../../src/cli/bench/figures.ts';
import { type BenchOptions, type BenchResult, runBench } from '../../../src/cli/bench/run-bench.ts';

const RULES = `[[rules]]
method = "POST"
host = "pay.example"
path = "/pay"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"
currency = "form:currency"

[[rules]]
method = "GET"
host = "code.example"
path = "/x/*"
action_class = "code.read"

[[rules]]
method = "DELETE"
host = "code.example"
path = "/x/*"
action_class = "code.destructive"
`;
const POLICIES = `
@id("read") permit (principal in Firma::AgentGroup::"ops", action == Firma::Action::"code.read", resource);
@id("pay") permit (principal, action == Firma::Action::"payment.transfer", resource)
when { context.params has amount && context.params.amount < 50000 };
@id("runaway") @outcome("abort") forbid (principal, action, resource) when { context.session.denies > 2 };
`;
const CONFIG: BenchOptions['config'] = {
  file: undefined,
  defaultProtected: true,
  skewS: 5,
  budgets: [
    { name: 'spend', match: ['payment.*'], maxAmount: 1, currency: 'usd', per: 'agent', onExceed: 'deny' },
    { name: 'reads', match: ['code.read'], maxCalls: 1, window: '2s', per: 'sidecar', onExceed: 'deny' },
  ],
  mappings: [{ file: 'rules.toml', text: RULES }],
  policies: [{ file: 'own.cedar', text: POLICIES }],
};
const OPTIONS: BenchOptions = {
  config: CONFIG,
  budgets: [],
  durationMs: 100,
  seed: 1,
  attempts: 1,
  sessions: 32,
  maxRegression: 0.1,
  // Far above what a busy machine adds to the fastest of several laps, far below what is planted.
  floorUs: 1000,
};
const BASELINE = {
  config: CONFIG,
  madeOn: { firma: '', node: '', cpu: '' },
  figures: eachOf(STAGES, () => eachOf(QUANTILES, () => 0)),
};

async function benched(options: Partial<BenchOptions> = {}): Promise<BenchResult> {
  return runBench({ ...OPTIONS, ...options });
}

function failed({ checks }: BenchResult): readonly string[] {
  return checks.filter(({ ok }) => !ok).map(({ kind, name }) => `${kind} ${name}`);
}

describe('a bench', () => {
  it('answers every call alike in every lap, where sessions end and budgets have no room', async () => {
    const result = await benched();
    expect(failed(result)).toEqual([]);
    const answers = new Map(result.answers);
    expect([...answers.keys()].toSorted()).toEqual([
      'ABORT POLICY_ABORT',
      'ALLOW',
      'DENY BUDGET_EXCEEDED',
      'DENY POLICY_NO_PERMIT',
      'DENY SESSION_ABORTED',
    ]);
    expect(result).toMatchObject({ calls: 3, rules: 3, policies: 3, budgets: 2, agents: 16, without: [] });
    expect([...answers.values()].reduce((sum, count) => sum + count, 0)).toBe(result.positions);
    expect(result.figures.total.p99).toBeGreaterThanOrEqual(result.figures.total.p50);
    expect(result.figures.verify.p50).toBeGreaterThan(0);
  });

  it('takes calls that were given', async () => {
    const call = { method: 'GET', url: 'https://nowhere.example/' };
    const { answers, calls } = await benched({ requests: [{ where: 'calls.jsonl:1', call }] });
    expect(calls).toBe(1);
    expect(answers[0]?.[0]).toBe('DENY UNCLASSIFIED_ACTION');
  });

  it.each(['normalize', 'capability', 'record'] as const)(
    'names the stage that was slowed: %s',
    async (stage) => {
      // Without the policy that ends sessions: most calls would not get to the policies.
      const config = {
        ...CONFIG,
        budgets: [],
        policies: [{ file: 'own.cedar', text: POLICIES.replace('denies > 2', 'denies > 99') }],
      };
      const result = await benched({
        config,
        baseline: { ...BASELINE, config },
        planted: { stage, delayMs: 2 },
      });
      expect(failed(result)).toEqual([
        `regression ${stage}.p50`,
        `regression ${stage}.p99`,
        'regression total.p50',
        'regression total.p99',
      ]);
    },
  );

  it('misses a budget for what was slowed, and no generous one', async () => {
    const result = await benched({
      planted: { stage: 'verify', delayMs: 2 },
      budgets: [
        { stage: 'verify', quantile: 'p50', limitUs: 1999 },
        { stage: 'verify', quantile: 'p99', limitUs: 60_000_000 },
        { stage: 'total', quantile: 'p99', limitUs: 60_000_000 },
      ],
      attempts: 2,
    });
    expect(failed(result)).toEqual(['budget verify.p50']);
    expect(result.attempts).toBe(2);
  });

  it('compares what both configurations answer alike, and nothing where that is nothing', async () => {
    const config = {
      ...CONFIG,
      policies: [
        {
          file: 'own.cedar',
          text: POLICIES.replace('Firma::Action::"code.read"', 'Firma::Action::"code.write"'),
        },
      ],
    };
    const some = await benched({ baseline: { ...BASELINE, config } });
    expect(some.changed).toBeGreaterThan(0);
    expect(some.changed).toBeLessThan(some.positions);
    const none = { ...config, mappings: [{ file: 'rules.toml', text: RULES.replaceAll('example', 'test') }] };
    await expect(benched({ baseline: { ...BASELINE, config: none } })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
