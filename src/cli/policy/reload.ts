import type { Command } from 'commander';
import type { PlaceOptions } from '../options.ts';
import { surroundings, withExamples, withJson, withStateDir } from '../options.ts';
import { print, printJson } from '../output.ts';

interface Options extends PlaceOptions {
  readonly json?: boolean;
}

async function run(options: Options): Promise<void> {
  const { StartFailed } = await import('@firma/core');
  const { stateDirPath } = await import('../../config/state-dir.ts');
  const { controlClient } = await import('../../session/control-client.ts');
  const { findSidecar } = await import('../../session/current.ts');
  const root = stateDirPath(options.stateDir, surroundings());
  const sidecar = await findSidecar(root);
  if (sidecar === undefined) {
    throw new StartFailed(`no sidecar runs for \`${root}\`; start one with \`firma sidecar\``);
  }
  const changed = await controlClient(sidecar.control).reloadPolicies();
  if (options.json === true) printJson({ changed });
  else
    print(
      changed ? 'the tables and policies are in force' : 'these tables and policies are in force already',
    );
}

export function register(policy: Command): void {
  const command = policy
    .command('reload')
    .description('put changed, trusted tables and policies in force in the running sidecar')
    .action(run);
  withExamples(withJson(withStateDir(command)), 'firma trust && firma policy reload');
}
