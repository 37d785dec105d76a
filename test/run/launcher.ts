import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { entryPoint } from '../../src/entry-point.ts';

// Runs the built launcher in a process of its own: it takes over signals and standard streams.
const SCRIPT = `
const [, file, options] = process.argv;
const { launchAgent } = await import(file);
const { env, ...rest } = JSON.parse(options);
try {
  process.exitCode = await launchAgent({ ...rest, env: { ...process.env, ...env } });
} catch (error) {
  console.error(error.code, error.message);
  process.exitCode = 3;
}
`;

export interface Launch {
  readonly control: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly profile?: object;
}

export interface Launched {
  readonly child: ChildProcess;
  /** The next piece the agent writes to its standard output. */
  readonly output: () => Promise<string>;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

/** Launches a command as `firma run` does. */
export function launch({ control, command, args, env = {}, profile = {} }: Launch): Launched {
  const info = { control, caFile: '/run/ca.pem', caBundle: '/run/bundle.pem', runDir: '/run/1' };
  const options = {
    sidecar: { info, attached: false },
    profile: { id: 'test', env: {}, passEnv: [], ...profile },
    command,
    args,
    env,
  };
  const script = ['--input-type=module', '-e', SCRIPT, entryPoint('run/launch.js'), JSON.stringify(options)];
  const child = spawn(process.execPath, script, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  return {
    child,
    output: async () => String((await once(child.stdout, 'data'))[0]),
    ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr })),
  };
}
