import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { print, printJson } from '../output.ts';
import type { FixtureOptions, FixtureSuite } from './fixture-files.ts';
import type { TestedSuite } from './junit.ts';
import type { OpenPolicies } from './open.ts';
import type { CaseResult } from './run-case.ts';

interface Options extends FixtureOptions {
  readonly junit?: string;
  readonly json?: boolean;
}

const FIXTURE_HELP = `
A case of a fixture file:
  [[cases]]
  name = "a large payment is refused"
  principal = { id = "agent-7", groups = ["ops"] }
  method = "POST"
  url = "https://api.stripe.com/v1/payment_intents"
  content_type = "application/x-www-form-urlencoded"
  body = "amount=500000&currency=usd"
  session = { calls = 3, denies = 1 }
  expect = { outcome = "DENY", reason = "POLICY_FORBID", policies = ["payment-transfer-limit"] }

Also, where a case needs them: headers = { NAME = "…" }, params = { NAME = … } in place of a body,
session = { calls, denies, age_s, classes, hosts, injected, last_class }, capability = { actions, scope, age_s, ttl_s },
budget = { NAME = what remains after this call }, now = 2025-01-01T12:00:00Z. In place of method and url: action = "CLASS"
with resource = { host, port, path, method, provider, groups }; provider and groups are the mapping tables' unless given.
Before the cases: policies = ["strict.cedar"], for cases about some files of the policies only.

Budgets and tokens take no part: what is ALLOW here can still be DENY for a live call.

Without a path the policies of the configuration in force are tested, which has to be trusted; with one nothing needs
trust, the configuration only says which facts and budgets there are.`;

async function runSuite(open: OpenPolicies, suite: FixtureSuite): Promise<TestedSuite> {
  const { openEngine } = await import('./engine.ts');
  const { CaseRunner } = await import('./run-case.ts');
  const { engine, close } = openEngine(suite.bundle);
  try {
    const runner = new CaseRunner(open, engine);
    const results: CaseResult[] = [];
    for (const tested of suite.cases) results.push(await runner.run(tested));
    return { suite, results };
  } finally {
    close();
  }
}

async function writeReport(file: string, tested: readonly TestedSuite[]): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  const { Usage } = await import('@firma/core');
  const { junitReport } = await import('./junit.ts');
  try {
    await writeFile(file, junitReport(tested));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new Usage(`\`${file}\` cannot be written (${code}); name another file with \`--junit\``);
  }
}

function resultJson(tested: readonly TestedSuite[], files: number): object {
  const results = tested.flatMap((one) => one.results);
  const failed = results.filter(({ ok }) => !ok).length;
  return {
    ok: failed === 0,
    files,
    policies: tested.map(({ suite: { bundle, from, only, cases } }) => ({
      count: bundle.policies.length,
      from,
      files: only ?? null,
      cases: cases.length,
    })),
    cases: results.length,
    passed: results.length - failed,
    failed,
    results: results.map(({ tested: { file, line, name, expected }, ok, answer, detail }) => ({
      file,
      line: line ?? null,
      name,
      ok,
      expected: {
        outcome: expected.outcome,
        reason: expected.reason ?? null,
        policies: expected.policies ?? null,
      },
      came: { ...answer, detail: detail ?? null },
    })),
  };
}

async function toLines(tested: readonly TestedSuite[], files: number): Promise<string[]> {
  const { placeOfCase, writtenAnswer } = await import('./run-case.ts');
  const { writtenPolicies } = await import('./written-policies.ts');
  const results = tested.flatMap((one) => one.results);
  const failed = results.filter(({ ok }) => !ok);
  return [
    ...failed.flatMap(({ tested: one, answer, detail }) => [
      `${placeOfCase(one)}: failed: ${one.name}`,
      `  expected  ${writtenAnswer(one.expected)}`,
      `  came      ${writtenAnswer(answer)}${detail === undefined ? '' : `: ${detail}`}`,
    ]),
    ...tested.map(({ suite }) => `policies: ${writtenPolicies(suite)}`),
    `cases: ${results.length} in ${files} ${files === 1 ? 'file' : 'files'}; ` +
      `passed: ${results.length - failed.length}; failed: ${failed.length}`,
  ];
}

async function run(path: string | undefined, options: Options): Promise<void> {
  const { openFixtures } = await import('./fixture-files.ts');
  const { open, files, suites } = await openFixtures(path, options);
  const tested: TestedSuite[] = [];
  for (const suite of suites) tested.push(await runSuite(open, suite));
  if (options.junit !== undefined) await writeReport(options.junit, tested);
  if (tested.some(({ results }) => results.some(({ ok }) => !ok))) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(resultJson(tested, files));
  else print(await toLines(tested, files));
}

export function register(policy: Command): void {
  const command = policy
    .command('test')
    .description(
      'run cases against policies: who calls what, and what has to come; ends 1 where something else does',
    )
    .argument(
      '[path]',
      'fixtures: a file, or a directory with *.toml and *.json files in it or in its `fixtures` (default: beside the policies of the configuration in force)',
    )
    .option(
      '--policies <path>',
      'a file, or a directory of *.cedar files (default: those beside the fixtures or in the directory above, else those of the configuration)',
    )
    .option('--junit <file>', 'write a JUnit report, too')
    .action(run);
  command.addHelpText('after', FIXTURE_HELP);
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma policy test',
    'firma policy test fixtures/ --policies policies/ --junit report.xml',
  );
}
