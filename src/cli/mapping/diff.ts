import type { ClassChange } from '@firma/core';
import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { withExamples, withJson } from '../options.ts';
import { print, printJson } from '../output.ts';
import { readOperationLists, withOperations } from './operations.ts';
import { readTables } from './tables.ts';

interface Options {
  readonly operations: readonly string[];
  readonly json?: boolean;
}

function resultJson(changes: readonly ClassChange[], total: number): object {
  return {
    total,
    unchanged: total - changes.length,
    changed: changes.map(({ operation: { method, host, path }, from, to }) => ({
      method,
      host,
      path,
      from: from?.name ?? null,
      to: to?.name ?? null,
    })),
  };
}

async function toLines(changes: readonly ClassChange[], total: number): Promise<string[]> {
  const { writtenOperation } = await import('@firma/core');
  const count = (isSuch: (change: ClassChange) => boolean): number => changes.filter(isSuch).length;
  const gained = count(({ from }) => from === undefined);
  const lost = count(({ to }) => to === undefined);
  return [
    ...changes.map(
      ({ operation, from, to }) =>
        `${writtenOperation(operation)}: ${from?.name ?? '-'} -> ${to?.name ?? '-'}`,
    ),
    `operations: ${total}; in another class: ${changes.length - gained - lost}; newly classified: ${gained}; ` +
      `no longer classified: ${lost}`,
  ];
}

async function run(older: string, newer: string, options: Options): Promise<void> {
  const { classChanges, loadMappings } = await import('@firma/core');
  const before = loadMappings(await readTables([older], {}));
  const after = loadMappings(await readTables([newer], {}));
  const operations = await readOperationLists(options.operations);
  const changes = classChanges(before, after, operations);
  if (changes.length > 0) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(resultJson(changes, operations.length));
  else print(await toLines(changes, operations.length));
}

export function register(mapping: Command): void {
  const command = withOperations(
    mapping
      .command('diff')
      .description(
        'list the operations whose class two sets of tables disagree about; ends 1 where there are some',
      )
      .argument('<old>', 'a table, or a directory of them')
      .argument('<new>', 'a table, or a directory of them'),
  ).action(run);
  withExamples(withJson(command), 'firma mapping diff old/ mappings/ --operations github.tsv');
}
