import { spawn } from 'node:child_process';
import { StartFailed } from '@firma/core';
import { entryPoint } from '../entry-point.ts';
import { isSidecarInfo, type SidecarInfo, type SidecarMessage } from '../session/sidecar-info.ts';
import { fromWireError } from '../session/wire-error.ts';

export interface SidecarOptions {
  readonly configPath?: string;
  readonly stateDir?: string;
  /** Later runs of its state directory attach to it. */
  readonly current?: boolean;
  /** Sessions and budgets are kept in memory only. */
  readonly ephemeral?: boolean;
  /** Stored sessions and budgets that are damaged are moved aside first. */
  readonly resetState?: boolean;
  /** The whole environment of the sidecar; this process's by default. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
  /** The program; another one in tests. */
  readonly entry?: string;
}

/** A sidecar of our own. */
export interface SidecarHandle {
  readonly info: SidecarInfo;
  readonly pid: number;
  /** Resolves with its exit code when it ends; 128 where a signal ended it. */
  readonly exited: Promise<number>;
  /** Asks it to end, and ends it where it does not. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

function argumentsOf({
  configPath,
  stateDir,
  current,
  entry,
  ephemeral,
  resetState,
}: SidecarOptions): string[] {
  return [
    '--disallow-code-generation-from-strings',
    // Compiling Cedar's WebAssembly a second time, for speed, pays where the process lasts.
    ...(current === true ? [] : ['--liftoff-only']),
    entry ?? entryPoint('sidecar-process.js'),
    ...(configPath === undefined ? [] : ['--config', configPath]),
    ...(stateDir === undefined ? [] : ['--state-dir', stateDir]),
    ...(current === true ? ['--current'] : []),
    ...(ephemeral === true ? ['--ephemeral'] : []),
    ...(resetState === true ? ['--reset-state'] : []),
  ];
}

/**
 * Starts a sidecar as a child process, told apart from this one's terminal: a Ctrl-C is for the agent, and the sidecar
 * ends when it is told to, or when the channel to this process closes.
 *
 * @throws FirmaError what the sidecar says stopped its start, StartFailed where it says nothing
 */
export async function startSidecar(options: SidecarOptions): Promise<SidecarHandle> {
  // What it writes goes to standard error: standard output is the agent's.
  const child = spawn(process.execPath, argumentsOf(options), {
    stdio: ['ignore', 2, 2, 'ipc'],
    detached: true,
    env: options.env ?? process.env,
  });
  const exited = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
  };
  const said = new Promise<SidecarMessage | undefined>((resolve) => {
    const timer = setTimeout(resolve, START_TIMEOUT_MS, undefined);
    child.once('message', (message: SidecarMessage) => {
      clearTimeout(timer);
      resolve(message);
    });
    void exited.then(() => {
      clearTimeout(timer);
      return resolve(undefined);
    });
  });
  const message = await said;
  if (message?.type === 'ready' && isSidecarInfo(message) && child.pid !== undefined) {
    return { info: message, pid: child.pid, exited, stop };
  }
  await stop();
  throw message?.type === 'failed'
    ? fromWireError(message, 'the sidecar did not start')
    : new StartFailed('the sidecar did not start; what it wrote stands above');
}
