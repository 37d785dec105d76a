import { readFileSync } from 'node:fs';

/** Stops a process, and returns once its first thread stands still: a signal alone may be late. */
export function stopProcess(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
}
