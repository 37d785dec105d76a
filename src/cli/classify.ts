import type { Explanation } from '@firma/core';
import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import type { PlaceOptions } from './options.ts';
import { collect, withConfig, withExamples, withJson, withStateDir } from './options.ts';
import { columns, print, printJson } from './output.ts';

/** That many lines still fit a screen; `--json` has them all. */
const MAX_RUNNERS_UP = 10;

interface Options extends PlaceOptions {
  readonly body?: string;
  readonly header?: readonly string[];
  readonly contentType?: string;
  readonly mapping?: readonly string[];
  readonly json?: boolean;
}

async function fieldsOf(options: Options): Promise<(readonly [string, string])[]> {
  const { Usage } = await import('@firma/core');
  const fields: (readonly [string, string])[] = [];
  if (options.contentType !== undefined) fields.push(['content-type', options.contentType]);
  for (const line of options.header ?? []) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Usage('a header is written `name: value`');
    fields.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return fields;
}

async function classify(method: string, url: string, options: Options): Promise<Explanation> {
  const { explain, loadMappings, MAX_FACT_BODY } = await import('@firma/core');
  const { readableHeaders, toRawRequest } = await import('../call.ts');
  const { decodeBody } = await import('../decode-body.ts');
  const { readInput } = await import('./input.ts');
  const { readTables } = await import('./mapping/tables.ts');
  const mappings = loadMappings(await readTables(options.mapping, options));
  const headers = readableHeaders(await fieldsOf(options), mappings.readHeaders);
  // One byte more than is ever read shows a body that is too long.
  const bytes = options.body === undefined ? undefined : await readInput(options.body, MAX_FACT_BODY + 1);
  const { raw } = toRawRequest({ method, url }, 'in-process', new Set());
  const body = bytes === undefined ? undefined : { bytes, decode: decodeBody };
  return explain(mappings, { ...raw, headers }, body);
}

type Reading = Explanation['readings'][number];

function readingLines(reading: Reading): string[] {
  const { action_class: name, risk, method, resource, rule, params, operation } = reading;
  const facts = Object.entries(params).map(([key, value]) => `${key}=${value}`);
  return [
    `${name} (${risk})`,
    `  request    ${method} ${resource}`,
    `  rule       ${rule.file}:${rule.line}`,
    ...(operation === undefined ? [] : [`  operation  ${operation}`]),
    ...(facts.length === 0 ? [] : [`  params     ${facts.join(' ')}`]),
  ];
}

function runnerUpLines(runnersUp: Explanation['runners_up']): string[] {
  if (runnersUp.length === 0) return [];
  const rows = runnersUp
    .slice(0, MAX_RUNNERS_UP)
    .map(({ rule, action_class: name, pattern, why }) => [`  ${rule.file}:${rule.line}`, name, pattern, why]);
  const more = runnersUp.length - rows.length;
  return ['runners-up', ...columns(rows), ...(more === 0 ? [] : [`  and ${more} more`])];
}

async function toLines(explanation: Explanation): Promise<string[]> {
  const { defaultPort, writtenHost } = await import('@firma/core');
  const { ok, canonical, provider, readings, runners_up: runnersUp, reason, detail } = explanation;
  const lines = ok ? [] : [`${reason ?? 'refused'}: ${detail ?? ''}`];
  lines.push(...readings.flatMap(readingLines));
  if (canonical !== null) {
    const { scheme, host, port, path } = canonical;
    const isDefault = port === defaultPort(scheme);
    lines.push(`canonical    ${scheme}://${writtenHost(host)}${isDefault ? '' : `:${port}`}${path}`);
  }
  if (provider !== null) lines.push(`provider     ${provider}`);
  return [...lines, ...runnerUpLines(runnersUp)];
}

async function run(method: string, url: string, options: Options): Promise<void> {
  const explanation = await classify(method, url, options);
  if (!explanation.ok) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(explanation);
  else print(await toLines(explanation));
}

export function register(program: Command): void {
  const command = program
    .command('classify')
    .description('show which action class a call has, which rule says so, and which others lost to it')
    .argument('<method>', 'such as POST')
    .argument('<url>', 'absolute; taken as it is typed')
    .option('--body <file>', 'the body of the call; - is standard input')
    .option('--content-type <type>', 'the media type of the body')
    .option(
      '--mapping <path>',
      'a table or a directory of them, or `builtin:`, instead of the configuration; may be given again',
      collect,
    )
    .option('--header <name: value>', 'a header that classification reads; may be given again', collect)
    .action(run);
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma classify GET https://api.github.com/repos/octocat/hello-world',
    'firma classify POST https://api.example.com/soap --mapping my.toml --body call.xml --content-type text/xml',
    "printf 'amount=500&currency=usd' | firma classify POST https://api.stripe.com/v1/payment_intents \\\n" +
      '      --content-type application/x-www-form-urlencoded --body - --json',
  );
}
