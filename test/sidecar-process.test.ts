import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { verifyRunLog } from '../src/audit/verify-run.ts';
import { entryPoint } from '../src/entry-point.ts';
import { makeDir } from './config/place.ts';

let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
});

function start(stateDir: string): ChildProcess {
  const args = ['--disallow-code-generation-from-strings', entryPoint('sidecar-process.js'), '--current'];
  child = spawn(process.execPath, [...args, '--state-dir', stateDir], {
    cwd: stateDir,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {},
  });
  return child;
}

/** Starts a sidecar and waits until it is halfway: its run has a log, it has not said that it is ready. */
async function halfway(
  stateDir: string,
): Promise<{ readonly sidecar: ChildProcess; readonly said: unknown[] }> {
  const sidecar = start(stateDir);
  const said: unknown[] = [];
  sidecar.on('message', (message) => said.push(message));
  while (sidecar.exitCode === null && runIn(stateDir) === undefined) await nextTurn();
  return { sidecar, said };
}

function runIn(stateDir: string): string | undefined {
  const runs = join(stateDir, 'runs');
  const [name] = existsSync(runs) ? readdirSync(runs) : [];
  return name === undefined ? undefined : join(runs, name);
}

describe('a sidecar that is told to stop while it starts', () => {
  it.each<[string, (sidecar: ChildProcess) => void]>([
    ['by a signal', (sidecar) => sidecar.kill('SIGTERM')],
    ['by the end of its parent', (sidecar) => sidecar.disconnect()],
  ])('%s ends as if it had not begun: no name, no lock, a log that verifies', async (_how, stop) => {
    const stateDir = makeDir({});
    const { sidecar, said } = await halfway(stateDir);
    expect(said).toEqual([]);
    stop(sidecar);
    const [code] = (await once(sidecar, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(said).toEqual([]);
    expect(existsSync(join(stateDir, 'current'))).toBe(false);
    const run = runIn(stateDir) ?? '';
    expect(existsSync(join(run, 'control.sock'))).toBe(false);
    expect(existsSync(join(run, 'writer.lock'))).toBe(false);
    const verifierKey = readFileSync(join(stateDir, 'trust', 'audit.vkey'), 'utf8');
    expect(await verifyRunLog(run, { verifierKey })).toMatchObject({ ok: true, uncovered: 0 });
  });
});

describe('a sidecar that was killed', () => {
  it('is started again in its place, with its log', async () => {
    const stateDir = makeDir({});
    const first = start(stateDir);
    const [ready] = (await once(first, 'message')) as [{ readonly type: string; readonly runDir: string }];
    expect(ready.type).toBe('ready');
    first.kill('SIGKILL');
    await once(first, 'exit');
    const second = start(stateDir);
    const [again] = (await once(second, 'message')) as [{ readonly type: string; readonly runDir: string }];
    expect(again).toMatchObject({ type: 'ready', runDir: ready.runDir });
    second.kill('SIGTERM');
    expect((await once(second, 'exit'))[0]).toBe(0);
    const verifierKey = readFileSync(join(stateDir, 'trust', 'audit.vkey'), 'utf8');
    expect(await verifyRunLog(ready.runDir, { verifierKey })).toMatchObject({ ok: true, uncovered: 0 });
  });
});
