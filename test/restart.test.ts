import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sessionKeyOf } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ISSUER } from '../src/authority/open.ts';
import { trust } from '../src/config/trust.ts';
import { controlClient } from '../src/session/control-client.ts';
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
[[sidecar.budgets]]
name = "spend"
match = ["payment.transfer"]
agent = "a"
max_amount = 100
currency = "eur"
[[sidecar.budgets]]
name = "of-another"
match = ["code.read"]
agent = "b"
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
  const ending = sidecar;
  sidecar = undefined;
  await ending?.close();
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
    const [session] = firma.parts.desk.list(10).sessions;
    const ended = { sid: session?.sid ?? '', agent: undefined, reason: 'by hand' };
    expect(await firma.parts.desk.abort(ended)).toMatchObject({ agent: 'a', endedBefore: undefined });
    expect(await firma.parts.desk.abort({ ...ended, reason: 'again' })).toMatchObject({
      endedBefore: 'by hand',
    });
    expect(await firma.parts.desk.abort({ ...ended, sid })).toBeUndefined();
    await stop();
    expect(await reasonOf()).toBe('SESSION_ABORTED');
    expect((await running()).firma.parts.desk.show(session?.sid ?? '')).toMatchObject({
      aborted: 'by hand',
      allows: 1,
      denies: 1,
      classes: ['code.read'],
      hosts: ['api.github.com'],
      lastClass: 'code.read',
    });
  });

  it('ends sessions that are not in memory, by the name of their agent', async () => {
    const fresh = await issue();
    expect(await reasonOf()).toBe('OK');
    const sid = (await running()).firma.parts.desk.list(1).sessions[0]?.sid ?? '';
    await stop();
    const { firma } = await running();
    const ended = { agent: 'a', reason: 'by hand', endedBefore: undefined, notKept: undefined };
    for (const one of [sid, fresh.sid]) {
      expect(await firma.parts.desk.abort({ sid: one, agent: undefined, reason: 'by hand' })).toBeUndefined();
      const { reason, ...answer } = { sid: one, ...ended };
      expect(await firma.parts.desk.abort({ sid: one, agent: 'a', reason })).toEqual(answer);
    }
    expect(await reasonOf()).toBe('SESSION_ABORTED');
    await stop();
    expect([await reasonOf(), await reasonOf(fresh.token)]).toEqual(['SESSION_ABORTED', 'SESSION_ABORTED']);
    expect((await running()).firma.parts.desk.show(sid)).toMatchObject({ allows: 1, classes: ['code.read'] });
  });

  it('ends a session of a run that has made no call yet, without the name of its agent', async () => {
    const { info } = await running();
    const control = controlClient(info.control);
    const { sid } = await control.openSession(ASKED);
    expect(await control.abortSession(sid)).toMatchObject({ sid, agent: 'a' });
    expect(await control.showSession(sid)).toMatchObject({ aborted: 'ended by hand' });
  });

  it('whose store is gone ends a session, and says that a restart may forget it', async () => {
    expect(await reasonOf()).toBe('OK');
    const { firma } = await running();
    const [session] = firma.parts.desk.list(1).sessions;
    const { audit, transports } = firma.parts;
    let cuts = 0;
    transports.attach(session?.key ?? '', () => (cuts += 1));
    process.kill(audit.writerPid ?? 0, 'SIGKILL');
    const ended = { sid: session?.sid ?? '', agent: undefined, reason: 'by hand' };
    expect(await firma.parts.desk.abort(ended)).toMatchObject({
      notKept: expect.stringContaining('state store'),
    });
    expect(cuts).toBe(1);
    expect(firma.parts.desk.show(ended.sid)).toMatchObject({ aborted: 'by hand' });
    // What is open is cut also where the session is not in memory and cannot be read.
    transports.attach(sessionKeyOf(ISSUER, 'a', 'other'), () => (cuts += 1));
    await expect(firma.parts.desk.abort({ ...ended, sid: 'other', agent: 'a' })).rejects.toThrow(
      'state store',
    );
    expect(cuts).toBe(2);
    await stop().catch(() => undefined);
  });

  it('lists each session once, a page at a time, and shows the budgets that count it', async () => {
    for (let session = 0; session < 5; session++) expect(await reasonOf((await issue()).token)).toBe('OK');
    const { firma } = await running();
    const sids = new Set<string>();
    const lengths: number[] = [];
    let next: number | undefined;
    do {
      const page = firma.parts.desk.list(2, next);
      for (const { sid, startMs } of page.sessions) {
        sids.add(sid);
        expect(Number.isInteger(startMs)).toBe(true);
      }
      lengths.push(page.sessions.length);
      ({ next } = page);
    } while (next !== undefined);
    expect({ lengths, count: sids.size }).toEqual({ lengths: [2, 2, 1], count: 5 });
    const shown = firma.parts.desk.show([...sids][0] ?? '');
    expect(shown?.budgets).toMatchObject([
      { name: 'reads', remaining: 2, currency: undefined },
      { name: 'spend', remaining: 100, currency: 'eur' },
      { name: 'all', remaining: 0 },
    ]);
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
    await start({ resetState: true });
    expect([await reasonOf(), await reasonOf(), await reasonOf()]).toEqual(['OK', 'OK', 'BUDGET_EXCEEDED']);
    await stop();
    expect(readdirSync(runDir).filter((name) => name.startsWith('store'))).toEqual(['store']);
    writeFileSync(join(runDir, 'store', 'data.mdb'), 'not a store');
    await expect(start()).rejects.toMatchObject({ message: expect.stringContaining('--reset-state') });
    await start({ resetState: true });
    expect([await reasonOf(), await reasonOf(), await reasonOf()]).toEqual(['OK', 'OK', 'OK']);
    expect(readdirSync(runDir).filter((name) => name.startsWith('store.broken-'))).toHaveLength(1);
  });

  it('is not told to keep nothing and to set aside what is kept', async () => {
    await stop();
    await expect(start({ resetState: true, ephemeral: true })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
