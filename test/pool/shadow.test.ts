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
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ReferenceClient } from '../../src/pool/reference-client.ts';
import type { Counts } from '../../src/pool/reference-counts.ts';
import { type ShadowableEngine, ShadowedEngine, type ShadowOptions } from '../../src/pool/shadow.ts';
import { INPUTS, query } from '../policy/query.ts';
import { type ReferenceRig, referenceRig } from './reference-rig.ts';

const WAIT = { timeout: 10_000, interval: 5 };

const POLICIES = `
@id("pay") permit (principal, action in Firma::Action::"payment", resource);
@id("read") permit (principal, action == Firma::Action::"code.read", resource) when { context.session.calls < 10 };
@id("large") @reason("too much") @remedy("ask") @outcome("abort")
forbid (principal, action == Firma::Action::"payment.transfer", resource)
unless { context.params has amount && context.params.amount <= 5000 };
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
  let bundle: Bundle;
  let reference: ReferenceEngine;
  let rig: ReferenceRig | undefined;

  /** @param answering false: nobody answers samples */
  const shadowed = (
    inner: ShadowableEngine,
    options: Partial<ShadowOptions> = {},
    answering = true,
  ): ShadowedEngine => {
    rig = referenceRig(answering ? bundle : undefined);
    const client = new ReferenceClient(rig.access);
    return new ShadowedEngine(inner, { reference: client, share: 1, random: () => 0.5, ...options });
  };

  const settled = (counts: Partial<Counts>): Promise<void> =>
    vi.waitFor(() => expect(rig?.counts()).toMatchObject(counts), WAIT);

  beforeAll(() => {
    bundle = loadBundle([{ file: 'p.cedar', text: POLICIES }], INPUTS);
    reference = new ReferenceEngine(bundle);
  });
  afterEach(() => {
    rig?.close();
    rig = undefined;
  });
  afterAll(() => reference.close());

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
      expect(rig?.counts().sampled).toBe(2);
    });

    it('is not blamed where the reference engine has no answer', async () => {
      const asked = query({ agent: '\ud800' });
      expect(reference.evaluate(asked)).toMatchObject({ errored: ['<engine>'] });
      shadowed(new Planted(() => allowed('pay'))).evaluate(asked);
      await settled({ sampled: 1, unanswered: 1 });
      expect(rig?.told).toEqual([]);
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
      await vi.waitFor(() => expect(rig?.told).toHaveLength(2), WAIT);
      expect(rig?.told[0]).toEqual({
        ordinal: 1,
        query: tooMuch,
        engine: 'planted',
        verdict: allowed('pay'),
        again: allowed('pay'),
        reference: reference.evaluate(tooMuch),
      });
      expect(rig?.told[1]).toMatchObject({ ordinal: 7, reference: { allowed: false } });
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
      await vi.waitFor(
        () => expect(rig?.told).toMatchObject([{ verdict: { ...right, ...change }, reference: right }]),
        WAIT,
      );
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
      expect(rig?.told).toEqual([]);
    });
  });

  it('drops what too many wait before, and takes samples again when they are done', async () => {
    const flooded = shadowed(new Planted(() => allowed('pay')), { capacity: 3 });
    const small = query({ context: { params: { amount: 1 } } });
    for (let call = 0; call < 10; call++) expect(flooded.evaluate(small)).toEqual(allowed('pay'));
    expect(rig?.counts()).toMatchObject({ sampled: 10, dropped: 7 });
    await settled({ agreed: 3 });
    flooded.evaluate(small);
    await settled({ sampled: 11, agreed: 4, dropped: 7 });
  });

  it('whose reference engine is lost decides as ever, and its samples count as unanswered', async () => {
    const alone = shadowed(new Planted(() => allowed('pay')), {}, false);
    expect(alone.evaluate(query())).toEqual(allowed('pay'));
    rig?.say({ type: 'port', port: undefined });
    await settled({ sampled: 1, unanswered: 1 });
    expect(alone.evaluate(query())).toEqual(allowed('pay'));
    await settled({ sampled: 2, unanswered: 2 });
  });

  it('leaves to the reference engine what another thread has found wrong', async () => {
    const inner = new Planted(() => allowed('pay'));
    const subject = shadowed(inner);
    subject.distrust(query().action.index);
    expect(inner.distrusted).toEqual(['payment.transfer']);
    subject.evaluate(query());
    expect(rig?.counts().sampled).toBe(0);
  });

  it('is still shadowed after many queries that Cedar does not take', async () => {
    const subject = shadowed(new Planted((asked) => reference.evaluate(asked)));
    for (let call = 0; call < 20; call++) subject.evaluate(query({ agent: '\ud800' }));
    await settled({ unanswered: 20 });
    subject.evaluate(query());
    await settled({ agreed: 1 });
    expect(rig?.told).toEqual([]);
  });
});
