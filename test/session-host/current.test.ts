import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../../src/session/control.ts';
import { becomeCurrent, findSidecar } from '../../src/session/current.ts';
import type { SidecarInfo } from '../../src/session/sidecar-info.ts';
import { controlHandlers } from './handlers.ts';

let state: string;
let controls: Control[];

function info(run = 'run'): SidecarInfo {
  return {
    control: join(state, run, 'control.sock'),
    proxy: 'http://127.0.0.1:1',
    ingress: 'http://127.0.0.1:2',
    ingressSocket: '/tmp/ingress.sock',
    adapter: 'uws',
    caFile: '/ca',
    caBundle: '/bundle',
    runDir: join(state, run),
    config: '',
    warnings: [],
  };
}

async function runs(status: object, path = info().control): Promise<Control> {
  const handlers = controlHandlers({ status: () => status });
  const control = await startControl({ path, handlers });
  controls.push(control);
  return control;
}

function current(): string {
  return readFileSync(join(state, 'current'), 'utf8');
}

function writeCurrent(text: string, mode = 0o600): void {
  writeFileSync(join(state, 'current'), text);
  chmodSync(join(state, 'current'), mode);
}

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'firma-current-'));
  controls = [];
});

afterEach(async () => {
  for (const control of controls) await control.close();
  rmSync(state, { recursive: true, force: true });
});

describe('the sidecar of a state directory', () => {
  it('is the one whose control socket `current` names, while it answers', async () => {
    const control = await runs({ ...info(), sessions: 3 });
    writeCurrent(`${info().control}\n`);
    expect(await findSidecar(state)).toMatchObject(info());
    await control.close();
    expect(await findSidecar(state)).toBeUndefined();
  });

  it('is none where nothing is named', async () => {
    expect(await findSidecar(state)).toBeUndefined();
    writeCurrent('\n');
    expect(await findSidecar(state)).toBeUndefined();
  });

  it('is not taken from a file that others can write', async () => {
    await runs(info());
    writeCurrent(info().control, 0o666);
    await expect(findSidecar(state)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });

  it.each(['/tmp/evil.sock', '../evil.sock', 'run/../../evil.sock'])(
    'is no socket elsewhere: %s',
    async (named) => {
      writeCurrent(named);
      await expect(findSidecar(state)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
    },
  );

  it('is not something else that answers there', async () => {
    await runs({ hello: 'world' });
    writeCurrent(info().control);
    await expect(findSidecar(state)).rejects.toMatchObject({ code: 'START_FAILED' });
  });
});

describe('a sidecar that becomes the current one', () => {
  it('is found by later runs, until it takes its name back', async () => {
    await runs(info());
    const release = await becomeCurrent(state, info().control);
    expect(current()).toBe(`${info().control}\n`);
    expect(statSync(join(state, 'current')).mode & 0o777).toBe(0o600);
    expect(await findSidecar(state)).toEqual(info());
    await release();
    expect(readdirSync(state)).toEqual(['run']);
  });

  it('is not while another one lives', async () => {
    await runs(info());
    await becomeCurrent(state, info().control);
    await runs(info('next'), info('next').control);
    await expect(becomeCurrent(state, info('next').control)).rejects.toMatchObject({ code: 'START_FAILED' });
    expect(current()).toBe(`${info().control}\n`);
  });

  it('takes the place of one that died, which then takes nothing back', async () => {
    const dead = await runs(info());
    const releaseDead = await becomeCurrent(state, info().control);
    await dead.close();
    await runs(info('next'), info('next').control);
    await becomeCurrent(state, info('next').control);
    await releaseDead();
    expect(await findSidecar(state)).toEqual(info('next'));
  });

  it.each(['nothing', 'one that died'])('is one of those that start at once after %s', async (before) => {
    if (before !== 'nothing') writeCurrent(`${info('dead').control}\n`);
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await runs(info(name), info(name).control);
    const tries = await Promise.allSettled(names.map((name) => becomeCurrent(state, info(name).control)));
    const won = names.filter((_, index) => tries[index]?.status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(await findSidecar(state)).toEqual(info(won[0]));
    const refusals = tries.filter((one) => one.status === 'rejected').map((one): unknown => one.reason);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'START_FAILED' });
    expect(existsSync(join(state, 'current.lock'))).toBe(false);
  });

  it('takes its name back quietly where the state directory is gone', async () => {
    const control = await runs(info());
    const release = await becomeCurrent(state, info().control);
    await control.close();
    rmSync(state, { recursive: true });
    await release();
    expect(existsSync(state)).toBe(false);
  });
});
