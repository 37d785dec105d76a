import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadBundle, type PolicyVerdict, startCedar } from '@firma/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { cedarModule } from '../../src/cedar-module.ts';
import { entryPoint } from '../../src/entry-point.ts';
import { lowerCore } from '../../src/pool/lower-core.ts';
import { type SharedCore, shareBundle } from '../../src/pool/lowered-core.ts';
import { ReferenceClient } from '../../src/pool/reference-client.ts';
import { ReferenceHub, type ReferenceHubOptions } from '../../src/pool/reference-hub.ts';
import { query } from '../policy/query.ts';

const POLICIES = `
@id("pay") permit (principal, action == Firma::Action::"payment.transfer", resource);
@id("read") permit (principal, action == Firma::Action::"code.read", resource);
`;

const WAIT = { timeout: 10_000, interval: 5 };

/** Threads that fail, as their name says. */
const WORKERS = `
const until = (port, type) => new Promise((resolve) => port.on('message', (m) => m.type === type && resolve(m)));
export async function reference({ port: hub, data }) {
  const [, mode] = /mode ([a-z ]+)/.exec(Buffer.from(data.bundle.bytes).toString('latin1'));
  if (mode === 'no start') return { ok: false, code: 'POLICY_INVALID', message: 'not these' };
  const stopped = until(hub, 'stop').then(() => hub.close()).then(() => ({ ok: true }));
  if (mode === 'never ready') return stopped;
  hub.on('message', ({ type, port }) => {
    if (type !== 'connect') return;
    port.on('message', () => { if (mode === 'dies') process.exit(7); });
  });
  hub.postMessage({ type: 'pong' });
  return stopped;
}
`;

const EMPTY = { policies: [], params: new Map(), budgets: new Set<string>() };
const FAILED: Partial<PolicyVerdict> = { allowed: false, errored: ['<engine>'] };

