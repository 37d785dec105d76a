import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ActionClassInfo,
  type Bundle,
  CompiledEngine,
  linkBundle,
  loadBundle,
  type PolicyEngine,
  type PolicyVerdict,
  ReferenceEngine,
} from '@firma/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';
import {
  type PolicyDifference,
  type ShadowableEngine,
  type ShadowCounts,
  ShadowedEngine,
  type ShadowOptions,
} from '../../src/pool/shadow.ts';
import { CONTEXT, INPUTS, query } from '../policy/query.ts';

const POLICIES = `
@id("pay") permit (principal, action in Firma::Action::"payment", resource);
@id("read") permit (principal, action == Firma::Action::"code.read", resource) when { context.session.calls < 10 };
@id("large") @reason("too much") @remedy("ask") @outcome("abort")
forbid (principal, action == Firma::Action::"payment.transfer", resource)
unless { context.params has amount && context.params.amount <= 5000 };
`;

const WORKERS = `
const until = (port, type) => new Promise((resolve) => port.on('message', (m) => m.type === type && resolve(m)));

export async function shadow({ port, data }) {
  const { mode } = data.bundle;
  if (mode === 'no start') return { ok: false, code: 'POLICY_INVALID', message: 'not these' };
  const stopped = until(port, 'stop').then(() => port.close()).then(() => ({ ok: true }));
  if (mode === 'never ready') return stopped;
  port.postMessage({ type: 'ready' });
  if (mode === 'deaf') return stopped;
  const { ids } = await until(port, 'batch');
  if (mode === 'dies') process.exit(7);
  port.postMessage({ type: 'batch', ids, items: ids.map(() => ({ kind: 'agreed' })) });
  return stopped;
}
`;

const allowed = (by: string): PolicyVerdict => ({
  allowed: true,
  determining: [by],
  errored: [],
  abort: false,
  reason: undefined,
  remedy: undefined,
});

/** An engine that says what a test wants it to. */
class Planted implements ShadowableEngine {
  readonly name = 'planted';
  readonly distrusted: string[] = [];
  readonly evaluate: PolicyEngine['evaluate'];
  constructor(evaluate: PolicyEngine['evaluate']) {
    this.evaluate = evaluate;
  }
  distrust(action: ActionClassInfo): void {
    this.distrusted.push(action.name);
  }
}

