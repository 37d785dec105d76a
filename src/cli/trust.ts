import type { Command } from 'commander';
import { print, printJson } from './output.ts';
import { type PlaceOptions, surroundings, withExamples, withJson, withStateDir } from './options.ts';

interface Options extends PlaceOptions {
  readonly json?: boolean;
}

async function run(file: string | undefined, options: Options): Promise<void> {
  const { Usage } = await import('@firma/core');
  const { findConfig } = await import('../config/find.ts');
  const { stateDirPath } = await import('../config/state-dir.ts');
  const { trust } = await import('../config/trust.ts');
  const { checkLoaded } = await import('../open-firma.ts');
  const around = surroundings();
  const found = await findConfig(file, around);
  if (found === undefined) {
    throw new Usage('there is no `firma.toml` here or above; name the file to trust: `firma trust FILE`');
  }
  const change = await trust(found, stateDirPath(options.stateDir, around), checkLoaded);
  if (options.json === true) {
    printJson({ config: found, ...change });
    return;
  }
  for (const path of change.added) print(`added    ${path}`);
  for (const path of change.changed) print(`changed  ${path}`);
  for (const path of change.removed) print(`removed  ${path}`);
  const same = change.added.length + change.changed.length + change.removed.length === 0;
  print(same ? `${found} was trusted as it is` : `${found} is trusted from now on`);
}

export function register(program: Command): void {
  const command = program
    .command('trust')
    .description('trust a configuration and every file it names, as they are now')
    .argument('[file]', 'configuration file (default: $FIRMA_CONFIG, or the nearest firma.toml)')
    .action(run);
  withExamples(withJson(withStateDir(command)), 'firma trust', 'firma trust ./firma.toml --json');
}
