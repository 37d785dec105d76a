import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachOrStart, findSidecar } from '../../src/run/attach.ts';
import { type Control, startControl } from '../../src/session/control.ts';
import type { SidecarInfo } from '../../src/session/sidecar-info.ts';

const OWN = `
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready', control: '/c', proxy: 'p', ingress: 'i', adapter: 'node', caFile: '/a', caBundle: '/b',
  runDir: 'own', warnings: [] });
`;

let state: string;
let control: Control | undefined;

function info(): SidecarInfo {
  return {
    control: join(state, 'run', 'control.sock'),
    proxy: 'http://127.0.0.1:1',
    ingress: 'http://127.0.0.1:2',
    adapter: 'uws',
    caFile: '/ca',
    caBundle: '/bundle',
    runDir: join(state, 'run'),
    warnings: [],
  };
}

async function runs(status: object): Promise<void> {
  const handlers = {
    openSession: () => Promise.reject(new Error()),
    closeSession: () => {},
    status: () => status,
  };
  control = await startControl({ path: info().control, handlers });
}

function writeCurrent(text: string, mode = 0o600): void {
  writeFileSync(join(state, 'current'), text);
  chmodSync(join(state, 'current'), mode);
}

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'firma-attach-'));
});

afterEach(async () => {
  await control?.close();
  control = undefined;
  rmSync(state, { recursive: true });
});

describe('the sidecar of a state directory', () => {
  it('is the one whose control socket `current` names, while it answers', async () => {
    await runs({ ...info(), sessions: 3 });
    writeCurrent(`${info().control}\n`);
    expect(await findSidecar(state)).toMatchObject(info());
    await control?.close();
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

describe('a run', () => {
  it('attaches to the sidecar that runs, and leaves it running', async () => {
    await runs(info());
    writeCurrent(info().control);
    const sidecar = await attachOrStart({ stateDir: state, entry: '/no/such/program' });
    expect(sidecar.attached).toBe(true);
    await sidecar.stop();
    expect(await findSidecar(state)).toBeDefined();
  });

  it('brings its own where none runs', async () => {
    const entry = join(state, 'own.mjs');
    writeFileSync(entry, OWN);
    writeCurrent(info().control);
    const sidecar = await attachOrStart({ stateDir: state, entry });
    expect([sidecar.attached, sidecar.info.runDir]).toEqual([false, 'own']);
    await sidecar.stop();
  });
});
