import { afterEach, describe, expect, it } from 'vitest';
import { initSync } from '@cedar-policy/cedar-wasm/web';
import { type Bundle, loadBundle } from '../../native-free-core/policy/bundle.ts';
import { ReferenceEngine, type ReferenceOptions } from '../../native-free-core/policy/reference.ts';
import { CONTEXT_ERROR, ENGINE_ERROR } from '../../native-free-core/policy/verdict.ts';
import { ACTION_CLASSES } from '../../native-free-core/registry/classes.ts';
import { cedarModule } from '../../src/cedar-module.ts';
import { INPUTS, query } from './query.ts';

const load = (text: string): Bundle => loadBundle([{ file: 'a.cedar', text }], INPUTS);
const PERMIT = load('@id("yes") permit (principal, action, resource);');
const FORBID = load('@id("no") forbid (principal, action, resource);');

const engines: ReferenceEngine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.close();
});

function engine(bundle: Bundle, options?: ReferenceOptions): ReferenceEngine {
  const made = new ReferenceEngine(bundle, options);
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

/** A forbid for each class, and permits that every class has. */
function eachClass(permits: number): string {
  const forbids = ACTION_CLASSES.map(
    ({ name }) => `@id("no/${name}") forbid (principal, action == Firma::Action::"${name}", resource);`,
  );
  const everywhere = Array.from(
    { length: permits },
    (_, index) => `@id("yes/${index}") permit (principal, action, resource);`,
  );
  return [...forbids, ...everywhere].join('\n');
}

describe('the reference engine', () => {
  it('denies as an error after it was closed', () => {
    const subject = engine(PERMIT);
    expect(subject.evaluate(query()).allowed).toBe(true);
    subject.close();
    expect(subject.evaluate(query())).toMatchObject({ allowed: false, errored: [ENGINE_ERROR] });
  });

  it('denies where no policy can apply', () => {
    expect(engine(load('')).evaluate(query())).toMatchObject({
      allowed: false,
      determining: [],
      errored: [],
    });
  });

  it('denies what a policy that does not parse concerns, and answers the rest', () => {
    const { policies, ...rest } =
      load(`@id("one") permit (principal, action == Firma::Action::"code.read", resource);
      @id("two") permit (principal, action == Firma::Action::"code.write", resource);`);
    // As where a bundle was tampered with after it was validated.
    const broken = policies.map((policy) => (policy.id === 'one' ? { ...policy, text: 'permit (' } : policy));
    const subject = engine({ ...rest, policies: broken });
    for (let count = 0; count < 2; count += 1) {
      expect(subject.evaluate(query({ action: 'code.read' }))).toMatchObject({
        allowed: false,
        errored: [ENGINE_ERROR],
      });
      expect(subject.evaluate(query({ action: 'code.write' })).determining).toEqual(['two']);
    }
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

  it('takes nothing of cedar before it is asked', () => {
    const bundle = load(eachClass(20));
    const before = cedarBytes();
    for (let count = 0; count < 50; count += 1) engine(bundle);
    expect(cedarBytes()).toBe(before);
  });

  it('holds only so many policies parsed, and answers every class all the same', () => {
    const subject = engine(load(eachClass(20)), { maxPreparsed: 50 });
    const round = (): void => {
      for (const { name } of ACTION_CLASSES) {
        const { determining } = subject.evaluate(query({ action: name }));
        expect(determining).toEqual([`no/${name}`]);
      }
    };
    round();
    const before = cedarBytes();
    for (let count = 0; count < 3; count += 1) round();
    expect(cedarBytes() - before).toBeLessThan(200_000);
  });

  it('takes no more memory for the hundredth engine than for the first', () => {
    const bundles = [manyPolicies('a'), manyPolicies('b'), PERMIT];
    const round = (): void => {
      for (const bundle of bundles) {
        const subject = new ReferenceEngine(bundle);
        subject.evaluate(query());
        subject.close();
      }
    };
    for (let count = 0; count < 3; count += 1) round();
    const before = cedarBytes();
    for (let count = 0; count < 30; count += 1) round();
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
