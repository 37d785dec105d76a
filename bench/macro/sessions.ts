// Sessions over the real store, in the writer process: a million in sequence within a bound of memory, and a restart with a
// hundred thousand. By hand: `node --expose-gc dist/bench/macro/sessions.js`. Exits 1 where a session lost something.

import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compileBudgets, SessionTable } from '@firma/core';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import { CHARGE } from '../micro/session.bench.ts';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000000' },
    restart: { type: 'string', default: '100000' },
  },
});

const LIMIT = 1_000_000;
const MAX_SESSIONS = 65_536;
const AT_ONCE = 1000;
const budgets = compileBudgets(
  ['one', 'two', 'three', 'four'].map((name) => ({
    name,
    match: ['code.read'],
    maxCalls: LIMIT,
    onExceed: 'deny' as const,
  })),
);
interface Run {
  readonly pipeline: AuditPipeline;
  readonly table: SessionTable;
}

async function start(dir: string, maxSessions: number): Promise<Run> {
  const pipeline = await AuditPipeline.start({
    runDir: join(dir, 'run'),
    keyFile: join(dir, 'log.key'),
    origin: 'bench/sessions',
    sidecarId: 'bench',
    fsync: 'checkpoint',
    state: 'open',
  });
  const table = await SessionTable.open({
    budgets,
    sha256Hex: (text) => hash('sha256', text, 'hex'),
    steadyMs: () => performance.timeOrigin + performance.now(),
    store: pipeline.state,
    maxSessions,
  });
  return { pipeline, table };
}

async function stop({ pipeline, table }: Run): Promise<void> {
  await table.flush();
  await pipeline.close();
}

/** One call of a session. @returns what is left of a budget after it */
async function call(table: SessionTable, index: number): Promise<number> {
  const [iss, sub, sid] = ['https://authority.test', `agent-${index % 100}`, `session-${index}`];
  const handle = await table.open({ key: `${iss}\n${sub}\n${sid}`, iss, sub, sid }, 0, []);
  const reserved = handle === undefined ? undefined : table.reserve(handle, CHARGE);
  if (reserved === undefined || 'reason' in reserved) throw new Error(`no room for session ${index}`);
  await table.durable(reserved.id);
  table.commit(reserved.id);
  table.release(reserved.id);
  return reserved.lines[0]?.remaining ?? -1;
}

/** One call of each session in turn. @returns how many had something else left than this */
async function callAll(table: SessionTable, sessions: number, left: number): Promise<number> {
  let wrong = 0;
  for (let first = 0; first < sessions; first += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, sessions - first) }, (_, index) =>
      call(table, first + index),
    );
    for (const remaining of await Promise.all(batch)) if (remaining !== left) wrong += 1;
  }
  return wrong;
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(2);
const residentMb = (): string => (process.memoryUsage().rss / 1e6).toFixed(0);

async function sequence(dir: string, sessions: number): Promise<number> {
  const run = await start(dir, MAX_SESSIONS);
  let wrong = 0;
  for (const round of [1, 2]) {
    const began = performance.now();
    wrong += await callAll(run.table, sessions, LIMIT - round);
    process.stdout.write(
      `${sessions} sessions in sequence, round ${round}: ${seconds(began)} s, ${run.table.sessionCount} of at most ` +
        `${MAX_SESSIONS} in memory, ${residentMb()} MB resident, ${wrong} lost something\n`,
    );
  }
  await stop(run);
  return wrong;
}

async function restart(dir: string, sessions: number): Promise<number> {
  const before = await start(dir, sessions * 1.25);
  await callAll(before.table, sessions, LIMIT - 1);
  await stop(before);
  const began = performance.now();
  const after = await start(dir, sessions * 1.25);
  await call(after.table, sessions - 1);
  process.stdout.write(`restart with ${sessions} sessions: first call answered after ${seconds(began)} s\n`);
  const wrong = await callAll(after.table, sessions - 1, LIMIT - 2);
  process.stdout.write(
    `every session loaded and called after ${seconds(began)} s, ${wrong} lost something\n`,
  );
  await stop(after);
  return wrong;
}

const dir = mkdtempSync(join(tmpdir(), 'firma-sessions-'));
try {
  const wrong =
    (await restart(join(dir, 'restart'), Number(values.restart))) +
    (await sequence(join(dir, 'sequence'), Number(values.sessions)));
  process.exitCode = wrong === 0 ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
