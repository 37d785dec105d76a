import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type Bundle, loadBundle } from '../../native-free-core/policy/bundle.ts';
import { CompiledEngine, linkBundle } from '../../native-free-core/policy/compiled/index.ts';
import { lintBundle } from '../../native-free-core/policy/lint.ts';
import { IssuancePolicies } from '../../native-free-core/policy/issuance.ts';
import type { PolicySource } from '../../native-free-core/policy/port.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { ACTION_CLASSES } from '../../native-free-core/registry/classes.ts';
import { openFixtures, type OpenFixtures } from '../../src/cli/policy/fixture-files.ts';
import { CaseRunner, writtenAnswer } from '../../src/cli/policy/run-case.ts';
import { builtinConfig } from '../../src/config/builtin.ts';
import { readNamed } from '../../src/config/read-named.ts';
import { SourceReader } from '../../src/config/sources.ts';
import { makeDir } from '../config/place.ts';
import { mappings } from '../mappings/tables.ts';
import { CONTEXT, query, type QueryChanges } from './query.ts';

const folder = fileURLToPath(new URL('../../policies', import.meta.url));

function source(file: string): PolicySource {
  return { file, text: readFileSync(`${folder}/${file}`, 'utf8') };
}

function namesIn(path: string, extension: string): string[] {
  return readdirSync(`${folder}/${path}`).filter((name) => name.endsWith(extension));
}

const { loaded } = await readNamed(builtinConfig(), new SourceReader());
const GUARDS = ['payments', 'exfiltration', 'runaway'];
const opened: ReferenceEngine[] = [];
afterAll(() => opened.forEach((engine) => engine.close()));

interface PolicySet {
  readonly bundle: Bundle;
  readonly engine: ReferenceEngine;
}

function openSet(sources: readonly PolicySource[]): PolicySet {
  const bundle = loadBundle(sources, { params: mappings.params, budgets: [] });
  const engine = new ReferenceEngine(bundle);
  opened.push(engine);
  return { bundle, engine };
}

function setOf(...names: readonly string[]): PolicySet {
  return openSet(names.map((name) => source(`starter/${name}.cedar`)));
}

const byDefault = openSet(loaded.policies);

function decide(changes: QueryChanges, { engine } = byDefault): string {
  const context = { params: {}, budget: {}, ...changes.context };
  const verdict = engine.evaluate(query({ ...changes, context }));
  if (verdict.abort) return 'abort';
  if (verdict.allowed) return 'allow';
  return verdict.determining.join(' ') || 'no permit';
}

function permitted(set: PolicySet): readonly string[] {
  return ACTION_CLASSES.map(({ name }) => name).filter((name) => decide({ action: name }, set) === 'allow');
}

/** What a session that has done this may do with a host of these groups. */
function send(session: object, set: PolicySet, hostGroups: readonly string[] = []): string {
  return decide(
    {
      action: 'communication.external.send',
      resource: { hostGroups },
      context: { session: { ...CONTEXT.session, classes: [], injected: [], ...session } },
    },
    set,
  );
}

const STRICT = ['filesystem.read', 'code.read', 'code.review.read', 'issue.read'];
const READS = [
  ...['filesystem.read', 'code.read', 'code.review.read', 'issue.read', 'security.alert.read'],
  ...['payment.read', 'customer.read', 'communication.external.read'],
];
const DEV = [
  ...['filesystem.read', 'code.read', 'code.review.read', 'code.review.submit', 'code.write', 'issue.read'],
  ...['issue.write', 'notification.manage', 'security.alert.read', 'payment.read', 'customer.read'],
  'communication.external.read',
];

const PRIVATE = [
  ...['code.read', 'code.review.read', 'communication.external.read', 'customer.read'],
  'security.alert.read',
];

