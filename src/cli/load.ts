import type { FileHandle } from 'node:fs/promises';
import type { Command } from 'commander';
import type { LoadResult } from '../load/result.ts';
import { EXIT } from './exit.ts';
import type { Options } from './load/given.ts';
import { collect, withConfig, withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';

const MORE = `
Who asks for what is a mix: a TOML file that --print-mix makes from the mapping tables and policies in force, to be
edited and given back with --mix. Tokens are issued by the Authority of the state directory before the load begins, and
with the proxy one session an agent is opened at the sidecar.

The load is open: a request is due at its time whatever becomes of those before it, and its latency counts from then.
What is due while every connection is in use waits for one, at most five seconds' worth, and is counted as unsent beyond.

An allowed call through the proxy leaves it: only hosts that [[sidecar.upstream.overrides]] sends to this machine are
asked for. Exit code 1: a request had no answer, or INTERNAL, or could not be sent, or a --budget is missed. Any other
refusal is an answer.`;

async function openPage(file: string): Promise<FileHandle> {
  const { open } = await import('node:fs/promises');
  try {
    return await open(file, 'w');
  } catch {
    const { Usage } = await import('@firma/core');
    throw new Usage(`\`${file}\` cannot be written; \`--html\` names a file`);
  }
}

async function load(options: Options): Promise<void> {
  const { readGiven } = await import('./load/given.ts');
  const { mixOf, runGiven } = await import('./load/run.ts');
  const given = readGiven(options);
  if (options.printMix === true) {
    const { writeMix } = await import('../load/write-mix.ts');
    process.stdout.write(writeMix(await mixOf(options, given.seed)));
    return;
  }
  // Before the load: a page that has no place is not found out about after half an hour.
  const page = options.html === undefined ? undefined : await openPage(options.html);
  let result: LoadResult;
  try {
    result = await runGiven(options, given, (line) => process.stderr.write(`${line}\n`));
    const { loadHtml } = await import('../load/html.ts');
    await page?.writeFile(loadHtml(result));
  } finally {
    await page?.close();
  }
  if (options.json === true) printJson(result);
  else {
    const { resultLines } = await import('./load/show.ts');
    print(resultLines(result));
  }
  const { isSuccess } = await import('../load/measure.ts');
  process.exitCode = isSuccess(result) ? EXIT.done : EXIT.checkFailed;
}

export function register(program: Command): void {
  const command = program
    .command('load')
    .description('put a running sidecar under a load of constant rate, and measure how long its answers take')
    .option('--target <what>', 'decide, proxy or ext_authz', 'decide')
    .option(
      '--url <url>',
      '`http://host:port` to ask (default: the sidecar that runs for the state directory)',
    )
    .option('--socket <path>', 'Unix socket to ask')
    .option(
      '--agents <number>',
      'how many agents ask (default: 1000; of the proxy, at most and by default 64)',
    )
    .option('--rate <number>', 'requests a second', '1000')
    .option('--duration <time>', 'how long, such as 30s or 5m', '10s')
    .option(
      '--warmup <time>',
      'the same load before it, not measured: agents have presented their tokens then',
    )
    .option('--connections <number>', 'connections, each with one request under way at a time', '64')
    .option('--mix <file>', 'who asks for what (default: made from tables and policies in force)')
    .option('--print-mix', 'print the mix that would be made, and stop')
    .option('--body-bytes <number>', 'bodies of decide are filled up to so many bytes, token included', '700')
    .option('--timeout <time>', 'a request without an answer is given up after this', '10s')
    .option('--budget <quantile=time>', 'fail above it, such as p99=5ms; may be given again', collect)
    .option('--seed <number>', 'the same seed makes the same mix and the same calls', '1')
    .option('--html <file>', 'write a page with plots')
    .option('--i-own-this-host', 'allow a target that is not this machine')
    .action(load);
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma load --rate 5000 --duration 30s --html load.html',
    'firma load --print-mix > mix.toml',
    'firma load --mix mix.toml --rate 2000 --budget p99=5ms --json',
  ).addHelpText('after', MORE);
}
