import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { print, printJson } from '../output.ts';
import type { FixtureOptions, OpenFixtures } from './fixture-files.ts';
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
budget = { NAME = what remains }, now = 2025-01-01T12:00:00Z. In place of method and url: action = "CLASS" with
resource = { host, port, path, method, provider, groups }.`;

async function runCases({ open, bundle, cases }: OpenFixtures): Promise<readonly CaseResult[]> {
  const { openEngine } = await import('./engine.ts');
  const { CaseRunner } = await import('./run-case.ts');
  const { engine, close } = openEngine(bundle);
  try {
    const runner = new CaseRunner(open, engine);
    const results: CaseResult[] = [];
    for (const tested of cases) results.push(await runner.run(tested));
    return results;
  } finally {
    close();
  }
}

async function writeReport(file: string, results: readonly CaseResult[]): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  const { Usage } = await import('@firma/core');
  const { junitReport } = await import('./junit.ts');
  try {
    await writeFile(file, junitReport(results));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new Usage(`\`${file}\` cannot be written (${code}); name another file with \`--junit\``);
  }
}

function resultJson(results: readonly CaseResult[], files: number): object {
  const failed = results.filter(({ ok }) => !ok).length;
  return {
    ok: failed === 0,
    files,
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

async function toLines(results: readonly CaseResult[], files: number): Promise<string[]> {
  const { placeOfCase, writtenAnswer } = await import('./run-case.ts');
  const failed = results.filter(({ ok }) => !ok);
  return [
    ...failed.flatMap(({ tested, answer, detail }) => [
      `${placeOfCase(tested)}: failed: ${tested.name}`,
      `  expected  ${writtenAnswer(tested.expected)}`,
      `  came      ${writtenAnswer(answer)}${detail === undefined ? '' : `: ${detail}`}`,
    ]),
    `cases: ${results.length} in ${files} ${files === 1 ? 'file' : 'files'}; ` +
      `passed: ${results.length - failed.length}; failed: ${failed.length}`,
  ];
}

async function run(path: string | undefined, options: Options): Promise<void> {
  const { openFixtures } = await import('./fixture-files.ts');
  const fixtures = await openFixtures(path, options);
  const results = await runCases(fixtures);
  if (options.junit !== undefined) await writeReport(options.junit, results);
  if (results.some(({ ok }) => !ok)) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(resultJson(results, fixtures.files));
  else print(await toLines(results, fixtures.files));
}

export function register(policy: Command): void {
  const command = policy
    .command('test')
    .description(
      'run cases against policies: who calls what, and what has to come; ends 1 where something else does',
    )
    .argument(
      '[path]',
      'fixtures: a file, or a directory of *.toml and *.json files (default: beside the policies of the configuration)',
    )
    .option(
      '--policies <path>',
      'a file, or a directory of *.cedar files (default: those beside the fixtures, else those of the configuration)',
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