describe('the starter policies', () => {
  it('load together, and each says why and what to do', () => {
    const { bundle } = openSet(namesIn('starter', '.cedar').map((name) => source(`starter/${name}`)));
    const silent = bundle.policies.filter(
      ({ reason, remedy }) => reason === undefined || remedy === undefined,
    );
    expect(silent.map(({ id }) => id)).toEqual([]);
  });

  it('say nothing that is probably not meant, together and each by itself', () => {
    const names = namesIn('starter', '.cedar').map((name) => name.replace('.cedar', ''));
    for (const set of [names, ...names.map((name) => [name])]) {
      expect(lintBundle(setOf(...set).bundle, mappings.hostGroups).map(({ message }) => message)).toEqual([]);
    }
  });

  it('are dev and every guard without a configured path', () => {
    expect(loaded.policies.map(({ file }) => file).sort()).toEqual(
      ['dev', ...GUARDS].map((name) => `builtin:${name}.cedar`).sort(),
    );
  });

  it.each([
    ['strict', STRICT],
    ['read-only', READS],
    ['dev', DEV],
  ])('permit with %s no class but these, also beside every guard', (base, classes) => {
    expect(permitted(setOf(base))).toEqual(classes);
    expect(permitted(setOf(base, ...GUARDS))).toEqual(classes);
  });

  it('permit nothing by the guards, but small payments', () => {
    const guards = setOf(...GUARDS);
    expect(permitted(guards)).toEqual([]);
    expect(guards.bundle.policies.filter(({ effect }) => effect === 'permit').map(({ id }) => id)).toEqual([
      'payment-transfer',
    ]);
    expect(decide({ context: { params: { amount: 5000, currency: 'usd' } } }, guards)).toBe('allow');
  });

  it('permit sending to model providers only', () => {
    expect(send({}, byDefault, ['model'])).toBe('allow');
    expect(send({}, byDefault, ['other', 'model'])).toBe('allow');
    expect(send({}, byDefault)).toBe('outside-send');
    expect(send({}, byDefault, ['models'])).toBe('outside-send');
  });

  it('hold back what a session has read, also where somebody permits every place', () => {
    const everywhere = '@id("everywhere") permit (principal, action, resource);';
    const open = openSet([source('starter/exfiltration.cedar'), { file: 'x.cedar', text: everywhere }]);
    expect(send({}, open)).toBe('allow');
    expect(send({ classes: ['code.read'] }, open)).toBe('allow');
    expect(send({ injected: ['github'], classes: ['issue.read'] }, open)).toBe('allow');
    const readSecret = { classes: ['credential.read', 'issue.read'] };
    expect(send(readSecret, open)).toBe('exfiltration-after-credential-read');
    expect(send(readSecret, open, ['model'])).toBe('allow');
    for (const read of PRIVATE) {
      expect(send({ classes: [read] }, open)).toBe('allow');
      const readPrivate = { classes: [read, 'issue.read'], injected: ['github'] };
      expect(send(readPrivate, open)).toBe('exfiltration-after-private-read');
      expect(send(readPrivate, open, ['model'])).toBe('allow');
    }
  });

  it.each(['calls', 'denies'])('end a session with too many %s, whatever it does next', (what) => {
    const limit = what === 'calls' ? 10_000 : 100;
    const after = (count: number, action: string): string =>
      decide({ action, context: { session: { ...CONTEXT.session, [what]: count } } });
    expect(after(limit, 'code.read')).toBe('allow');
    for (const { name } of ACTION_CLASSES) expect(after(limit + 1, name)).toBe('abort');
  });
});

describe('the fixtures of the starter policies', () => {
  const directory = `${folder}/starter`;

  async function failures(
    { suites, open }: OpenFixtures,
    also: readonly PolicySource[] = [],
  ): Promise<string[]> {
    const failed: string[] = [];
    for (const { bundle, cases } of suites) {
      const set = openSet([...bundle.policies.map(({ id, text }) => ({ file: id, text })), ...also]);
      const runners = [set.engine, new CompiledEngine(set.engine, linkBundle(set.bundle))].map(
        (engine) => new CaseRunner(open, engine),
      );
      for (const tested of cases) {
        for (const runner of runners) {
          const { ok, answer } = await runner.run(tested);
          if (!ok) failed.push(`${tested.file}: ${tested.name}: ${writtenAnswer(answer)}`);
        }
      }
    }
    return failed;
  }

  it('are there for each policy file', async () => {
    const { suites } = await openFixtures(directory, {});
    const tested = new Set(suites.flatMap(({ cases }) => cases.map(({ file }) => basename(file, '.toml'))));
    expect([...tested].sort()).toEqual(
      namesIn('starter', '.cedar')
        .map((name) => name.replace('.cedar', ''))
        .sort(),
    );
  });

  it('come out with both engines: all of the folder, and what holds without a configured path', async () => {
    expect(await failures(await openFixtures(directory, {}))).toEqual([]);
    const cwd = makeDir({});
    const around = { stateDir: join(cwd, 'state') };
    expect(await failures(await openFixtures(undefined, around))).toEqual([]);
  });

  it.each(namesIn('starter/fixtures', '.toml'))('%s comes out beside every guard, too', async (name) => {
    const guards = GUARDS.map((guard) => source(`starter/${guard}.cedar`));
    const fixtures = await openFixtures(`${directory}/fixtures/${name}`, {});
    const known = new Set(fixtures.suites.flatMap(({ bundle }) => bundle.policies.map(({ id }) => id)));
    const others = loadBundle(guards, { params: mappings.params, budgets: [] })
      .policies.filter(({ id }) => !known.has(id))
      .map(({ id, text }) => ({ file: id, text }));
    expect(await failures(fixtures, others)).toEqual([]);
  });
});

describe('the issuance policies', () => {
  it('give every class for a day, except those that change who has access', () => {
    const policies = new IssuancePolicies(
      namesIn('issuance', '.cedar').map((name) => source(`issuance/${name}`)),
    );
    const request = { agent: 'a', groups: [], actions: ACTION_CLASSES, scope: ['*'] };
    const refused = (ttlS: number): readonly string[] =>
      policies.evaluate({ ...request, ttlS }).map(({ action }) => action);
    expect(refused(86_400)).toEqual(['account.permission.change', 'credential.write']);
    expect(refused(86_401)).toHaveLength(44);
    policies.close();
  });
});
