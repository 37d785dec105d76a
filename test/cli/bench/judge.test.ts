import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CALL_STAGES, eachOf, medianOf, QUANTILES, STAGES } from '../../../src/cli/bench/figures.ts';
import { judgeBudget, judgeEngines, judgeRegressions } from '../../../src/cli/bench/judge.ts';
import { junitReport } from '../../../src/cli/bench/junit.ts';
import { markdownReport } from '../../../src/cli/bench/markdown.ts';
import { COMPARED, type Round } from '../../../src/cli/bench/measure.ts';
import { type Report, textReport } from '../../../src/cli/bench/report.ts';

/** A round in which everything takes so long, but for `policy`. */
function roundOf(us: number, policyUs = us): Round {
  const of = (stage: string): number => (stage === 'policy' ? policyUs : us);
  return {
    figures: eachOf(STAGES, (stage) => eachOf(QUANTILES, () => of(stage))),
    typical: eachOf(CALL_STAGES, (stage) => eachOf(COMPARED, () => of(stage))),
  };
}

const TEN = Array.from({ length: 10 }, () => roundOf(100));
const LIMITS = { maxRegression: 0.1, floorUs: 5 };

function failing(present: readonly Round[], limits = LIMITS): readonly string[] {
  return judgeRegressions({ present, baseline: TEN }, limits)
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
}

describe('a budget', () => {
  it('is judged by the best round, and met by what is just it', () => {
    const rounds = [roundOf(900), roundOf(50), roundOf(70)];
    const budget = { stage: 'total', quantile: 'p99' } as const;
    expect(judgeBudget({ ...budget, limitUs: 50 }, rounds)).toMatchObject({ ok: true, name: 'total.p99' });
    expect(judgeBudget({ ...budget, limitUs: 49 }, rounds)).toMatchObject({
      ok: false,
      numbers: { best_us: 50, median_us: 70, budget_us: 49 },
    });
  });

  it('is missed where nothing was measured', () => {
    expect(judgeBudget({ stage: 'verify', quantile: 'p50', limitUs: 1e9 }, [roundOf(Number.NaN)]).ok).toBe(
      false,
    );
  });
});

describe('a regression', () => {
  it('is told of the stage that got slower', () => {
    expect(failing(TEN.map(() => roundOf(100, 120)))).toEqual(['policy.p50', 'policy.p99']);
  });

  it('has to pass both limits', () => {
    expect(failing(TEN.map(() => roundOf(100, 109)))).toEqual([]);
    expect(
      failing(
        TEN.map(() => roundOf(100, 120)),
        { maxRegression: 0.1, floorUs: 21 },
      ),
    ).toEqual([]);
    expect(
      failing(
        TEN.map(() => roundOf(100, 120)),
        { maxRegression: 0.25, floorUs: 5 },
      ),
    ).toEqual([]);
    expect(
      failing(
        TEN.map(() => roundOf(100, 107)),
        { maxRegression: 0, floorUs: 5 },
      ),
    ).toHaveLength(2);
  });

  it('is none where a few rounds were disturbed, or everything got faster', () => {
    const disturbed = TEN.map((round, index) => (index < 4 ? roundOf(5000) : round));
    expect(failing(disturbed)).toEqual([]);
    expect(failing(TEN.map(() => roundOf(10)))).toEqual([]);
  });

  it('is one where a stage that took no time takes some', () => {
    const none = [roundOf(100, 0)];
    const checks = judgeRegressions({ present: [roundOf(100, 50)], baseline: none }, LIMITS);
    expect(checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['policy.p50', 'policy.p99']);
  });

  it('is never found between equal figures', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 }), (figures) => {
        const rounds = figures.map((us) => roundOf(us));
        const checks = judgeRegressions(
          { present: rounds, baseline: rounds },
          { maxRegression: 0, floorUs: 0 },
        );
        expect(checks.every(({ ok }) => ok)).toBe(true);
      }),
    );
  });

  it('is one where a figure is none', () => {
    expect(failing([roundOf(100, Number.NaN)])).toEqual(['policy.p50', 'policy.p99']);
  });
});

it('takes the middle', () => {
  expect([medianOf([3, 1, 2]), medianOf([4, 1, 2, 3]), medianOf([5])]).toEqual([2, 2.5, 5]);
});

describe('the reports', () => {
  const rounds = [roundOf(12.345)];
  const place = `a<b>"&'|\`*\u0007.toml:3`;
  const checks = [
    judgeEngines(1, 7),
    judgeBudget({ stage: 'total', quantile: 'p99', limitUs: 1 }, rounds),
    ...judgeRegressions({ present: [roundOf(200, 1)], baseline: rounds }, LIMITS),
  ];
  const report: Report = {
    result: {
      ok: false,
      attempts: 3,
      figures: roundOf(12.345).figures,
      baselineFigures: roundOf(12).figures,
      checks,
      calls: 7,
      sessions: 256,
      agents: 16,
      rules: 8,
      policies: 2,
      declined: 1,
      budgets: 0,
      without: [place],
      answers: [['ALLOW', 2048]],
      changed: 3,
      positions: 2048,
      rounds: 1,
      roundMs: 100,
      samples: 6144,
    },
    madeOn: { firma: '0.1.0', node: 'v20', cpu: 'some' },
    baseline: { madeOn: { firma: '0.0.9', node: 'v18', cpu: 'other' } },
  };

  it('for a terminal name what failed', () => {
    const text = textReport(report).join('\n');
    expect(text).toMatch(/^MISSED {2}total\.p99 /m);
    expect(text).toMatch(/^SLOWER {2}normalize\.p50 /m);
    expect(text).toMatch(/^ok {6}policy\.p50 /m);
    expect(text).toMatch(/^DIFFER {2}compiled engine /m);
    expect(text).toContain('measured 3 times');
    expect(text).toContain('policies left to the reference engine, which is slower: 1');
    expect(text).toContain('its saved figures are not compared');
  });

  it('for JUnit count what failed, a case for each thing asked for, and escape what a file is called', () => {
    const xml = junitReport(report);
    const failures = checks.filter(({ ok }) => !ok).length;
    expect(xml).toContain(
      `<testsuites name="firma bench" tests="${checks.length + STAGES.length}" failures="${failures}">`,
    );
    expect(xml.match(/<failure /g)).toHaveLength(failures);
    expect(xml.match(/<testcase /g)).toHaveLength(checks.length + STAGES.length);
    expect(xml).toContain('a&lt;b&gt;&quot;&amp;&apos;|`*\ufffd.toml:3');
    expect(xml).not.toMatch(/&(?!(?:amp|lt|gt|quot|apos);)/);
  });

  it('in Markdown hold nothing that a file name could add to', () => {
    const markdown = markdownReport(report);
    expect(markdown).toContain('## firma bench: a limit is missed');
    expect(markdown).toContain('a&lt;b>"&amp;\'\\|\\`\\*\\\\x07.toml:3');
    expect(markdown).toContain('| MISSED | budget total.p99 |');
  });
});
