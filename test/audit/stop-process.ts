import { readdirSync, readFileSync } from 'node:fs';

function standsStill(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((id) => /\) T /.test(readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8')));
}

/** Stops a process, and returns once each of its threads stands still: a signal alone may be late. */
export function stopProcess(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  while (!standsStill(pid));
}
