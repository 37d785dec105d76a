import { CommanderError } from 'commander';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import { printable } from './output.ts';

export { EXIT } from '../exit-code.ts';

/**
 * Says on standard error what stopped a command, in one line and without a stack.
 *
 * @returns the exit code
 */
export async function report(error: unknown): Promise<number> {
  if (error instanceof CommanderError) {
    // Commander has written its message already; for help and version nothing is wrong.
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
  // Late: a command that works does not wait for the core to be loaded for this.
  const { FirmaError } = await import('@firma/core');
  const known = error instanceof FirmaError;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`firma: ${known ? '' : 'internal error: '}${printable(message)}\n`);
  return exitCodeOf(error);
}
