import type { Command } from 'commander';
import type { PlaceOptions } from '../options.ts';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { printJson } from '../output.ts';

interface Options extends PlaceOptions {
  readonly json?: boolean;
}

async function run(options: Options): Promise<void> {
  const { bundleOf, openPolicies } = await import('./open.ts');
  const { schema } = bundleOf(await openPolicies(undefined, options, false), []).canonical;
  if (options.json === true) printJson({ schema });
  else process.stdout.write(schema);
}

export function register(policy: Command): void {
  const command = policy
    .command('schema')
    .description(
      'print the Cedar schema: what a policy may read, with the facts and budgets of the configuration',
    )
    .action(run);
  command.addHelpText('after', '\nNothing here needs trust.');
  withExamples(withJson(withStateDir(withConfig(command))), 'firma policy schema > firma.cedarschema');
}
