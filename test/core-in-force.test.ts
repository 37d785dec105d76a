import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { trust } from '../src/config/trust.ts';
import type { Firma } from '../src/firma.ts';
import { openFirma } from '../src/open-firma.ts';
import { startSidecarHere } from '../src/sidecar.ts';
import { firma as command } from './cli/firma.ts';
import { makeDir } from './config/place.ts';

const CONFIG = '[sidecar.policy]\npath = "own.cedar"\n';
const PERMIT = '@id("yes") @unconditional("all may") permit (principal, action, resource);\n';
const FORBID = '@id("no") forbid (principal, action, resource);\n';
const ASKED = { agent: 'a', groups: [], actions: ['code.read'], scope: ['*'], ttlS: 60 };
const URL = 'https://api.github.com/repos/octocat/hello';

/** As many forbids of other agents as make lowering and linking take a while. */
function many(count: number): string {
  return Array.from(
    { length: count },
    (_, at) => `@id("other-${at}") forbid (principal == Firma::Agent::"agent-${at}", action, resource);`,
  ).join('\n');
}

let place: { readonly config: string; readonly stateDir: string };
let firma: Firma | undefined;
let token: string;

function write(policies: string): Promise<unknown> {
  writeFileSync(join(place.config, '..', 'own.cedar'), policies);
  return trust(place.config, place.stateDir);
}

async function open(): Promise<Firma> {
  firma = await openFirma(place);
  ({ token } = await firma.parts.authority.issue(ASKED));
  return firma;
}

async function reasonOf(running: Firma): Promise<string> {
  return (await running.decide({ token, method: 'GET', url: URL })).reason;
}

