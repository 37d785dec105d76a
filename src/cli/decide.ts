import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import type { PlaceOptions } from './options.ts';
import { withConfig, withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';

interface Options extends PlaceOptions {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('decide')
    .description(
      'decide one call: JSON with `token`, `method`, `url`, `headers` and `body` in, the decision out; with counters of its own: a running sidecar is not asked',
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
    // Whatever way a call comes in, it is at most this long.
    const { MAX_BODY_BYTES } = await import('../ingress/port.ts');
    const { openFirma } = await import('../open-firma.ts');
    const bytes = await readInput(file, MAX_BODY_BYTES + 1);
    if (bytes.length > MAX_BODY_BYTES) throw new Usage(`the call is longer than ${MAX_BODY_BYTES} bytes`);
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
