import type { FixtureCase, PolicyFinding, PolicyQuery } from '@firma/core';
import type { Command } from 'commander';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { columns, print, printJson } from '../output.ts';
import type { FixtureOptions, FixtureSuite } from './fixture-files.ts';
import type { CaseResult } from './run-case.ts';

interface Options extends FixtureOptions {
  readonly case?: string;
  readonly json?: boolean;
}

interface Explained {
  readonly suite: FixtureSuite;
  readonly result: CaseResult;
  /** One a reading. */
  readonly readings: readonly { readonly query: PolicyQuery; readonly findings: readonly PolicyFinding[] }[];
}

/** Policies out of scope that a person is shown. */
const MAX_OUT_OF_SCOPE = 20;
const MAX_NAMES = 10;
const MAX_SHOWN_CHARS = 160;

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
  const { explainPolicies, StartFailed } = await import('@firma/core');
  const { openEngine } = await import('./engine.ts');
  const { openFixtures } = await import('./fixture-files.ts');
  const { CaseRunner } = await import('./run-case.ts');
  const { open, suites } = await openFixtures(file, options);
  const chosen = await chooseCase(
    file,
    suites.flatMap(({ cases }) => cases),
    options.case,
  );
  const suite = suites.find(({ cases }) => cases.includes(chosen));
  if (suite === undefined) throw new StartFailed('a case has no policies');
  const { bundle } = suite;
  const { engine, close } = openEngine(bundle);
  try {
    const result = await new CaseRunner(open, engine).run(chosen);
    const readings = result.queries.map((query) => ({ query, findings: explainPolicies(bundle, query) }));
    return { suite, result, readings };
  } finally {
    close();
  }
}

function shortened(text: string): string {
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

function whichClause({ policy, clause }: PolicyFinding): string {
  if (clause === undefined) return 'its condition';
  return `clause ${clause.number} (${policy.file}:${clause.line})`;
}

/** Why a policy did or did not apply, for a person. */
function why(finding: PolicyFinding): string {
  const { policy, outcome, unmatched, error, clause } = finding;
  const text = clause === undefined ? '' : `: \`${shortened(clause.text)}\``;
  switch (outcome) {
    case 'satisfied':
      return policy.effect === 'permit' ? 'applies: it permits' : 'applies: it forbids';
    case 'unsatisfied':
      return `does not apply: ${whichClause(finding)} is ${clause?.kind === 'unless' ? 'true' : 'false'}${text}`;
    case 'out-of-scope':
      return `does not apply: its scope asks for another ${unmatched.join(' and ')}`;
    case 'errored':
      return `errs, which denies: ${error ?? 'cedar does not say why'} in ${whichClause(finding)}${text}`;
    case 'unknown':
      return `is not known to apply: ${error ?? 'cedar does not answer'}`;
  }
}

function factLines({ facts }: PolicyFinding): string[] {
  return [...facts].map(([name, value]) => {
    const shown = typeof value === 'object' ? `[${value.join(', ')}]` : String(value);
    return `      ${name} = ${shortened(shown)}`;
  });
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
  const rows = columns(
    shown.map((finding) => {
      const { effect, id, file, line } = finding.policy;
      return [`  ${effect}`, id, `${file}:${line}`, why(finding)];
    }),
  );
  const more = others.length - MAX_OUT_OF_SCOPE;
  return [
    ...rows.flatMap((row, index) => {
      const finding = shown[index];
      return finding === undefined ? [row] : [row, ...factLines(finding)];
    }),
    ...(more <= 0 ? [] : [`  and ${more} more that are out of scope; \`--json\` lists them`]),
  ];
}

async function toLines({ suite, result, readings }: Explained): Promise<string[]> {
  const { writtenPolicies } = await import('./written-policies.ts');
  const { placeOfCase, writtenAnswer } = await import('./run-case.ts');
  const { tested, answer, detail, ok } = result;
  const { id, groups } = tested.principal;
  return [
    `case         ${tested.name} (${placeOfCase(tested)})`,
    `policies     ${writtenPolicies(suite)}`,
    `principal    ${id}${groups.length === 0 ? '' : ` in ${groups.join(' ')}`}`,
    ...readings.flatMap(({ query, findings }, index) => [
      ...queryLines(query, index, readings.length),
      ...findingLines(findings),
    ]),
    `outcome      ${writtenAnswer(answer)}${detail === undefined ? '' : `: ${detail}`}`,
    ...(ok ? [] : [`expected     ${writtenAnswer(tested.expected)}`]),
  ];
}

function resultJson({ suite, result: { tested, ok, answer, detail }, readings }: Explained): object {
  return {
    file: tested.file,
    line: tested.line ?? null,
    name: tested.name,
    policies_from: suite.from,
    principal: tested.principal,
    readings: readings.map(({ query: { action, resource, context }, findings }) => ({
      action_class: action.name,
      method: resource.method,
      resource: resource.uid,
      host_groups: resource.hostGroups,
      params: context.params,
      policies: findings.map(({ policy, outcome, unmatched, error, clause, facts }) => ({
        id: policy.id,
        effect: policy.effect,
        file: policy.file,
        line: policy.line,
        outcome,
        unmatched,
        error: error ?? null,
        clause: clause ?? null,
        facts: Object.fromEntries(facts),
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
      'a file, or a directory of *.cedar files (default: those beside the fixture or in the directory above, else those of the configuration)',
    )
    .action(run);
  command.addHelpText(
    'after',
    '\nNothing here needs trust: the configuration only says which facts and budgets there are.',
  );
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma policy explain policies/fixtures/payments.toml --case "a large payment"',
  );
}
