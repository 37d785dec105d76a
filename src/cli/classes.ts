import { type Command, Option } from 'commander';
import { columns, print, printJson } from './output.ts';
import { withExamples, withJson } from './options.ts';

interface Options {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

async function run(options: Options): Promise<void> {
  const { ACTION_CLASSES, registryMarkdown, registryVersion } = await import('@firma/core');
  if (options.markdown === true) {
    process.stdout.write(registryMarkdown());
    return;
  }
  if (options.json === true) {
    const { sha256Hex } = await import('../sha256.ts');
    const classes = ACTION_CLASSES.map(({ name, risk, effect, category, base, meaning }) => ({
      name,
      risk,
      effect,
      category,
      base,
      meaning,
    }));
    printJson({ registry_version: registryVersion(sha256Hex), classes });
    return;
  }
  const rows = ACTION_CLASSES.map((info) => [
    info.name,
    info.risk,
    info.effect,
    info.base ? 'fep' : '',
    info.meaning,
  ]);
  print(columns([['CLASS', 'RISK', 'EFFECT', 'BASE', 'MEANING'], ...rows]));
}

export function register(program: Command): void {
  const command = program
    .command('classes')
    .description('list the action classes: what a call can be')
    .addOption(new Option('--markdown', 'print the text of REGISTRY.md').conflicts('json'))
    .action(run);
  withExamples(withJson(command), 'firma classes', 'firma classes --json');
}
