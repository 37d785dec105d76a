import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachOrStart } from '../../src/run/attach.ts';
import { type Control, startControl } from '../../src/session/control.ts';
import { findSidecar } from '../../src/session/current.ts';
import type { SidecarInfo } from '../../src/session/sidecar-info.ts';
import { controlHandlers } from '../session-host/handlers.ts';

const OWN = `
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready', control: '/c', proxy: 'p', ingress: 'i', ingressSocket: '/s', adapter: 'node', caFile: '/a', caBundle: '/b',
  runDir: 'own', config: '', warnings: [] });
`;

let state: string;
let control: Control | undefined;

function info(): SidecarInfo {
  return {
    control: join(state, 'run', 'control.sock'),
    proxy: 'http://127.0.0.1:1',
    ingress: 'http://127.0.0.1:2',
    ingressSocket: '/tmp/ingress.sock',
    adapter: 'uws',
    caFile: '/ca',
    caBundle: '/bundle',
    runDir: join(state, 'run'),
    config: '',
    warnings: [],
  };
}

async function runs(status: object): Promise<void> {
  const handlers = controlHandlers({ status: () => status });
  control = await startControl({ path: info().control, handlers });
}

function writeCurrent(text: string): void {
  writeFileSync(join(state, 'current'), text, { mode: 0o600 });
}

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'firma-attach-'));
});

afterEach(async () => {
  await control?.close();
  control = undefined;
  rmSync(state, { recursive: true });
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

  it('does not attach to a sidecar of another configuration', async () => {
    await runs(info());
    writeCurrent(info().control);
    const attached = attachOrStart({
      stateDir: state,
      configPath: '/strict/firma.toml',
      entry: '/no/such/program',
    });
    await expect(attached).rejects.toMatchObject({ code: 'START_FAILED' });
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
