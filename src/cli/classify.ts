import type { Explanation } from '@firma/core';
import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import type { PlaceOptions } from './options.ts';
import { collect, surroundings, withConfig, withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';

interface Options extends PlaceOptions {
  readonly body?: string;
  readonly header?: readonly string[];
  readonly contentType?: string;
  readonly json?: boolean;
}

async function headersOf(options: Options): Promise<Map<string, string[]>> {
  const { Usage } = await import('@firma/core');
  const headers = new Map<string, string[]>();
  if (options.contentType !== undefined) headers.set('content-type', [options.contentType]);
  for (const line of options.header ?? []) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Usage('a header is written `name: value`');
    const name = line.slice(0, colon).trim().toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return headers;
}

async function classify(method: string, url: string, options: Options): Promise<Explanation> {
  const { explain, loadMappings, MAX_FACT_BODY, Normalizer } = await import('@firma/core');
  const { openConfig } = await import('../config/open.ts');
  const { toRawRequest } = await import('../call.ts');
  const { readInput } = await import('./input.ts');
  const { mappings } = await openConfig(options, surroundings());
  const headers = await headersOf(options);
  // One byte more than is ever read shows a body that is too long.
  const body = options.body === undefined ? undefined : await readInput(options.body, MAX_FACT_BODY + 1);
  const { raw } = toRawRequest({ method, url }, 'in-process', new Set());
  return explain(new Normalizer(loadMappings(mappings)), { ...raw, headers }, body);
}

function toLines({ ok, reason, detail, provider, params, readings }: Explanation): string[] {
  const facts = Object.entries(params).map(([name, value]) => `${name}=${value}`);
  return [
    ...(ok ? [] : [`${reason ?? 'refused'}: ${detail ?? ''}`]),
    ...readings.flatMap(({ action_class: name, risk, method, resource, rule }) => [
      `${name} (${risk})`,
      `  resource  ${method} ${resource}`,
      `  rule      ${rule.file}:${rule.line}`,
    ]),
    ...(provider === null ? [] : [`provider: ${provider}`]),
    ...(facts.length === 0 ? [] : [`params: ${facts.join(' ')}`]),
  ];
}

async function run(method: string, url: string, options: Options): Promise<void> {
  const explanation = await classify(method, url, options);
  if (!explanation.ok) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(explanation);
  else print(toLines(explanation));
}

export function register(program: Command): void {
  const command = program
    .command('classify')
    .description('show which action class a call has, and which rule says so')
    .argument('<method>', 'such as POST')
    .argument('<url>', 'absolute; taken as it is typed')
    .option('--body <file>', 'the body of the call; - is standard input')
    .option('--content-type <type>', 'the media type of the body')
    .option('--header <name: value>', 'a header that classification reads; may be given again', collect)
    .action(run);
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma classify GET https://api.github.com/repos/octocat/hello-world',
    "printf 'amount=500&currency=usd' | firma classify POST https://api.stripe.com/v1/payment_intents \\\n" +
      '      --content-type application/x-www-form-urlencoded --body - --json',
  );
}
