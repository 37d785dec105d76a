import { afterEach, describe, expect, it } from 'vitest';
import { initSync } from '@cedar-policy/cedar-wasm/web';
import { type Bundle, loadBundle } from '../../native-free-core/policy/bundle.ts';
import { CONTEXT_ERROR, ENGINE_ERROR, ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import { cedarModule } from '../../src/cedar-module.ts';
import { INPUTS, query } from './query.ts';

const load = (text: string): Bundle => loadBundle([{ file: 'a.cedar', text }], INPUTS);
const PERMIT = load('@id("yes") permit (principal, action, resource);');
const FORBID = load('@id("no") forbid (principal, action, resource);');

const engines: ReferenceEngine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.close();
});

function engine(bundle?: Bundle): ReferenceEngine {
  const made = new ReferenceEngine(bundle);
  engines.push(made);
  return made;
}

/** Bytes that cedar's instance in this thread has taken; WebAssembly never gives any back. */
function cedarBytes(): number {
  return initSync({ module: cedarModule() }).memory.buffer.byteLength;
}

function manyPolicies(prefix: string): Bundle {
  const policies = Array.from(
    { length: 100 },
    (_, index) => `@id("${prefix}${index}") permit (principal, action, resource)
      when { context.session.hosts.contains("${prefix}${index}.example") };`,
  );
  return load(policies.join('\n'));
}

describe('the reference engine', () => {
  it('denies as an error before it has a bundle and after it was closed', () => {
    const subject = engine();
    expect(subject.evaluate(query())).toMatchObject({ allowed: false, errored: [ENGINE_ERROR] });
    subject.load(PERMIT);
    expect(subject.evaluate(query()).allowed).toBe(true);
    subject.close();
    expect(subject.evaluate(query())).toMatchObject({ allowed: false, errored: [ENGINE_ERROR] });
  });

  it('answers from the newest bundle, however often it changes', () => {
    const subject = engine(PERMIT);
    for (let round = 0; round < 5; round += 1) {
      subject.load(FORBID);
      expect(subject.evaluate(query()).determining).toEqual(['no']);
      subject.load(PERMIT);
      expect(subject.evaluate(query()).determining).toEqual(['yes']);
    }
    subject.load(load(''));
    expect(subject.evaluate(query())).toMatchObject({ allowed: false, determining: [], errored: [] });
  });

  it('keeps answering from the old bundle where the new one is refused', () => {
    const subject = engine(PERMIT);
    expect(() => load('@id("x") permit (principal, action, resource) when { context.nothing };')).toThrow(
      '`nothing`',
    );
    expect(subject.evaluate(query()).allowed).toBe(true);
    // A bundle that was tampered with after it was validated does not parse.
    const [policy] = FORBID.policies;
    if (policy === undefined) throw new Error('no policy');
    const broken: Bundle = { ...FORBID, policies: [{ ...policy, text: 'forbid (' }] };
    expect(() => subject.load(broken)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
    expect(subject.evaluate(query()).determining).toEqual(['yes']);
  });

  it('answers a query that Cedar does not take by itself, however often it comes', () => {
    const subject = engine(
      load('@id("p") permit (principal, action, resource) when { context.params has currency };'),
    );
    for (let count = 0; count < 2000; count++) {
      const verdict = subject.evaluate(query({ context: { params: { currency: '\ud800' } } }));
      expect(verdict).toMatchObject({ allowed: false, errored: ['<engine>'] });
    }
    expect(subject.evaluate(query()).allowed).toBe(true);
  });

  it('never answers from the policies of another engine, nor from those of one whose place it took', () => {
    const first = engine(PERMIT);
    const second = engine(FORBID);
    expect(first.evaluate(query()).determining).toEqual(['yes']);
    expect(second.evaluate(query()).determining).toEqual(['no']);
    first.close();
    first.close();
    const third = engine(load('@id("third") permit (principal, action, resource);'));
    expect(third.evaluate(query()).determining).toEqual(['third']);
    first.close();
    expect(third.evaluate(query()).determining).toEqual(['third']);
    expect(second.evaluate(query()).determining).toEqual(['no']);
  });

  it('takes no more memory for its hundredth bundle than for its first, nor for a hundredth engine', () => {
    const bundles = [manyPolicies('a'), manyPolicies('b'), PERMIT];
    const round = (subject: ReferenceEngine): void => {
      for (const bundle of bundles) subject.load(bundle);
    };
    const subject = engine();
    for (let count = 0; count < 3; count += 1) round(subject);
    const before = cedarBytes();
    for (let count = 0; count < 20; count += 1) round(subject);
    for (let count = 0; count < 20; count += 1) {
      const other = engine();
      round(other);
      other.close();
    }
    expect(cedarBytes() - before).toBeLessThan(1_000_000);
  });

  it('denies what cannot be handed to cedar at all', () => {
    const subject = engine(PERMIT);
    const fraction = query({ context: { params: { amount: 1.5 } } });
    expect(subject.evaluate(fraction)).toMatchObject({ allowed: false, errored: [CONTEXT_ERROR] });
    expect(subject.evaluate(query({ agent: '\ud800' }))).toMatchObject({
      allowed: false,
      errored: [ENGINE_ERROR],
    });
    expect(subject.evaluate(query()).allowed).toBe(true);
  });
});