async function recordsOf(running: Firma): Promise<Readonly<Record<string, unknown>>[]> {
  const { runDir } = running.parts;
  await running.close();
  const lines = readFileSync(join(runDir, 'events-0.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

beforeEach(async () => {
  const root = makeDir({ 'firma.toml': CONFIG, 'own.cedar': PERMIT });
  place = { config: join(root, 'firma.toml'), stateDir: join(root, 'state') };
  await trust(place.config, place.stateDir);
});

afterEach(async () => {
  await firma?.close();
  firma = undefined;
});

describe('tables that are put in force', () => {
  const TABLE = (kind: string): string =>
    `[[rules]]\nmethod = "GET"\nhost = "api.github.com"\npath = "/repos/*/*"\naction_class = "${kind}"\n`;
  const put = (kind: string): Promise<unknown> => {
    writeFileSync(join(place.config, '..', 'own.toml'), TABLE(kind));
    return trust(place.config, place.stateDir);
  };

  beforeEach(async () => {
    writeFileSync(place.config, `${CONFIG}[sidecar.mapping]\nrules_path = "own.toml"\n`);
    await put('code.read');
  });

  it('decide from one call to the next, together with the policies', async () => {
    const running = await open();
    expect(await running.decide({ token, method: 'GET', url: URL })).toMatchObject({ reason: 'OK' });
    await put('repo.admin');
    expect(await running.reload()).toBe(true);
    expect(await reasonOf(running)).toBe('ACTION_NOT_GRANTED');
    const records = await recordsOf(running);
    const configs = records.filter(({ kind }) => kind === 'config');
    expect(new Set(configs.map(({ mappings }) => mappings)).size).toBe(2);
    expect(new Set(configs.map(({ bundle }) => bundle)).size).toBe(1);
  });

  it('leave those before in force where they do not load', async () => {
    const running = await open();
    await put('no.such');
    await expect(running.reload()).rejects.toMatchObject({
      code: 'MAPPING_INVALID',
      message: expect.stringMatching(/^own\.toml:5/),
    });
    expect(await reasonOf(running)).toBe('OK');
  });
});

describe('policies that are put in force', () => {
  it('decide from one call to the next, and every record names the configuration it was decided by', async () => {
    const running = await open();
    expect(await reasonOf(running)).toBe('OK');
    await write(FORBID);
    expect(await running.reload()).toBe(true);
    expect(await reasonOf(running)).toBe('POLICY_FORBID');
    expect(await running.reload()).toBe(false);
    const records = await recordsOf(running);
    const configs = records.filter(({ kind }) => kind === 'config').map(({ config }) => config);
    const decisions = records.filter(({ kind }) => kind === 'decision');
    expect(new Set(configs).size).toBe(2);
    expect(decisions.map(({ config }) => config)).toEqual(configs);
  });

  it('decide once they are ready: calls are answered meanwhile, by the policies before', async () => {
    const running = await open();
    await write(`${FORBID}${many(800)}`);
    const progress = { isDone: false };
    const reloading = running.reload().finally(() => {
      progress.isDone = true;
    });
    const before: string[] = [];
    while (!progress.isDone) {
      before.push(await reasonOf(running));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await reloading).toBe(true);
    // Those of the last turns may have been asked after the exchange.
    expect(before.join(' ')).toMatch(/^(?:OK ){10,}(?:OK|POLICY_FORBID| )*$/);
    expect(await reasonOf(running)).toBe('POLICY_FORBID');
  });

  it('decide by the last that was asked for, where several are asked for at once', async () => {
    const running = await open();
    await write(FORBID);
    const first = running.reload();
    const second = running.reload();
    expect([await first, await second]).toEqual([true, false]);
    expect(await reasonOf(running)).toBe('POLICY_FORBID');
  });

  it.each([
    ['do not parse', 'forbid (principal', 'POLICY_INVALID'],
    [
      'do not validate',
      '@id("x") forbid (principal, action, resource) when { context.nothing };',
      'POLICY_INVALID',
    ],
    ['repeat an id', `${PERMIT}${PERMIT}`, 'POLICY_INVALID'],
    [
      'say an outcome there is not',
      '@id("x") @outcome("end") forbid (principal, action, resource);',
      'POLICY_INVALID',
    ],
    [
      'are one of a megabyte',
      `@id("x") permit (principal, action, resource) when { "${'x'.repeat(1_000_000)}" == "" };`,
      'POLICY_INVALID',
    ],
    [
      'are 200 levels deep',
      `@id("x") permit (principal, action, resource) when { ${'!'.repeat(200)}true };`,
      'POLICY_INVALID',
    ],
  ])('leave those before in force where they %s', async (_what, text, code) => {
    const running = await open();
    await write(text);
    await expect(running.reload()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^own\.cedar:\d+:\d+: |^own\.cedar: /),
    });
    expect(await reasonOf(running)).toBe('OK');
  });

  it('are refused where nobody trusts them, or where more has changed than they', async () => {
    const running = await open();
    writeFileSync(join(place.config, '..', 'own.cedar'), FORBID);
    await expect(running.reload()).rejects.toMatchObject({ code: 'CONFIG_UNTRUSTED' });
    writeFileSync(
      place.config,
      `${CONFIG}[[sidecar.budgets]]\nname = "n"\nmatch = ["code.*"]\nmax_calls = 1\n`,
    );
    await write(FORBID);
    await expect(running.reload()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('budgets'),
    });
    expect(await reasonOf(running)).toBe('OK');
  });

  it('are put there by hand in a sidecar that runs, through its control socket', async () => {
    const env = { FIRMA_STATE_DIR: place.stateDir };
    const reload = (): ReturnType<typeof command> => command(['policy', 'reload', '--json'], { env });
    expect(await reload()).toMatchObject({ code: 3, err: expect.stringContaining('firma sidecar') });
    const sidecar = await startSidecarHere({ ...place, current: true });
    try {
      ({ token } = await sidecar.firma.parts.authority.issue(ASKED));
      await write(FORBID);
      expect(JSON.parse((await reload()).out)).toEqual({ changed: true });
      expect(await reasonOf(sidecar.firma)).toBe('POLICY_FORBID');
      await write('forbid');
      expect(await reload()).toMatchObject({ code: 2, err: expect.stringContaining('own.cedar:1') });
      expect(await reasonOf(sidecar.firma)).toBe('POLICY_FORBID');
    } finally {
      await sidecar.close();
    }
  });
});