describe('the reference engine of a process', () => {
  let dir: string;
  let core: SharedCore;
  let alerts: string[];
  let open: { close(): Promise<void> }[];

  const hubOf = (options: Partial<ReferenceHubOptions> = {}): ReferenceHub => {
    const alert = (line: string): void => void alerts.push(line);
    const hub = new ReferenceHub({ core, share: 0, runDir: dir, alert, ...options });
    open.push(hub);
    return hub;
  };
  /** Closed before its hub. */
  const clientOf = (hub: ReferenceHub, onDistrust?: (index: number) => void): ReferenceClient => {
    const client = new ReferenceClient(hub.connect(), onDistrust === undefined ? {} : { onDistrust });
    open.unshift(client);
    return client;
  };
  /** With a worker of `WORKERS`. */
  const failing = (mode: string, options: Partial<ReferenceHubOptions> = {}): ReferenceHub => {
    const schema = `mode ${mode}`;
    const bundle = shareBundle({ ...EMPTY, canonical: { schema, policies: [] } });
    return hubOf({ core: { ...core, bundle }, worker: join(dir, 'workers.mjs'), ...options });
  };

  beforeAll(() => {
    startCedar(cedarModule());
    dir = mkdtempSync(join(tmpdir(), 'firma-reference-'));
    writeFileSync(join(dir, 'workers.mjs'), WORKERS);
    core = lowerCore({ tables: [], policies: [{ file: 'p.cedar', text: POLICIES }], budgets: ['spend'] });
  });
  beforeEach(() => {
    alerts = [];
    open = [];
  });
  afterEach(async () => {
    for (const one of open) await one.close();
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('answers several threads, and is started by the first query', async () => {
    const hub = hubOf();
    const clients = [clientOf(hub), clientOf(hub)];
    const verdicts = await Promise.all(clients.map((client) => client.evaluate(query())));
    expect(verdicts).toMatchObject([{ determining: ['pay'] }, { determining: ['pay'] }]);
    const later = clientOf(hub);
    expect(await later.evaluate(query())).toMatchObject({ allowed: true });
    expect(hub.stats()).toEqual({ engine: 'compiled', declined: 3, shadow: undefined });
    expect(alerts).toEqual([]);
  });

  it('goes on with whoever asks when one of them is closed', async () => {
    const hub = hubOf();
    const [one, other] = [clientOf(hub), clientOf(hub)];
    await one.evaluate(query());
    await one.close();
    expect(await other.evaluate(query())).toMatchObject({ allowed: true });
  });

  it.each([
    ['that does not start', 'no start'],
    ['that never gets ready', 'never ready'],
    ['that dies', 'dies'],
    ['that does not answer', 'deaf'],
  ])('denies what a thread %s was asked', async (_what, mode) => {
    const startTimeoutMs = mode === 'never ready' ? 20 : 10_000;
    const timeoutMs = mode === 'deaf' ? 20 : 10_000;
    const hub = failing(mode, { timeoutMs, startTimeoutMs, restartMs: 60_000 });
    const client = clientOf(hub);
    expect(await client.evaluate(query())).toMatchObject(FAILED);
    expect(client.evaluate(query())).toMatchObject(FAILED);
    // Said once, of a thread that ended by itself.
    const isSaid = alerts.map((detail) => detail.startsWith('the reference engine answers nothing'));
    expect(isSaid).toEqual(mode === 'no start' || mode === 'dies' ? [true] : []);
  });

  it('is there again after a thread died', async () => {
    const hub = failing('dies', { restartMs: 1 });
    const client = clientOf(hub);
    expect(await client.evaluate(query())).toMatchObject(FAILED);
    // The next one is asked, and dies of it.
    await expect.poll(() => client.evaluate(query()) instanceof Promise, WAIT).toBe(true);
    expect(alerts).toHaveLength(1);
  });

  it('is ended where cedar fails on everything, and said once', async () => {
    const broken = loadBundle([{ file: 'p.cedar', text: POLICIES }], { params: {}, budgets: [] });
    const tampered = broken.policies.map((policy) => ({ ...policy, text: 'permit (' }));
    const hub = hubOf({ core: { ...core, bundle: shareBundle({ ...broken, policies: tampered }) } });
    const client = clientOf(hub);
    const asked = Array.from({ length: 8 }, () =>
      client.evaluate(query({ context: { params: {}, budget: {} } })),
    );
    expect(await Promise.all(asked)).toEqual(asked.map(() => expect.objectContaining(FAILED)));
    await vi.waitFor(() => expect(alerts).toEqual([expect.stringContaining('cedar fails')]), WAIT);
  });

  it('writes the first difference of a class, and every thread hears of it', async () => {
    const runDir = mkdtempSync(join(dir, 'run-'));
    const hub = hubOf({ share: 1, runDir });
    const heard: string[] = [];
    const one = clientOf(hub, (index) => heard.push(`one ${index}`));
    const other = clientOf(hub, (index) => heard.push(`other ${index}`));
    const asked = query();
    const verdict: PolicyVerdict = {
      allowed: true,
      determining: ['x'],
      errored: [],
      abort: false,
      reason: undefined,
      remedy: undefined,
    };
    const reference = { ...verdict, allowed: false };
    const difference = { ordinal: 1, query: asked, engine: 'planted', verdict, again: verdict, reference };
    one.tell(difference);
    other.tell({ ...difference, ordinal: 2 });
    const file = join(runDir, 'policy-differences.jsonl');
    await vi.waitFor(
      () => expect(existsSync(file) && readFileSync(file, 'utf8').endsWith('\n')).toBe(true),
      WAIT,
    );
    await vi.waitFor(() => expect(heard).toHaveLength(2), WAIT);
    expect(heard.toSorted()).toEqual([`one ${asked.action.index}`, `other ${asked.action.index}`]);
    const later = hub.connect();
    later.control.close();
    expect(later.distrusted).toEqual([asked.action.index]);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const [policy] = POLICIES.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        ...JSON.parse(JSON.stringify(difference)),
        bundle: core.digests.bundle,
        policies: [{ id: 'pay', text: policy }],
      },
    ]);
    expect(alerts).toEqual([expect.stringContaining('policy engines differ on `payment.transfer`')]);
  });

  it('is waited for by its end, and so denies nothing of what was asked before', async () => {
    const hub = hubOf();
    const client = clientOf(hub);
    const asked = client.evaluate(query());
    const closed = hub.close();
    await client.close();
    await closed;
    expect(await asked).toMatchObject({ allowed: true });
  });

  it('leaves nothing open when closed, in a process that makes no code from strings', async () => {
    const script = `
      const [, pool, policies, asked] = process.argv;
      const { lowerCoreInThread } = await import(pool + '/lower.js');
      const { linkCore } = await import(pool + '/lowered-core.js');
      const { ReferenceHub } = await import(pool + '/reference-hub.js');
      const { openEngine } = await import(pool + '/deciding-engine.js');
      const sources = { tables: [], policies: [{ file: 'p.cedar', text: policies }], budgets: ['spend'] };
      const core = await lowerCoreInThread(sources);
      const hub = new ReferenceHub({ core, share: 1, runDir: '/nowhere' });
      const opened = openEngine((await linkCore(core)).bundle, hub.connect(), 1);
      const verdict = await opened.engine.evaluate(JSON.parse(asked));
      while (hub.stats().shadow.agreed === 0) await new Promise((done) => setImmediate(done));
      console.log(JSON.stringify({ verdict, stats: hub.stats() }));
      await opened.close();
      await hub.close();`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script];
    const pool = join(entryPoint('pool/lower.js'), '..');
    const args = [...flags, pool, POLICIES, JSON.stringify(query())];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: { determining: ['pay'] },
      stats: { declined: 0, shadow: { sampled: 1, agreed: 1, differed: 0 } },
    });
    expect(stderr).toBe('');
  });
});
