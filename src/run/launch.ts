import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { StartFailed } from '@firma/core';
import type { RunProfile } from '../config/config.ts';
import { errorCode } from '../config/private-file.ts';
import { controlClient } from '../session/control-client.ts';
import { agentEnvironment, proxyUrl } from './agent-environment.ts';
import type { RunSidecar } from './attach.ts';

export interface LaunchOptions {
  readonly sidecar: Pick<RunSidecar, 'attached' | 'info'>;
  readonly profile: RunProfile;
  readonly command: string;
  readonly args: readonly string[];
  /** The caller's environment; most of it is left out. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Takes one line for a person; standard error by default. */
  readonly say?: (line: string) => void;
}

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR2'] as const;
const FROM_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT']);

function sayOnStderr(line: string): void {
  process.stderr.write(`firma: ${line}\n`);
}

/** Runs the command to its end. @returns its exit code, 128 + n where signal n ended it */
function runToEnd(command: string, args: readonly string[], env: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: 'inherit' });
    const forward = (signal: NodeJS.Signals): void => {
      // A terminal signals the whole foreground group: the child has had it already.
      if (!(FROM_TERMINAL.has(signal) && isatty(0))) child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const release = (): void => {
      for (const signal of FORWARDED) process.off(signal, forward);
    };
    child.once('error', (error) => {
      release();
      const code = errorCode(error) ?? 'unknown error';
      const why = code === 'ENOENT' ? 'was not found' : `cannot be started (${code})`;
      reject(new StartFailed(`command \`${command}\` ${why}`));
    });
    child.once('exit', (code, signal) => {
      release();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * Runs an agent behind a sidecar: opens a session for its profile, starts the command with an environment that leads
 * through the proxy and holds none of the caller's secrets, and closes the session at the end.
 *
 * @returns the exit code to end with: the command's own
 * @throws StartFailed where the sidecar does not answer or the command cannot be started, IssuanceDenied's code where
 *   the Authority refuses the session
 */
export async function launchAgent(options: LaunchOptions): Promise<number> {
  const { sidecar, profile, command, args, say = sayOnStderr } = options;
  const { attached, info } = sidecar;
  const control = controlClient(info.control);
  const session = await control.openSession({ profile: profile.id });
  say(`${attached ? 'attached to the running sidecar' : 'started a sidecar for this run'}: ${info.runDir}`);
  say('no kernel sandbox is active yet: a program that ignores the proxy settings is not stopped');
  const proxy = proxyUrl(session.proxy, session.user, session.password);
  try {
    return await runToEnd(command, args, agentEnvironment(options.env, profile, info, proxy));
  } finally {
    await control.closeSession(session.user).catch(() => say('the sidecar ended before the agent did'));
  }
}
