import { fork } from 'node:child_process';
import { entryPoint } from '../../entry-point.ts';
import { openAuthority } from '../../authority/open.ts';
import { openConfig } from '../../config/open.ts';
import { agentEnvironment, proxyUrl } from '../../run/agent-environment.ts';
import { controlClient } from '../../session/control-client.ts';
import { surroundings } from '../options.ts';
import type { AgentStep } from './steps.ts';
import type { World } from './world.ts';

const AGENT = {
  agent: 'demo-agent',
  groups: ['demo'],
  actions: [
    'code.*',
    'repo.*',
    'payment.transfer',
    'communication.external.read',
    'communication.external.send',
  ],
  scope: ['*'],
  ttlS: 600,
};
const AGENT_TIMEOUT_MS = 60_000;

function isStep(value: unknown): value is AgentStep {
  return (
    typeof value === 'object' && value !== null && 'name' in value && 'status' in value && 'reason' in value
  );
}

/**
 * Runs the agent, a process of its own, to its end.
 *
 * @returns what it reported, and its environment, to show that no secret is in it
 */
export async function playAgent(
  world: World,
): Promise<{ steps: AgentStep[]; environment: Record<string, string> }> {
  const { info } = world.sidecar;
  const control = controlClient(info.control);
  const session = await control.openSession(AGENT);
  const proxy = proxyUrl(session.proxy, session.user, session.password);
  const environment = agentEnvironment(process.env, { env: {}, passEnv: [] }, info, proxy);
  const child = fork(entryPoint('cli/demo/agent.js'), { env: environment, execArgv: [] });
  const timer = setTimeout(() => child.kill('SIGKILL'), AGENT_TIMEOUT_MS);
  const steps: AgentStep[] = [];
  child.on('message', (message) => {
    if (!isStep(message)) return;
    // The next piece leaves the upstream only once the one before it has reached the agent.
    if (message.name === 'piece') world.upstreams.nextPiece();
    else steps.push(message);
  });
  await new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  clearTimeout(timer);
  await control.closeSession(session.user);
  return { steps, environment };
}

/** One call through the decision API, with a token of the same Authority. @returns outcome and reason */
export async function askDecisionApi(world: World): Promise<{ outcome: string; reason: string }> {
  const loaded = await openConfig({ config: world.configFile, stateDir: world.stateDir }, surroundings());
  const authority = await openAuthority(loaded, `${world.stateDir}/authority`);
  const { token } = await authority
    .issue({ ...AGENT, agent: 'demo-service' })
    .finally(() => authority.close());
  const response = await fetch(`${world.sidecar.info.ingress}/v1/decide`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, method: 'GET', url: 'https://api.github.com/repos/octocat/hello-world' }),
  });
  const answer: unknown = await response.json();
  const field = (name: string): string =>
    typeof answer === 'object' && answer !== null && name in answer
      ? String(new Map(Object.entries(answer)).get(name))
      : '';
  return { outcome: field('outcome'), reason: field('reason') };
}
