import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import type { PlaceOptions } from './options.ts';
import { withConfig, withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';

interface Options extends PlaceOptions {
  readonly json?: boolean;
}

const MAX_CALL_BYTES = 256 * 1024;

export function register(program: Command): void {
  const command = program
    .command('decide')
    .description(
      'decides one call: JSON with `token`, `method`, `url`, `headers` and `body` in, the decision out',
    )
    .argument('[file]', 'file with the call, or - for standard input', '-');
  withExamples(
    withJson(withStateDir(withConfig(command))),
    `echo '{"token":"…","method":"GET","url":"https://api.github.com/user"}' | firma decide`,
    'firma decide call.json --json',
  ).action(async (file: string, options: Options) => {
    const { Usage } = await import('@firma/core');
    const { readInput } = await import('./input.ts');
    const { decisionJson, parseCallText } = await import('../call.ts');
    const { openFirma } = await import('../open-firma.ts');
    const bytes = await readInput(file, MAX_CALL_BYTES);
    const call = parseCallText(new TextDecoder().decode(bytes));
    if ('invalid' in call) throw new Usage(call.invalid);
    const firma = await openFirma(options);
    try {
      const decision = await firma.decide(call);
      const answer = decisionJson(decision);
      if (options.json === true) printJson(answer);
      else
        print(
          [
            answer.outcome,
            answer.action_class ?? '-',
            answer.resource ?? '-',
            answer.reason,
            answer.detail,
          ].join('  '),
        );
      process.exitCode = decision.outcome === 'ALLOW' ? EXIT.done : EXIT.checkFailed;
    } finally {
      await firma.close();
    }
  });
}
