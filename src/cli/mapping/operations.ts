import type { Command } from 'commander';
import type { PublishedOperation } from '@firma/core';
import { collect } from '../options.ts';

/** Adds `--operations`, which a command that asks for a list of operations needs. */
export function withOperations(command: Command): Command {
  return command.requiredOption(
    '--operations <file>',
    'operations as tab-separated values, columns `method`, `host`, `path`; - is standard input; may be given again',
    collect,
  );
}

/**
 * The operations of all lists that were named.
 *
 * @throws Usage where a list cannot be read, is no text or has a line that is no operation
 */
export async function readOperationLists(files: readonly string[]): Promise<readonly PublishedOperation[]> {
  const { MAX_OPERATIONS_BYTES, readOperations, Usage } = await import('@firma/core');
  const { readInput } = await import('../input.ts');
  const operations: PublishedOperation[][] = [];
  for (const file of files) {
    const bytes = await readInput(file, MAX_OPERATIONS_BYTES + 1);
    if (bytes.length > MAX_OPERATIONS_BYTES) {
      throw new Usage(`\`${file}\` is longer than ${MAX_OPERATIONS_BYTES} bytes; split it`);
    }
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw new Usage(`\`${file}\` is not UTF-8; a list of operations is text`);
    }
    operations.push([...readOperations(text, file)]);
  }
  return operations.flat();
}
