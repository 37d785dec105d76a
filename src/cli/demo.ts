import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import { withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';

interface Options {
  readonly stateDir?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('demo')
    .description('play an agent behind a sidecar on loopback, and verify the signed log of it');
  withExamples(withJson(withStateDir(command)), 'firma demo', 'FIRMA_STATE_DIR=/tmp/demo firma demo').action(
    async (options: Options) => {
      const { runDemo } = await import('./demo/run-demo.ts');
      const asked = options.stateDir ?? process.env['FIRMA_STATE_DIR'];
      const say = options.json === true ? (): void => undefined : print;
      const result = await runDemo(asked === '' ? undefined : asked, say);
      if (options.json === true) printJson(result);
      process.exitCode = result.ok ? EXIT.done : EXIT.checkFailed;
    },
  );
}
