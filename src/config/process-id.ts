import { readFile } from 'node:fs/promises';
import { errorCode } from './private-file.ts';

/**
 * One process, told apart from a later one with the same number: the number, and where the system says so the clock
 * tick it started at.
 *
 * @returns `<pid>@<start>`; undefined where no such process lives
 */
export async function processId(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; of the fields behind it the first is the state, the 20th the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${pid}@${fields[19] ?? ''}`;
  } catch {
    // Gone, or a system without /proc.
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return undefined;
  }
  return process.platform === 'linux' ? undefined : `${pid}@`;
}

/** Whether the very process of a `processId` still lives. */
export async function isLiving(id: string): Promise<boolean> {
  return (await processId(Number.parseInt(id, 10))) === id;
}
