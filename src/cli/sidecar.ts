import type { Command } from 'commander';
import type { PlaceOptions } from './options.ts';
import { withConfig, withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';

interface Options extends PlaceOptions {
  readonly ephemeral?: boolean;
  readonly resetState?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('sidecar')
    .description('run a sidecar until it is told to stop; `firma run` attaches to it')
    .option('--ephemeral', 'keep sessions and budgets in memory only: a restart begins with none')
    .option(
      '--reset-state',
      'where stored sessions and budgets are damaged, move them aside and begin with none; not with --ephemeral',
    );
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma sidecar',
    'firma sidecar --config firma.toml',
  ).action(async (options: Options) => {
    const { startSidecar } = await import('../run/sidecar-child.ts');
    const sidecar = await startSidecar({
      ...(options.config === undefined ? {} : { configPath: options.config }),
      ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
      current: true,
      ...(options.ephemeral === undefined ? {} : { ephemeral: options.ephemeral }),
      ...(options.resetState === undefined ? {} : { resetState: options.resetState }),
    });
    // The sidecar is not in the terminal's process group: a Ctrl-C ends this process, and this process ends it.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => void sidecar.stop());
    const { info } = sidecar;
    if (options.json === true) printJson(info);
    else {
      print(`proxy         ${info.proxy}`);
      print(`decision API  ${info.ingress} (${info.adapter})`);
      print(`              ${info.ingressSocket}`);
      print(`control       ${info.control}`);
      print(`CA            ${info.caFile}`);
      print(`log           ${info.runDir}`);
    }
    process.exitCode = await sidecar.exited;
  });
}
