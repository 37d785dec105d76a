import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAuthority } from '../../src/authority/open.ts';
import { openConfig } from '../../src/config/open.ts';
import { openStateDir } from '../../src/config/state-dir.ts';
import { trust } from '../../src/config/trust.ts';
import { type SidecarHandle, startSidecar } from '../../src/run/sidecar-child.ts';
import { controlClient } from '../../src/session/control-client.ts';
import { agentName, AGENTS, cedarPolicies, decideBody, deletionBody } from '../workloads/api.ts';
import { type Contestant, post } from './contestant.ts';

export interface BenchSidecarOptions {
  readonly policies: 10 | 1000;
  /** False starts the one of `unrecorded-sidecar.ts`. */
  readonly recorded?: boolean;
  /** Lines of `[sidecar.ingress]`. */
  readonly ingress?: string;
  /** Lines of `[sidecar.audit]`. */
  readonly audit?: string;
}

export interface BenchSidecar extends Contestant {
  readonly stateDir: string;
  /** Directory of its log. */
  readonly runDir: string;
  /** Sidecar, writer, and the broker where there are credentials. */
  processes(): Promise<readonly number[]>;
  counters(): Promise<SidecarCounters>;
  /** Ends the process and keeps its directories, for the log to be looked at; `close` removes them. */
  stop(): Promise<void>;
}

export interface SidecarCounters {
  readonly decisions: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
}

function configText({ ingress = '', audit = '' }: BenchSidecarOptions): string {
  return `
[sidecar]
id = "bench"
audience = "bench"
[sidecar.policy]
path = "policies.cedar"
[sidecar.ingress]
${ingress}
[sidecar.audit]
${audit}
`;
}

/** A token for each agent, and one that may delete as well, from the Authority of the state directory. */
async function issueTokens(
  config: string,
  stateDir: string,
): Promise<{ readonly read: readonly string[]; readonly remove: string }> {
  const loaded = await openConfig({ config, stateDir }, { cwd: process.cwd(), env: process.env });
  const state = await openStateDir(loaded.stateRoot);
  const authority = await openAuthority(loaded, state.authority);
  try {
    const issue = async (agent: string, actions: readonly string[]): Promise<string> => {
      const { token } = await authority.issue({ agent, groups: [], actions, scope: ['*'], ttlS: 3600 });
      return token;
    };
    const read: string[] = [];
    for (let index = 0; index < AGENTS; index++) read.push(await issue(agentName(index), ['code.read']));
    return { read, remove: await issue('deleter', ['repo.admin']) };
  } finally {
    authority.close();
  }
}

interface Status {
  readonly processes: readonly (number | null)[];
  readonly counters: SidecarCounters;
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'processes' in value && 'counters' in value;
}

/** Outcome and reason of an answer. */
function verdictOf(body: string): string {
  const value: { readonly outcome?: unknown; readonly reason?: unknown } = JSON.parse(body);
  return `${String(value.outcome)} ${String(value.reason)}`;
}

/**
 * Starts a sidecar as `firma sidecar` does, in a temporary state directory, with a token for each of 1,000 agents.
 *
 * @throws ConfigInvalid where it does not know a key of `ingress` or `audit`
 */
export async function startBenchSidecar(options: BenchSidecarOptions): Promise<BenchSidecar> {
  const { policies, recorded = true } = options;
  const dir = await mkdtemp(join(tmpdir(), 'firma-bench-'));
  const stateDir = join(dir, 'state');
  const configPath = join(dir, 'firma.toml');
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true });
  let sidecar: SidecarHandle | undefined;
  try {
    await writeFile(join(dir, 'policies.cedar'), cedarPolicies(policies));
    await writeFile(configPath, configText(options));
    await trust(configPath, stateDir);
    const tokens = await issueTokens(configPath, stateDir);
    const entry = fileURLToPath(new URL('unrecorded-sidecar.js', import.meta.url));
    sidecar = await startSidecar({ configPath, stateDir, current: true, ...(recorded ? {} : { entry }) });
    const { info, pid, stop } = sidecar;
    const { hostname, port } = new URL(info.ingress);
    const control = controlClient(info.control);
    const status = async (): Promise<Status> => {
      const value = await control.status();
      if (!isStatus(value)) throw new Error('the sidecar does not tell its counters');
      return value;
    };
    const target = { host: hostname, port: Number(port), path: '/v1/decide' };
    const denied = await post(target, deletionBody(tokens.remove));
    if (verdictOf(denied.body) !== 'DENY POLICY_FORBID')
      throw new Error(`a deletion was answered ${denied.body}`);
    return {
      name: `firma, ${policies.toLocaleString('en')} policies${recorded ? '' : ', audit off'}`,
      ...target,
      bodies: tokens.read.map(decideBody),
      pid,
      threads: 'one',
      stateDir,
      runDir: info.runDir,
      isRight: (code, body) => code === 200 && verdictOf(body) === 'ALLOW OK',
      counted: async () => (await status()).counters.outcomes['ALLOW'] ?? 0,
      counters: async () => (await status()).counters,
      processes: async () => (await status()).processes.filter((each) => typeof each === 'number'),
      stop,
      async close() {
        await stop();
        await remove();
      },
    };
  } catch (error) {
    await sidecar?.stop();
    await remove();
    throw error;
  }
}
