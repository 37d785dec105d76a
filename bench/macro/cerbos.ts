import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatHostPort } from '../../src/config/address.ts';
import { shippedPath } from '../../src/config/package-root.ts';
import { freePort } from '../../src/ingress/free-port.ts';
import { agentName, AGENTS, cerbosBody, cerbosPolicy } from '../workloads/api.ts';
import { answering, type Contestant, post } from './contestant.ts';

const STOP_TIMEOUT_MS = 5_000;

/** The server's binary as `npm ci --prefix bench/peers` installs it. */
function binary(): string | undefined {
  try {
    const peers = createRequire(shippedPath('bench/peers/package.json'));
    const file = peers.resolve(`@cerbos/cerbos-${process.platform}-${process.arch}`);
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

interface CheckAnswer {
  readonly results?: readonly { readonly actions?: Readonly<Record<string, string>> }[];
}

function effectOf(body: string, action: string): string | undefined {
  const answer: CheckAnswer = JSON.parse(body);
  return answer.results?.[0]?.actions?.[action];
}

/** The whole policy has to be in force, or what is timed is not what Firma does. */
async function assertDecides(server: Pick<Contestant, 'host' | 'port' | 'path'>): Promise<void> {
  const cases = [
    ['code.read', 0, 'EFFECT_ALLOW'],
    ['repo.admin', 0, 'EFFECT_DENY'],
    ['payment.transfer', 0, 'EFFECT_DENY'],
    ['code.read', 1001, 'EFFECT_DENY'],
  ] as const;
  for (const [action, denies, wanted] of cases) {
    const { body } = await post(server, cerbosBody(agentName(1), action, denies));
    const effect = effectOf(body, action);
    if (effect !== wanted) throw new Error(`Cerbos answered ${effect ?? body} for ${action}, not ${wanted}`);
  }
}

/**
 * Starts a Cerbos server with a policy of `rules` rules. Telemetry, audit log and the log of requests are off; it may
 * use every core.
 *
 * @returns undefined where it is not installed
 */
export async function startCerbos(rules: number): Promise<Contestant | undefined> {
  const file = binary();
  if (file === undefined) return undefined;
  const dir = await mkdtemp(join(tmpdir(), 'firma-cerbos-'));
  const policies = join(dir, 'policies');
  await mkdir(policies);
  await writeFile(join(policies, 'http.json'), cerbosPolicy(rules));
  // Cerbos does not tell which ports it took, so they are chosen for it.
  const http = await freePort({ host: '127.0.0.1', port: 0 });
  const grpc = await freePort({ host: '127.0.0.1', port: 0 });
  const config = {
    server: { httpListenAddr: formatHostPort(http), grpcListenAddr: formatHostPort(grpc) },
    telemetry: { disabled: true },
    audit: { enabled: false },
    storage: { driver: 'disk', disk: { directory: policies, watchForChanges: false } },
  };
  await writeFile(join(dir, 'config.yaml'), JSON.stringify(config));
  const child = spawn(
    file,
    ['server', '--config', join(dir, 'config.yaml'), '--log-level=error', '--debug-listen-addr='],
    // It complains of every connection that ends while it is asked, as at the end of a run.
    { stdio: 'ignore', env: { HOME: dir, CERBOS_NO_TELEMETRY: '1' } },
  );
  const exited = once(child, 'exit');
  const close = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
    await rm(dir, { recursive: true, force: true });
  };
  const server = { ...http, path: '/api/check/resources' };
  try {
    const { pid } = child;
    if (pid === undefined) throw new Error('Cerbos did not start');
    await answering(server, cerbosBody(agentName(0)));
    await assertDecides(server);
    return {
      name: `Cerbos, ${rules} rules`,
      ...server,
      bodies: Array.from({ length: AGENTS }, (_, index) => cerbosBody(agentName(index))),
      pid,
      threads: 'many',
      isRight: (status, body) => status === 200 && effectOf(body, 'code.read') === 'EFFECT_ALLOW',
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
