import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { entryPoint } from '../../src/entry-point.ts';

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Around {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** Runs the built command line as a process of its own, in an environment that holds nothing else. */
export async function firma(args: readonly string[], around: Around = {}): Promise<Finished> {
  const child = spawn(process.execPath, [entryPoint('cli/main.js'), ...args], {
    cwd: around.cwd,
    env: { PATH: process.env['PATH'] ?? '', ...around.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command that refuses its arguments does not read what it was sent.
  child.stdin.on('error', () => undefined);
  child.stdin.end(around.input ?? '');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, out, err };
}
