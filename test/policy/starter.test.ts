import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { IssuancePolicies } from '../../native-free-core/policy/issuance.ts';
import type { PolicySource } from '../../native-free-core/policy/port.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { ACTION_CLASSES } from '../../native-free-core/registry/classes.ts';
import { CONTEXT, query, type QueryChanges } from './query.ts';

function shipped(folder: string): PolicySource[] {
  const path = fileURLToPath(new URL(`../../policies/${folder}`, import.meta.url));
  return readdirSync(path).map((file) => ({ file, text: readFileSync(`${path}/${file}`, 'utf8') }));
}

const NOTHING_CONFIGURED = { params: {}, budgets: [] };
const BARE = { params: {}, budget: {} };

const bundle = loadBundle(shipped('starter'), NOTHING_CONFIGURED);
const engine = new ReferenceEngine(bundle);
afterAll(() => engine.close());

function decide(changes: QueryChanges): string {
  const verdict = engine.evaluate(query({ ...changes, context: { ...BARE, ...changes.context } }));
  if (verdict.abort) return 'abort';
  if (verdict.allowed) return 'allow';
  return verdict.determining.join(' ') || 'no permit';
}

function pay(params: Readonly<Record<string, number | string>>): string {
  return decide({ context: { params } });
}

function send(hostGroups: readonly string[]): string {
  return decide({ action: 'communication.external.send', resource: { hostGroups } });
}

function after(denies: number, action: string): string {
  return decide({ action, context: { session: { ...CONTEXT.session, denies } } });
}

describe('the starter policies', () => {
  it('are few, and each says why and each forbid what to do', () => {
    expect(bundle.policies.length).toBeLessThanOrEqual(10);
    const silent = bundle.policies.filter(
      ({ effect, reason, remedy }) => reason === undefined || (effect === 'forbid' && remedy === undefined),
    );
    expect(silent.map(({ id }) => id)).toEqual([]);
  });

  it('permit reading and everyday work on code, and nothing else', () => {
    const allowed = ACTION_CLASSES.filter(({ name }) => decide({ action: name }) === 'allow').map(
      ({ name }) => name,
    );
    expect(allowed).toEqual([
      'filesystem.read',
      'code.read',
      'code.review.read',
      'code.review.submit',
      'code.write',
      'issue.read',
      'issue.write',
      'notification.manage',
      'security.alert.read',
      'payment.read',
      'customer.read',
      'communication.external.read',
    ]);
    for (const action of [
      'code.destructive',
      'repo.admin',
      'code.merge',
      'credential.read',
      'system.execute',
    ]) {
      expect(decide({ action })).toBe('no permit');
    }
  });

  it('permit small payments in dollars, and no payment that is not known to be one', () => {
    expect(pay({ amount: 5000, currency: 'usd' })).toBe('allow');
    expect(pay({ amount: 0, currency: 'usd' })).toBe('allow');
    for (const params of [
      { amount: 5001, currency: 'usd' },
      { amount: 100, currency: 'jpy' },
      { amount: 100 },
      { currency: 'usd' },
      {},
    ]) {
      expect(pay(params)).toBe('payment-transfer-limit');
    }
  });

  it('permit sending to model providers only', () => {
    expect(send(['model'])).toBe('allow');
    expect(send(['other', 'model'])).toBe('allow');
    expect(send([])).toBe('outside-send-elsewhere');
    expect(send(['models'])).toBe('outside-send-elsewhere');
  });

  it('end a session that was refused more than 100 times, whatever it does next', () => {
    expect(after(100, 'code.read')).toBe('allow');
    for (const { name } of ACTION_CLASSES) expect(after(101, name)).toBe('abort');
  });
});

describe('the issuance policies', () => {
  it('give every class for a day, except those that change who has access', () => {
    const policies = new IssuancePolicies(shipped('issuance'));
    const request = { agent: 'a', groups: [], actions: ACTION_CLASSES, scope: ['*'] };
    const refused = (ttlS: number): readonly string[] =>
      policies.evaluate({ ...request, ttlS }).map(({ action }) => action);
    expect(refused(86_400)).toEqual(['account.permission.change', 'credential.write']);
    expect(refused(86_401)).toHaveLength(44);
    policies.close();
  });
});
