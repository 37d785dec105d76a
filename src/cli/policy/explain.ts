import type { FixtureCase, PolicyFinding, PolicyQuery } from '@firma/core';
import type { Command } from 'commander';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { columns, print, printJson } from '../output.ts';
import type { FixtureOptions } from './fixture-files.ts';
import type { CaseResult } from './run-case.ts';

interface Options extends FixtureOptions {
  readonly case?: string;
  readonly json?: boolean;
}

interface Explained {
  readonly result: CaseResult;
  /** One a reading. */
  readonly readings: readonly { readonly query: PolicyQuery; readonly findings: readonly PolicyFinding[] }[];
}

/** Policies out of scope that a person is shown. */
const MAX_OUT_OF_SCOPE = 20;
const MAX_NAMES = 10;

async function chooseCase(
  file: string,
  cases: readonly FixtureCase[],
  name: string | undefined,
): Promise<FixtureCase> {
  const { closestWord, Usage } = await import('@firma/core');
  const [first, ...others] = cases;
  const found = name === undefined ? first : cases.find((one) => one.name === name);
  if (found !== undefined && (name !== undefined || others.length === 0)) return found;
  const names = cases.map((one) => one.name);
  const near = name === undefined ? undefined : closestWord(name, names);
  if (near !== undefined) throw new Usage(`\`${file}\` has no case \`${name}\`; did you mean \`${near}\`?`);
  const listed = names.slice(0, MAX_NAMES).map((one) => `\`${one}\``);
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  throw new Usage(`name one case of \`${file}\` with \`--case\`: ${listed.join(', ')}${more}`);
}

async function explain(file: string, options: Options): Promise<Explained> {
  const { explainPolicies } = await import('@firma/core');
  const { openEngine } = await import('./engine.ts');
  const { openFixtures } = await import('./fixture-files.ts');
  const { CaseRunner } = await import('./run-case.ts');
  const { open, bundle, cases } = await openFixtures(file, options);
  const chosen = await chooseCase(file, cases, options.case);
  const { engine, close } = openEngine(bundle);
  try {
    const result = await new CaseRunner(open, engine).run(chosen);
    const readings = result.queries.map((query) => ({ query, findings: explainPolicies(bundle, query) }));
    return { result, readings };
  } finally {
    close();
  }
}

/** Why a policy did or did not apply, for a person. */
function why({ policy, outcome, unmatched, error }: PolicyFinding): string {
  switch (outcome) {
    case 'satisfied':
      return policy.effect === 'permit' ? 'applies: it permits' : 'applies: it forbids';
    case 'unsatisfied':
      return 'does not apply: its condition is false';
    case 'out-of-scope':
      return `does not apply: its scope asks for another ${unmatched.join(' and ')}`;
    case 'errored':
      return `errs, which denies: ${error ?? 'cedar does not say why'}`;
    case 'unknown':
      return `is not known to apply: ${error ?? 'cedar does not answer'}`;
  }
}

function queryLines({ action, resource, context }: PolicyQuery, index: number, of: number): string[] {
  const facts = Object.entries(context.params).map(([name, value]) => `${name}=${value}`);
  return [
    `reading ${index + 1} of ${of}: ${action.name}`,
    `  request    ${resource.method} ${resource.uid}`,
    ...(resource.hostGroups.length === 0 ? [] : [`  groups     ${resource.hostGroups.join(' ')}`]),
    ...(facts.length === 0 ? [] : [`  params     ${facts.join(' ')}`]),
  ];
}

function findingLines(findings: readonly PolicyFinding[]): string[] {
  const inScope = findings.filter(({ outcome }) => outcome !== 'out-of-scope');
  const others = findings.filter(({ outcome }) => outcome === 'out-of-scope');
  const shown = [...inScope, ...others.slice(0, MAX_OUT_OF_SCOPE)];
  const more = others.length - MAX_OUT_OF_SCOPE;
  return [
    ...columns(
      shown.map((finding) => {
        const { effect, id, file, line } = finding.policy;
        return [`  ${effect}`, id, `${file}:${line}`, why(finding)];
      }),
    ),
    ...(more <= 0 ? [] : [`  and ${more} more that are out of scope; \`--json\` lists them`]),
  ];
}

async function toLines({ result, readings }: Explained): Promise<string[]> {
  const { placeOfCase, writtenAnswer } = await import('./run-case.ts');
  const { tested, answer, detail, ok } = result;
  const { id, groups } = tested.principal;
  return [
    `case         ${tested.name} (${placeOfCase(tested)})`,
    `principal    ${id}${groups.length === 0 ? '' : ` in ${groups.join(' ')}`}`,
    ...readings.flatMap(({ query, findings }, index) => [
      ...queryLines(query, index, readings.length),
      ...findingLines(findings),
    ]),
    `outcome      ${writtenAnswer(answer)}${detail === undefined ? '' : `: ${detail}`}`,
    ...(ok ? [] : [`expected     ${writtenAnswer(tested.expected)}`]),
  ];
}

function resultJson({ result: { tested, ok, answer, detail }, readings }: Explained): object {
  return {
    file: tested.file,
    line: tested.line ?? null,
    name: tested.name,
    principal: tested.principal,
    readings: readings.map(({ query: { action, resource, context }, findings }) => ({
      action_class: action.name,
      method: resource.method,
      resource: resource.uid,
      host_groups: resource.hostGroups,
      params: context.params,
      policies: findings.map(({ policy, outcome, unmatched, error }) => ({
        id: policy.id,
        effect: policy.effect,
        file: policy.file,
        line: policy.line,
        outcome,
        unmatched,
        error: error ?? null,
      })),
    })),
    ...answer,
    detail: detail ?? null,
    as_expected: ok,
  };
}

async function run(file: string, options: Options): Promise<void> {
  const explained = await explain(file, options);
  if (options.json === true) printJson(resultJson(explained));
  else print(await toLines(explained));
}

export function register(policy: Command): void {
  const command = policy
    .command('explain')
    .description('show for one case how the call is read, and why each policy did or did not apply')
    .argument('<fixture>', 'a fixture file')
    .option('--case <name>', 'which case of the file (default: the only one)')
    .option(
      '--policies <path>',
      'a file, or a directory of *.cedar files (default: those beside the fixture, else those of the configuration)',
    )
    .action(run);
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma policy explain fixtures/payments.toml --case "a large payment"',
  );
}
