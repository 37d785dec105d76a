import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStateDir } from '../../src/config/state-dir.ts';
import { type Control, startControl } from '../../src/session/control.ts';
import { findControl, liveRunSockets } from '../../src/session/running.ts';
import { controlHandlers } from './handlers.ts';

let state: string;
let controls: Control[];
let others: Server[];

async function runs(run: string): Promise<string> {
  const path = join(state, 'runs', run, 'control.sock');
  const info = {
    control: path,
    proxy: 'http://127.0.0.1:1',
    ingress: 'http://127.0.0.1:2',
    ingressSocket: '/tmp/ingress.sock',
    adapter: 'uws',
    caFile: '/ca',
    caBundle: '/bundle',
    runDir: dirname(path),
    config: '',
    warnings: [],
  };
  controls.push(await startControl({ path, handlers: controlHandlers({ status: () => info }) }));
  return path;
}

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'firma-running-'));
  controls = [];
  others = [];
  await openStateDir(state);
});

afterEach(async () => {
  for (const control of controls) await control.close();
  for (const other of others) other.close();
  rmSync(state, { recursive: true });
});

describe('the control socket of a state directory', () => {
  it('is that of the sidecar that later runs attach to, beside others', async () => {
    const current = await runs('1');
    await runs('2');
    writeFileSync(join(state, 'current'), `${current}\n`, { mode: 0o600 });
    expect(await findControl(state)).toBe(current);
  });

  it('is that of the one run that has a sidecar, whatever dead ones left', async () => {
    mkdirSync(join(state, 'runs', '1'));
    writeFileSync(join(state, 'runs', '1', 'control.sock'), '');
    mkdirSync(join(state, 'runs', '3'));
    const silent = createServer((socket) => socket.destroy());
    others.push(silent);
    await new Promise<void>((resolve) => silent.listen(join(state, 'runs', '3', 'control.sock'), resolve));
    const live = await runs('2');
    expect(await findControl(state)).toBe(live);
  });

  it('is named by whoever asks where several runs have one', async () => {
    const paths = [await runs('2'), await runs('1')];
    expect(await liveRunSockets(state)).toEqual(paths);
    const refusal = await findControl(state).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'START_FAILED' });
    for (const path of [...paths, '--control']) expect(String(refusal)).toContain(path);
  });

  it('where nothing runs, or nothing is, is none', async () => {
    await expect(findControl(state)).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('firma sidecar'),
    });
    expect(await liveRunSockets(join(state, 'none'))).toEqual([]);
  });
});
