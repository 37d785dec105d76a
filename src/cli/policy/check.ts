import type { Bundle, PolicyWarning } from '@firma/core';
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import type { PlaceOptions } from '../options.ts';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { print, printJson } from '../output.ts';
import { reportProblems } from '../report-problems.ts';
import type { OpenPolicies } from './open.ts';

interface Options extends PlaceOptions {
  readonly strict?: boolean;
  readonly issuance?: boolean;
  readonly json?: boolean;
}

interface DeclinedPolicy {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

interface Findings {
  readonly ok: boolean;
  readonly files: number;
  readonly policies: number;
  readonly permits: number;
  readonly forbids: number;
  readonly declined: readonly DeclinedPolicy[];
  readonly warnings: readonly PolicyWarning[];
}

function declinedIn({ policies }: Bundle): DeclinedPolicy[] {
  return policies.flatMap(({ id, file, line, lowered }) =>
    'declined' in lowered ? [{ id, file, line, reason: lowered.declined }] : [],
  );
}

async function findingsOf(
  bundle: Bundle,
  { sources, mappings }: OpenPolicies,
  isStrict: boolean,
): Promise<Findings> {
  const { lintBundle } = await import('@firma/core');
  const warnings = lintBundle(bundle, mappings.hostGroups);
  const permits = bundle.policies.filter(({ effect }) => effect === 'permit').length;
  return {
    ok: !isStrict || warnings.length === 0,
    files: sources.length,
    policies: bundle.policies.length,
    permits,
    forbids: bundle.policies.length - permits,
    declined: declinedIn(bundle),
    warnings,
  };
}

function resultJson({ warnings, ...findings }: Findings): object {
  return {
    ...findings,
    warnings: warnings.map(({ kind, policy: { id, file, line }, message }) => ({
      kind,
      id,
      file,
      line,
      message,
    })),
  };
}

function toLines(findings: Findings): string[] {
  const { files, policies, permits, forbids, declined, warnings } = findings;
  return [
    ...warnings.map(({ policy: { file, line }, message }) => `${file}:${line}: warning: ${message}`),
    ...declined.map(
      ({ id, file, line, reason }) =>
        `${file}:${line}: note: \`${id}\` is left to the reference engine, which is slower: ${reason}`,
    ),
    `policies: ${policies} in ${files} ${files === 1 ? 'file' : 'files'}; permits: ${permits}; forbids: ${forbids}; ` +
      `declined: ${declined.length}; warnings: ${warnings.length}`,
  ];
}

async function run(path: string | undefined, options: Options): Promise<void> {
  if (options.issuance === true) {
    const { checkIssuancePolicies } = await import('./check-issuance.ts');
    await checkIssuancePolicies(path, options, options.json === true);
    return;
  }
  const { PolicyInvalid, policyProblems } = await import('@firma/core');
  const { bundleOf, openPolicies, schemaInputs } = await import('./open.ts');
  const open = await openPolicies(path, options, path === undefined);
  let bundle: Bundle;
  try {
    bundle = bundleOf(open, open.sources);
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error;
    await reportProblems(policyProblems(open.sources, schemaInputs(open)), options.json === true);
    return;
  }
  const findings = await findingsOf(bundle, open, options.strict === true);
  if (!findings.ok) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(resultJson(findings));
  else print(toLines(findings));
}

export function register(policy: Command): void {
  const command = policy
    .command('check')
    .description('find errors in policies, and what they say but probably do not mean; ends 1 for errors')
    .argument(
      '[path]',
      'a file, or a directory of *.cedar files (default: those of the configuration in force, which has to be trusted)',
    )
    .option('--strict', 'fail for a warning')
    .option('--issuance', 'the policies say who may be given a token; they are checked for errors only')
    .action(run);
  command.addHelpText(
    'after',
    '\nWith a path nothing needs trust: the configuration only says which facts and budgets there are.',
  );
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma policy check',
    'firma policy check policies/ --strict',
  );
}
