import type { Coverage } from '@firma/core';
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import type { PlaceOptions } from '../options.ts';
import { withConfig, withExamples, withJson, withStateDir } from '../options.ts';
import { columns, print, printJson } from '../output.ts';
import { readOperationLists, withOperations } from './operations.ts';
import { readTables } from './tables.ts';

interface Options extends PlaceOptions {
  readonly mapping?: readonly string[];
  readonly operations: readonly string[];
  readonly min?: string;
  readonly json?: boolean;
}

async function minOf({ min }: Options): Promise<number> {
  if (min === undefined) return 0;
  if (/^(?:100|[0-9]{1,2})(?:\.[0-9]{1,4})?$/.test(min) && Number(min) <= 100) return Number(min);
  const { Usage } = await import('@firma/core');
  throw new Usage('`--min` is a percentage from 0 to 100, such as `99.5`');
}

/** Cut, never rounded up: what is not whole does not read `100.00`. */
function percent(part: number, total: number): string {
  return `${(Math.floor((part * 10_000) / total) / 100).toFixed(2)} %`;
}

async function toLines({ total, classified, unclassified, ...by }: Coverage): Promise<string[]> {
  const { ACTION_CLASSES } = await import('@firma/core');
  const share = (count: number): string[] => [String(count), percent(count, total)];
  const classes = ACTION_CLASSES.flatMap(({ name, risk }) => {
    const count = by.by_class[name];
    return count === undefined ? [] : [[name, risk, ...share(count)]];
  });
  return [
    ...columns([
      ['OPERATIONS', String(total)],
      ['classified', ...share(classified)],
      ['unclassified', ...share(unclassified.length)],
    ]),
    '',
    ...columns([['CLASS', 'RISK', 'OPERATIONS', ''], ...classes]),
    '',
    ...columns([
      ['RISK', 'OPERATIONS', ''],
      ...Object.entries(by.by_risk).map(([risk, count]) => [risk, ...share(count)]),
    ]),
    ...(unclassified.length === 0 ? [] : ['', 'UNCLASSIFIED', ...unclassified]),
  ];
}

async function run(options: Options): Promise<void> {
  const { coverageOf, loadMappings } = await import('@firma/core');
  const min = await minOf(options);
  const tables = await readTables(options.mapping, options);
  const coverage = coverageOf(loadMappings(tables), await readOperationLists(options.operations));
  const { total, classified } = coverage;
  if (options.json === true) printJson(coverage);
  else print(await toLines(coverage));
  if (classified * 100 >= min * total) return;
  process.exitCode = EXIT.checkFailed;
  process.stderr.write(
    `firma: ${percent(classified, total)} of the operations are classified, less than ${min} %; ` +
      'add rules for those listed as unclassified\n',
  );
}

export function register(mapping: Command): void {
  const command = withOperations(
    mapping
      .command('coverage')
      .description(
        'count how many of a list of operations the tables classify; where a body decides, its strictest class counts',
      )
      .option('--mapping <file...>', 'tables, or directories of them (default: those of the configuration)'),
  )
    .option('--min <percent>', 'fail where less is classified (default: never)')
    .action(run);
  withExamples(
    withJson(withStateDir(withConfig(command))),
    'firma mapping coverage --operations github.tsv --min 100',
    'firma mapping coverage --mapping rules.toml --operations github.tsv --operations stripe.tsv --json',
  );
}