describe('an engine that is shadowed', () => {
  let dir: string;
  let bundle: Bundle;
  let reference: ReferenceEngine;
  let engine: ShadowedEngine | undefined;
  let differences: PolicyDifference[];
  let troubles: string[];

  const shadowed = (inner: ShadowableEngine, options: Partial<ShadowOptions> = {}): ShadowedEngine =>
    (engine = new ShadowedEngine(inner, {
      bundle,
      bundleDigest: 'digest',
      share: 1,
      random: () => 0.5,
      onDifference: (difference) => differences.push(difference),
      onUnavailable: (detail) => troubles.push(detail),
      ...options,
    }));

  /** Shadowed by a worker of `WORKERS`. */
  const badly = (mode: string, options: Partial<ShadowOptions> = {}): ShadowedEngine =>
    shadowed(new Planted(() => allowed('pay')), {
      worker: join(dir, 'workers.mjs'),
      bundle: Object.assign({}, bundle, { mode }),
      ...options,
    });

  const settled = (counts: Partial<ShadowCounts>): Promise<void> =>
    vi.waitFor(() => expect(engine?.counts).toMatchObject(counts), { timeout: 10_000, interval: 5 });

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'firma-shadow-'));
    writeFileSync(join(dir, 'workers.mjs'), WORKERS);
    bundle = loadBundle([{ file: 'p.cedar', text: POLICIES }], INPUTS);
    reference = new ReferenceEngine(bundle);
  });
  beforeEach(() => {
    differences = [];
    troubles = [];
  });
  afterEach(async () => {
    await engine?.close();
    engine = undefined;
  });
  afterAll(() => {
    reference.close();
    rmSync(dir, { recursive: true });
  });

  describe('and right', () => {
    let compiled: CompiledEngine;
    let right: Planted;

    beforeAll(() => {
      compiled = new CompiledEngine(reference, linkBundle(bundle));
      right = new Planted((asked) => compiled.evaluate(asked));
    });

    it('agrees with the reference engine on whatever is asked, and answers as if it were not there', async () => {
      const queries = [1, 5000, 5001].flatMap((amount) =>
        ['payment.transfer', 'payment.read', 'code.read', 'credential.read'].map((action) =>
          query({ action, context: { params: { amount } } }),
        ),
      );
      queries.push(query({ context: { params: { amount: 1.5 } } }), query({ context: { params: {} } }));
      const subject = shadowed(right);
      const verdicts = queries.map((asked) => subject.evaluate(asked));
      expect(verdicts).toEqual(queries.map((asked) => compiled.evaluate(asked)));
      expect(new Set(verdicts.map((verdict) => 'allowed' in verdict && verdict.allowed)).size).toBe(2);
      await settled({ sampled: queries.length, agreed: queries.length, differed: 0, unanswered: 0 });
      expect(right.distrusted).toEqual([]);
    });

    it('is judged by what it was asked, not by what the session became', async () => {
      const asked = structuredClone(query({ action: 'code.read' }));
      expect(shadowed(right).evaluate(asked)).toMatchObject({ allowed: true });
      Object.assign(asked.context.session, { calls: 10 });
      expect(compiled.evaluate(asked)).toMatchObject({ allowed: false });
      await settled({ agreed: 1 });
    });

    it('is looked at in the share that is asked for', async () => {
      const draws = [0, 0.24, 0.25, 0.99];
      const some = shadowed(right, { share: 0.25, random: () => draws.shift() ?? 1 });
      for (let call = 0; call < 4; call++) some.evaluate(query());
      await settled({ agreed: 2 });
      expect(some.counts.sampled).toBe(2);
    });

    it('is not blamed where the reference engine has no answer', async () => {
      const asked = query({ agent: '\ud800' });
      expect(reference.evaluate(asked)).toMatchObject({ errored: ['<engine>'] });
      shadowed(new Planted(() => allowed('pay'))).evaluate(asked);
      await settled({ sampled: 1, unanswered: 1 });
      expect(differences).toEqual([]);
    });
  });

  describe('and wrong', () => {
    const tooMuch = query({ context: { params: { amount: 5001 } } });

    it('is distrusted and reported once a class, with what it takes to see it again', async () => {
      const wrong = new Planted(() => allowed('pay'));
      const subject = shadowed(wrong);
      expect(subject.evaluate(tooMuch)).toEqual(allowed('pay'));
      for (let call = 0; call < 5; call++) subject.evaluate(tooMuch);
      subject.evaluate(query({ action: 'credential.read' }));
      subject.evaluate(query({ action: 'payment.read' }));
      await settled({ sampled: 8, agreed: 1, differed: 7 });
      expect(wrong.distrusted).toEqual(['payment.transfer', 'credential.read']);
      expect(differences).toHaveLength(2);
      expect(differences[0]).toEqual({
        bundle: 'digest',
        ordinal: 1,
        query: tooMuch,
        engine: 'planted',
        verdict: allowed('pay'),
        again: allowed('pay'),
        reference: reference.evaluate(tooMuch),
        policies: bundle.policies.filter(({ id }) => id !== 'read').map(({ id, text }) => ({ id, text })),
      });
      expect(differences[1]).toMatchObject({ ordinal: 7, reference: { allowed: false }, policies: [] });
    });

    it.each<[string, Partial<PolicyVerdict>]>([
      ['the outcome', { allowed: true }],
      ['a policy behind it', { determining: ['large', 'pay'] }],
      ['a policy that errored', { errored: ['pay'] }],
      ['the end of the session', { abort: false }],
      ['the reason', { reason: 'because' }],
      ['the remedy', { remedy: undefined }],
    ])('is found out by %s alone', async (_what, change) => {
      const right = reference.evaluate(tooMuch);
      shadowed(new Planted(() => ({ ...right, ...change }))).evaluate(tooMuch);
      await settled({ differed: 1 });
      expect(differences).toMatchObject([{ verdict: { ...right, ...change }, reference: right }]);
    });

    it('is found out also where it answers later', async () => {
      const late = new Planted(async () => allowed('pay'));
      await expect(shadowed(late).evaluate(tooMuch)).resolves.toEqual(allowed('pay'));
      await settled({ differed: 1 });
      expect(late.distrusted).toEqual(['payment.transfer']);
    });

    it('once, and right when it is asked again, is counted and not distrusted', async () => {
      const answers = [allowed('pay')];
      const fickle = new Planted((asked) => answers.shift() ?? reference.evaluate(asked));
      shadowed(fickle).evaluate(tooMuch);
      await settled({ sampled: 1, unconfirmed: 1, differed: 0 });
      expect(fickle.distrusted).toEqual([]);
      expect(differences).toEqual([]);
    });
  });

  it('drops what too many wait before, and takes samples again when they are done', async () => {
    const flooded = shadowed(new Planted(() => allowed('pay')), { capacity: 3 });
    const small = query({ context: { params: { amount: 1 } } });
    for (let call = 0; call < 10; call++) expect(flooded.evaluate(small)).toEqual(allowed('pay'));
    expect(flooded.counts).toMatchObject({ sampled: 10, dropped: 7 });
    await settled({ agreed: 3 });
    flooded.evaluate(small);
    await settled({ sampled: 11, agreed: 4, dropped: 7 });
  });

  describe('by a thread', () => {
    it.each([
      ['that does not start', 'no start'],
      ['that never gets ready', 'never ready'],
      ['that dies', 'dies'],
      ['that does not answer', 'deaf'],
    ])('%s decides as ever, and its samples count as unanswered', async (_what, mode) => {
      const alone = badly(mode, { timeoutMs: 20, startTimeoutMs: mode === 'never ready' ? 20 : 10_000 });
      expect(alone.evaluate(query())).toEqual(allowed('pay'));
      expect(alone.evaluate(query())).toEqual(allowed('pay'));
      await settled({ sampled: 2, unanswered: 2 });
      expect(alone.evaluate(query())).toEqual(allowed('pay'));
      await settled({ sampled: 3, unanswered: 3 });
      // Said once, of a thread that ended by itself.
      const isSaid = troubles.map((detail) => detail.startsWith('shadow mode looks at no decision: '));
      expect(isSaid).toEqual(mode === 'no start' || mode === 'dies' ? [true] : []);
    });

    it('that died is followed by another', async () => {
      let mode = 'dies';
      const changing = Object.defineProperty({ ...bundle }, 'mode', { get: () => mode, enumerable: true });
      const restarted = badly('', { bundle: changing, restartMs: 1 });
      restarted.evaluate(query());
      await settled({ unanswered: 1 });
      mode = 'lives';
      await vi.waitFor(
        () => {
          restarted.evaluate(query());
          expect(restarted.counts.agreed).toBeGreaterThan(0);
        },
        { timeout: 10_000, interval: 20 },
      );
    });

    it('in which cedar fails on everything is ended, said once, and followed by another', async () => {
      let isBroken = true;
      const tampered = bundle.policies.map((policy) => ({ ...policy, text: 'permit (' }));
      const get = (): Bundle['policies'] => (isBroken ? tampered : bundle.policies);
      const changing = Object.defineProperty({ ...bundle }, 'policies', { get, enumerable: true });
      const small = query({ context: { params: { amount: 1 } } });
      const subject = shadowed(new Planted(() => allowed('pay')), { bundle: changing, restartMs: 1 });
      for (let call = 0; call < 7; call++) subject.evaluate(small);
      await settled({ sampled: 7, unanswered: 7 });
      expect(troubles).toEqual([]);
      subject.evaluate(small);
      await vi.waitFor(() => expect(troubles).toEqual([expect.stringContaining('cedar fails')]));
      isBroken = false;
      await vi.waitFor(
        () => {
          subject.evaluate(small);
          expect(subject.counts.agreed).toBeGreaterThan(0);
        },
        { timeout: 10_000, interval: 20 },
      );
      expect(troubles).toHaveLength(1);
    });

    it('goes on after many queries that Cedar does not take', async () => {
      const subject = shadowed(new Planted((asked) => reference.evaluate(asked)));
      for (let call = 0; call < 20; call++) subject.evaluate(query({ agent: '\ud800' }));
      await settled({ unanswered: 20 });
      subject.evaluate(query());
      await settled({ agreed: 1 });
      expect(troubles).toEqual([]);
    });

    it('that was closed leaves what waited unanswered', async () => {
      const closed = badly('deaf');
      closed.evaluate(query());
      await closed.close();
      expect(closed.evaluate(query())).toEqual(allowed('pay'));
      await settled({ sampled: 2, unanswered: 2 });
    });
  });

  it('in a process that makes no code from strings is shadowed, and leaves nothing open when closed', async () => {
    const script = `
      const [, shadow, asked] = process.argv;
      const { ShadowedEngine } = await import(shadow);
      const bundle = { policies: [], params: new Map(), budgets: new Set(), canonical: { schema: '', policies: [] } };
      const verdict = { allowed: false, determining: [], errored: [], abort: false };
      const inner = { name: 'x', evaluate: () => verdict, distrust() {} };
      const engine = new ShadowedEngine(inner, { bundle, bundleDigest: '', share: 1, random: () => 0, onDifference() {}, onUnavailable() {} });
      engine.evaluate(JSON.parse(asked));
      while (engine.counts.agreed + engine.counts.unanswered === 0) await new Promise((done) => setImmediate(done));
      console.log(JSON.stringify(engine.counts));
      await engine.close();`;
    const asked = query({ context: { ...CONTEXT, params: {}, budget: {} } });
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script];
    const args = [...flags, entryPoint('pool/shadow.js'), JSON.stringify(asked)];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
    expect(JSON.parse(stdout)).toMatchObject({ sampled: 1, agreed: 1 });
    expect(stderr).toBe('');
  });
});
