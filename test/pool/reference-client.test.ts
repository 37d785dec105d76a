import { type Bundle, loadBundle, type PolicyQuery, type PolicyVerdict, ReferenceEngine } from '@firma/core';
import { afterEach, describe, expect, it } from 'vitest';
import { ReferenceClient } from '../../src/pool/reference-client.ts';
import { policyEngineSuite } from '../conformance/policy-engine.ts';
import { CONTEXT, INPUTS, query } from '../policy/query.ts';
import { type ReferenceRig, referenceRig } from './reference-rig.ts';

const POLICIES = '@id("few") permit (principal, action, resource) when { context.session.calls < 10 };';
const FAILED: PolicyVerdict = {
  allowed: false,
  determining: [],
  errored: ['<engine>'],
  abort: false,
  reason: undefined,
  remedy: undefined,
};

const ofSession = (id: string): PolicyQuery => query({ context: { session: { ...CONTEXT.session, id } } });

policyEngineSuite('the reference engine of another thread', (bundle: Bundle) => {
  const rig = referenceRig(bundle);
  const client = new ReferenceClient(rig.access);
  return {
    engine: client,
    close() {
      void client.close();
      rig.close();
    },
  };
});

describe('a client of the reference engine', () => {
  const rigs: ReferenceRig[] = [];
  const rigOf = (bundle?: Bundle): ReferenceRig => {
    const rig = referenceRig(bundle);
    rigs.push(rig);
    return rig;
  };
  const bundleOf = (text: string): Bundle => loadBundle([{ file: 'p.cedar', text }], INPUTS);

  afterEach(() => {
    for (const rig of rigs.splice(0)) rig.close();
  });

  it('gives the very verdicts of the engine, and counts what it asks', async () => {
    const bundle = bundleOf(POLICIES);
    const rig = rigOf(bundle);
    const client = new ReferenceClient(rig.access);
    const engine = new ReferenceEngine(bundle);
    const queries = [
      query(),
      ofSession('\ud800'),
      query({ agent: '\ud800' }),
      query({ action: 'code.read' }),
    ];
    queries.push(query({ context: { session: { ...CONTEXT.session, calls: 10 } } }));
    const verdicts = await Promise.all(queries.map((asked) => client.evaluate(asked)));
    expect(verdicts).toEqual(queries.map((asked) => engine.evaluate(asked)));
    expect(rig.counts().declined).toBe(queries.length);
    expect(rig.wanted()).toBe(1);
    engine.close();
  });

  it('asks about the call as it was, not as its session became', async () => {
    const client = new ReferenceClient(rigOf(bundleOf(POLICIES)).access);
    const asked = structuredClone(query());
    const verdict = client.evaluate(asked);
    Object.assign(asked.context.session, { calls: 10 });
    expect(await verdict).toMatchObject({ allowed: true });
  });

  it('denies at once what is too much, and answers again when there is room', async () => {
    const client = new ReferenceClient(rigOf(bundleOf(POLICIES)).access);
    const waiting = Array.from({ length: 64 }, (_, call) => client.evaluate(ofSession(`session-${call}`)));
    expect(client.evaluate(ofSession('another'))).toEqual(FAILED);
    expect(await Promise.all(waiting)).toEqual(
      waiting.map(() => expect.objectContaining({ allowed: true, determining: ['few'] })),
    );
    expect(await client.evaluate(ofSession('another'))).toMatchObject({ allowed: true });
  });

  it('has room for other sessions when one asks too much', async () => {
    const client = new ReferenceClient(rigOf(bundleOf(POLICIES)).access);
    const greedy = Array.from({ length: 20 }, () => client.evaluate(ofSession('greedy')));
    expect(greedy.slice(8)).toEqual(greedy.slice(8).map(() => FAILED));
    expect(await client.evaluate(ofSession('modest'))).toMatchObject({ allowed: true });
    expect(await Promise.all(greedy.slice(0, 8))).toEqual(
      Array.from({ length: 8 }, () => expect.objectContaining({ allowed: true })),
    );
    expect(await client.evaluate(ofSession('greedy'))).toMatchObject({ allowed: true });
  });

  it('denies what is not answered in time', async () => {
    const client = new ReferenceClient(rigOf().access, { timeoutMs: 5 });
    expect(await Promise.all([client.evaluate(query()), client.evaluate(query())])).toEqual([FAILED, FAILED]);
    expect(await client.evaluate(query())).toEqual(FAILED);
  });

  it('denies what waits when the thread is lost, and asks the next one', async () => {
    const rig = rigOf();
    const client = new ReferenceClient(rig.access);
    const lost = client.evaluate(query());
    const unseen = client.look({ query: query(), verdict: FAILED });
    rig.say({ type: 'port', port: undefined });
    expect(await lost).toEqual(FAILED);
    expect(await unseen).toEqual({ kind: 'unanswered' });
    expect(client.evaluate(query())).toEqual(FAILED);
    const next = rigOf(bundleOf(POLICIES));
    rig.say({ type: 'port', port: next.access.port });
    await expect
      .poll(() => client.evaluate(query()), { timeout: 10_000, interval: 5 })
      .toMatchObject({ allowed: true });
  });

  it('denies everything once the main thread is gone', async () => {
    const rig = rigOf();
    const client = new ReferenceClient(rig.access);
    const waiting = client.evaluate(query());
    rig.close();
    expect(await waiting).toEqual(FAILED);
    expect(client.evaluate(query())).toEqual(FAILED);
  });

  it('is closed when all is answered, also what an answer makes be asked again', async () => {
    const client = new ReferenceClient(rigOf(bundleOf(POLICIES)).access);
    const askedAgain = Promise.resolve(client.evaluate(query())).then(() => client.evaluate(query()));
    await client.close();
    expect(await askedAgain).toMatchObject({ allowed: true });
    expect(client.evaluate(query())).toEqual(FAILED);
    expect(await client.look({ query: query(), verdict: FAILED })).toEqual({ kind: 'unanswered' });
  });
});
