import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { trust } from '../src/config/trust.ts';
import { type Sidecar, type SidecarStartOptions, startSidecarHere } from '../src/sidecar.ts';
import { makeDir } from './config/place.ts';

const CONFIG = `[[sidecar.budgets]]
name = "reads"
match = ["code.read"]
max_calls = 3
[[sidecar.budgets]]
name = "all"
match = ["code.read"]
per = "agent"
window = "24h"
max_calls = 5
`;
const ASKED = { agent: 'a', groups: [], actions: ['code.read'], scope: ['*'], ttlS: 600 };
const URL = 'https://api.github.com/repos/octocat/hello';

let place: { readonly config: string; readonly stateDir: string };
let sidecar: Sidecar | undefined;
let token: string;

async function start(options: SidecarStartOptions = {}): Promise<Sidecar> {
  sidecar = await startSidecarHere({ ...place, current: true, ...options });
  return sidecar;
}

async function stop(): Promise<void> {
  await sidecar?.close();
  sidecar = undefined;
}

async function issue(): Promise<{ readonly token: string; readonly sid: string }> {
  const issued = await (await running()).firma.parts.authority.issue(ASKED);
  return { token: issued.token, sid: issued.claims.sid };
}

function running(): Promise<Sidecar> {
  return sidecar === undefined ? start() : Promise.resolve(sidecar);
}

async function reasonOf(by = token): Promise<string> {
  const { firma } = await running();
  return (await firma.decide({ token: by, method: 'GET', url: URL })).reason;
}

beforeEach(async () => {
  const root = makeDir({ 'firma.toml': CONFIG });
  place = { config: join(root, 'firma.toml'), stateDir: join(root, 'state') };
  await trust(place.config, place.stateDir);
  ({ token } = await issue());
});

afterEach(stop);

describe('a sidecar that is started again', () => {
  it('goes on with the budgets of its sessions and agents, and with the same log', async () => {
    expect([await reasonOf(), await reasonOf()]).toEqual(['OK', 'OK']);
    await stop();
    expect([await reasonOf(), await reasonOf()]).toEqual(['OK', 'BUDGET_EXCEEDED']);
    const other = await issue();
    const reasons = [await reasonOf(other.token), await reasonOf(other.token), await reasonOf(other.token)];
    expect(reasons).toEqual(['OK', 'OK', 'BUDGET_EXCEEDED']);
    expect(readdirSync(join(place.stateDir, 'runs'))).toEqual(['sidecar-sidecar']);
  });

  it('knows which sessions were ended, and what they did', async () => {
    const { sid } = await issue();
    expect(await reasonOf()).toBe('OK');
    const { firma } = await running();
    const [session] = firma.listSessions(10);
    expect(await firma.abortSession(session?.sid ?? '', 'by hand')).toBe(true);
    expect(await firma.abortSession(sid, 'never made a call')).toBe(false);
    await stop();
    expect(await reasonOf()).toBe('SESSION_ABORTED');
    expect((await running()).firma.showSession(session?.sid ?? '')).toMatchObject({
      aborted: 'by hand',
      allows: 1,
      denies: 1,
      classes: ['code.read'],
      hosts: ['api.github.com'],
      lastClass: 'code.read',
    });
  });

  it('begins anew where nothing was to be kept', async () => {
    await stop();
    await start({ ephemeral: true });
    expect([await reasonOf(), await reasonOf(), await reasonOf()]).toEqual(['OK', 'OK', 'OK']);
    await stop();
    await start({ ephemeral: true });
    expect(await reasonOf()).toBe('OK');
  });

  it('does not start with a store that is damaged, unless it is to be set aside', async () => {
    expect(await reasonOf()).toBe('OK');
    await stop();
    const runDir = join(place.stateDir, 'runs', 'sidecar-sidecar');
    writeFileSync(join(runDir, 'store', 'data.mdb'), 'not a store');
    await expect(start()).rejects.toMatchObject({ message: expect.stringContaining('--reset-state') });
    await start({ resetState: true });
    expect([await reasonOf(), await reasonOf(), await reasonOf()]).toEqual(['OK', 'OK', 'OK']);
    expect(readdirSync(runDir).filter((name) => name.startsWith('store.broken-'))).toHaveLength(1);
  });
});
