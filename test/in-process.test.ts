import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionJson } from '../src/call.ts';
import { trust } from '../src/config/trust.ts';
import type { Firma } from '../src/firma.ts';
import { openFirma } from '../src/index.ts';
import { decisionConformance, MAPPINGS, POLICIES } from './conformance/decisions.ts';
import { makeLastingDir } from './config/place.ts';

const CONFIG = `
[sidecar.mapping]
rules_path = "own.toml"
[sidecar.policy]
path = "own.cedar"
[[sidecar.budgets]]
name = "calls"
match = ["code.write"]
max_calls = 3
`;
const ASKED = {
  agent: 'a',
  groups: [],
  actions: ['code.read', 'code.write', 'payment.transfer', 'repo.admin'],
  scope: ['*'],
  ttlS: 600,
};

interface Opened {
  readonly firma: Firma;
  close(): Promise<void>;
}

async function open(): Promise<Opened> {
  const { root, remove } = makeLastingDir({
    'firma.toml': CONFIG,
    'own.toml': MAPPINGS,
    'own.cedar': POLICIES,
  });
  const place = { config: join(root, 'firma.toml'), stateDir: join(root, 'state') };
  await trust(place.config, place.stateDir);
  const firma = await openFirma(place);
  return {
    firma,
    async close() {
      await firma.close();
      remove();
    },
  };
}

async function tokenOf({ firma }: Opened): Promise<string> {
  return (await firma.parts.authority.issue(ASKED)).token;
}

decisionConformance('in this process', async () => {
  const opened = await open();
  return {
    async decide(call) {
      try {
        return decisionJson(await opened.firma.decide(call as Parameters<Firma['decide']>[0]));
      } catch (error) {
        expect(error).toMatchObject({ code: 'USAGE' });
        return 'refused';
      }
    },
    token: () => tokenOf(opened),
    close: () => opened.close(),
  };
});

describe('a host that embeds an enforcement point', () => {
  const READ = { method: 'GET', url: 'https://api.test/repos/o/r' };
  const WRITE = { ...READ, method: 'POST' };
  const ADMIN = { ...READ, method: 'DELETE' };
  let opened: Opened;
  let token: string;

  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close());

  it('runs a guarded function where the call is allowed, with the decision', async () => {
    token = await tokenOf(opened);
    const guarded = await opened.firma.guard({ ...READ, token }, ({ outcome }) => `${outcome} ran`);
    expect(guarded).toMatchObject({ allowed: true, value: 'ALLOW ran', decision: { reason: 'OK' } });
  });

  it('does not run it where it is denied', async () => {
    token = await tokenOf(opened);
    let ran = 0;
    const guarded = await opened.firma.guard({ ...ADMIN, token }, () => (ran += 1));
    expect(guarded).toMatchObject({ allowed: false, decision: { reason: 'POLICY_NO_PERMIT' } });
    expect(guarded).not.toHaveProperty('value');
    expect(ran).toBe(0);
  });

  it('charges a guarded call also where its function fails, and throws on what it throws', async () => {
    token = await tokenOf(opened);
    const failing = (): Promise<unknown> =>
      opened.firma.guard({ ...WRITE, token }, () => {
        throw new RangeError('no route');
      });
    for (let calls = 0; calls < 3; calls++) await expect(failing()).rejects.toThrow('no route');
    expect(await opened.firma.guard({ ...WRITE, token }, () => 1)).toMatchObject({
      allowed: false,
      decision: { reason: 'BUDGET_EXCEEDED' },
    });
  });

  it('shows a token once to a session, whose calls are those of the token', async () => {
    token = await tokenOf(opened);
    const session = await opened.firma.session(token);
    if ('refused' in session) throw new Error(session.detail);
    expect(await session.decide(WRITE)).toMatchObject({ reason: 'OK' });
    expect(await session.guard(WRITE, () => 7)).toMatchObject({ value: 7 });
    expect(await opened.firma.decide({ ...WRITE, token })).toMatchObject({ reason: 'OK' });
    expect(await session.decide(WRITE)).toMatchObject({ reason: 'BUDGET_EXCEEDED' });
    expect(await session.decide(ADMIN)).toMatchObject({ reason: 'POLICY_NO_PERMIT' });
  });

  it('gets no session for a token that does not verify', async () => {
    expect(await opened.firma.session('no token')).toMatchObject({ refused: 'TOKEN_INVALID' });
  });

  it('finds the end of a session in its handle too', async () => {
    token = await tokenOf(opened);
    const session = await opened.firma.session(token);
    if ('refused' in session) throw new Error(session.detail);
    const { capability } = await session.decide(READ);
    await opened.firma.parts.desk.abort({
      sid: capability?.claims.sid ?? '',
      agent: undefined,
      reason: 'by hand',
    });
    expect(await session.decide(READ)).toMatchObject({ reason: 'SESSION_ABORTED' });
  });

  it('answers no ALLOW whose session was ended while it waited for more than its record', async () => {
    token = await tokenOf(opened);
    const { desk, point } = opened.firma.parts;
    const { decision } = await point.decide(
      { ...READ, token },
      {
        transport: 'in-process',
        source: 'test',
        commit: 'answer',
        canonicalize: false,
        awaited: ({ capability }) =>
          desk.abort({ sid: capability?.claims.sid ?? '', agent: undefined, reason: 'by hand' }),
      },
    );
    expect(decision).toMatchObject({ outcome: 'DENY', reason: 'SESSION_ABORTED' });
  });

  it('leaves an outcome record of each guarded call, and none of the others', async () => {
    const own = await open();
    const by = await tokenOf(own);
    await own.firma.decide({ ...READ, token: by });
    await own.firma.guard({ ...READ, token: by }, () => 1);
    const { runDir } = own.firma.parts;
    await own.firma.close();
    const lines = readFileSync(join(runDir, 'events-0.jsonl'), 'utf8').trimEnd().split('\n');
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const decisions = records.filter(({ kind }) => kind === 'decision');
    const outcomes = records.filter(({ kind }) => kind === 'outcome');
    expect(decisions).toHaveLength(2);
    expect(outcomes).toEqual([
      expect.objectContaining({ of: decisions[1]?.['event_id'], settled: 'committed' }),
    ]);
    await own.close().catch(() => undefined);
  });
});
