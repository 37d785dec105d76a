import { resolve, join } from 'node:path';
import type { DecisionRecord, OutcomeRecord } from '@firma/core';
import { copyWithOneByteChanged, decisionLine, recordsOf, verifyLogOf } from './log.ts';
import { askDecisionApi, playAgent } from './play.ts';
import { type AgentStep, EXPECTED, MAX_CALLS, PIECES } from './steps.ts';
import { openWorld, type World } from './world.ts';

/** One thing the demo shows, and whether it came out as it must. */
interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface DemoResult {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly decisions: readonly DecisionRecord[];
}

function stepChecks(steps: readonly AgentStep[]): Check[] {
  return EXPECTED.map(({ name, status, reason, shows }) => {
    const step = steps.find((candidate) => candidate.name === name);
    const came = step === undefined ? 'nothing' : `${step.status} ${step.reason}`.trim();
    return { name: `agent ${shows}`, ok: came === `${status} ${reason}`.trim(), detail: came };
  });
}

function agentChecks(
  world: World,
  steps: readonly AgentStep[],
  environment: Record<string, string>,
): Check[] {
  const { seen } = world.upstreams;
  const { github, stripe } = world.secrets;
  const bearers = (host: string): boolean[] =>
    seen
      .filter((request) => request.host === host)
      .map(({ authorization }) => authorization === `Bearer ${host === 'api.github.com' ? github : stripe}`);
  const variables = Object.values(environment).join('\n');
  const pieces = steps.find((step) => step.name === 'stream')?.pieces;
  const turns = steps.find((step) => step.name === 'loop')?.turns;
  return [
    {
      name: 'the upstreams saw the injected credentials',
      ok:
        bearers('api.github.com').length > 0 &&
        [...bearers('api.github.com'), ...bearers('api.stripe.com')].every(Boolean),
      detail: `${bearers('api.github.com').length} + ${bearers('api.stripe.com').length} calls`,
    },
    {
      name: 'the agent had no secret in its environment',
      ok: !variables.includes(github) && !variables.includes(stripe),
      detail: `${Object.keys(environment).length} variables`,
    },
    {
      name: 'what was denied never left',
      ok:
        !seen.some(({ host, method }) => host === 'paste.rs' || method === 'DELETE') &&
        seen.filter(({ host }) => host === 'api.stripe.com').length === 1,
      detail: `${seen.length} calls reached an upstream`,
    },
    { name: 'the streamed answer arrived in pieces', ok: pieces === PIECES, detail: `${pieces ?? 0} pieces` },
    // One of the budget went to the step before the loop.
    { name: 'the loop was ended by its budget', ok: turns === MAX_CALLS, detail: `turn ${turns ?? '-'}` },
  ];
}

async function logChecks(
  world: World,
  decisions: readonly DecisionRecord[],
  outcomes: readonly OutcomeRecord[],
): Promise<Check[]> {
  const { runDir } = world.sidecar.info;
  const report = await verifyLogOf(runDir, world.stateDir);
  const denied = decisions.find((record) => record.reason === 'POLICY_FORBID');
  const copy = join(world.scratch, 'changed');
  if (denied !== undefined) await copyWithOneByteChanged(runDir, copy, denied.event_id);
  const changed = denied === undefined ? undefined : await verifyLogOf(copy, world.stateDir);
  const named = changed?.problems.find((problem) => problem.event_id === denied?.event_id);
  const cut = outcomes.filter(({ reason }) => reason === 'SESSION_ABORTED');
  return [
    {
      name: 'the log says that the open answer was cut with its session',
      ok: cut.length === 1,
      detail: cut.map(({ bytes_received: bytes }) => `after ${bytes} bytes`).join(', ') || 'no record',
    },
    {
      name: 'the signed log verifies',
      ok: report.ok && report.uncovered === 0,
      detail: `${report.records} records under ${report.checkpoints} checkpoints`,
    },
    {
      name: 'one changed byte is found, and the event is named',
      ok: changed?.ok === false && named !== undefined,
      detail: named === undefined ? 'not named' : `record ${named.seq ?? '?'}: ${named.detail}`,
    },
  ];
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function play(world: World): Promise<{ checks: Check[]; decisions: DecisionRecord[] }> {
  const { steps, environment } = await playAgent(world);
  const asked = await askDecisionApi(world);
  const processes = await world.processes();
  // Stopping signs the last checkpoint: from here on the log is whole.
  await world.sidecar.stop();
  const { decisions, outcomes } = await recordsOf(world.sidecar.info.runDir);
  const checks = [
    ...stepChecks(steps),
    ...agentChecks(world, steps, environment),
    {
      name: 'the decision API answers as the proxy does',
      ok: asked.outcome === 'ALLOW',
      detail: `${asked.outcome} ${asked.reason}, served by ${world.sidecar.info.adapter}`,
    },
    ...(await logChecks(world, decisions, outcomes)),
    {
      name: 'no process is left behind',
      ok: processes.length === 3 && !processes.some(lives),
      detail: `${processes.length} ended: sidecar, writer, broker`,
    },
  ];
  return { checks, decisions };
}

/**
 * Plays the demo.
 *
 * @param stateDir where state and log stay; a temporary directory where undefined
 * @param say takes one line for a person
 */
export async function runDemo(
  stateDir: string | undefined,
  say: (line: string) => void,
): Promise<DemoResult> {
  const world = await openWorld(stateDir === undefined ? undefined : resolve(stateDir));
  try {
    const { checks, decisions } = await play(world);
    for (const record of decisions) say(decisionLine(record));
    say('');
    for (const { ok, name, detail } of checks) say(`${ok ? 'ok  ' : 'FAIL'}  ${name} (${detail})`);
    if (stateDir !== undefined) {
      say('');
      say(`state and log: ${world.sidecar.info.runDir}`);
    }
    return { ok: checks.every((check) => check.ok), checks, decisions };
  } finally {
    await world.close();
  }
}
