import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MappingInvalid } from '../../native-free-core/errors.ts';
import { linkMappings } from '../../native-free-core/normalizer/link-mappings.ts';
import { lowerMappings } from '../../native-free-core/normalizer/lower-mappings.ts';
import { loadMappings, type Mappings } from '../../native-free-core/normalizer/mappings.ts';
import type { MappingSource } from '../../native-free-core/normalizer/rules.ts';
import { shadowsOf } from '../../native-free-core/normalizer/shadows.ts';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';
import { witnessesOf } from '../../native-free-core/normalizer/witness.ts';
import { tableOf, type TestRule } from './test-rules.ts';

const folder = new URL('../../mappings/', import.meta.url);
const shipped: readonly MappingSource[] = readdirSync(folder)
  .filter((name) => name.endsWith('.toml'))
  .map((name) => ({ file: name, text: readFileSync(new URL(name, folder), 'utf8') }));

/** As another thread gets it. */
function linkedCopy(sources: readonly MappingSource[]): Mappings {
  return linkMappings(structuredClone(lowerMappings(sources)));
}

/** None where two rules conflict. */
function loadedOrNone(sources: readonly MappingSource[]): Mappings | undefined {
  try {
    return loadMappings(sources);
  } catch (error) {
    if (error instanceof MappingInvalid) return undefined;
    throw error;
  }
}

interface Asked {
  readonly host: string;
  readonly path: string;
  readonly scheme: 'http' | 'https';
  readonly method: string;
}

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE', 'PROPFIND'];

describe('a copy of mappings that was lowered elsewhere', () => {
  it('answers every smallest request of every shipped rule as the tables do', () => {
    const loaded = loadMappings(shipped);
    const copy = linkedCopy(shipped);
    let found = 0;
    for (const { rule } of loaded.rules) {
      for (const { target, path } of witnessesOf(rule, 2)) {
        for (const method of [...METHODS, ...rule.methods]) {
          const index = loaded.trie.match(target, path, method);
          const nearest = loaded.trie.nearest();
          expect(copy.trie.match(target, path, method)).toBe(index);
          expect(copy.trie.nearest()).toBe(nearest);
          if (index >= 0) found += 1;
        }
      }
    }
    expect(found).toBeGreaterThan(loaded.rules.length);
  });

  it('means what the tables mean, in the same words and with the very classes', () => {
    const loaded = loadMappings(shipped);
    const copy = linkedCopy(shipped);
    expect(copy.rule(7)).toEqual(loaded.rules[7]);
    expect(copy.rules).toEqual(loaded.rules);
    expect(copy.rules[7]).toBe(copy.rule(7));
    expect([copy.rule(-1), copy.rule(copy.rules.length)]).toEqual([undefined, undefined]);
    for (const [index, { rule }] of copy.rules.entries()) {
      expect(rule.actionClass).toBe(loaded.rules[index]?.rule.actionClass);
      expect(rule.refinement?.strictest).toBe(loaded.rules[index]?.rule.refinement?.strictest);
    }
    expect(copy.canonical).toEqual(loaded.canonical);
    expect(copy.params).toEqual(loaded.params);
    expect(copy.hostGroups).toEqual(loaded.hostGroups);
    expect(copy.readHeaders).toEqual(loaded.readHeaders);
    expect(shadowsOf(copy)).toEqual(shadowsOf(loaded));
  });

  it('gives rules of the same groups one frozen list of them, which engines know again', () => {
    const text = `${tableOf([{ host: 'a.example' }, { host: 'b.example' }, { host: '*.wide.example' }])}
      [[groups]]
      name = "both"
      hosts = ["a.example", "b.example", "c.wide.example"]`;
    const [one, other, wide] = linkedCopy([{ file: 't', text }]).rules;
    expect(one?.groups.fixed).toEqual(['both']);
    expect(Object.isFrozen(one?.groups.fixed)).toBe(true);
    expect(other?.groups).toBe(one?.groups);
    expect(wide?.groups).toMatchObject({ fixed: [], perHost: [{ group: 'both' }] });
  });

  it('is one of no table too', () => {
    expect(linkedCopy([]).canonical).toEqual(loadMappings([]).canonical);
  });

  it('answers any request to any table as the table does', () => {
    const label = fc.constantFrom('a', 'b', 'x');
    const name = fc
      .array(label, { minLength: 1, maxLength: 3 })
      .map((labels) => `${labels.join('.')}.example`);
    const host = fc.oneof(
      name,
      name.map((below) => `*.${below}`),
      fc.constantFrom('*', 'a.example:8443', '10.0.0.1'),
    );
    const segment = fc.constantFrom('a', 'A', 'b', 'a*', '*b', 'x*y*', '*');
    const path = fc
      .tuple(fc.array(segment, { maxLength: 3 }), fc.boolean())
      .map(([segments, rest]) => `/${[...segments, ...(rest ? ['**'] : [])].join('/')}`);
    const rule: fc.Arbitrary<TestRule> = fc.record(
      {
        host,
        path,
        scheme: fc.constantFrom('https', 'http'),
        method: fc.uniqueArray(fc.constantFrom(...METHODS), { minLength: 1, maxLength: 2 }),
      },
      { requiredKeys: ['host', 'path'] },
    );
    const asked: fc.Arbitrary<Asked> = fc.record({
      host: fc.oneof(name, fc.constantFrom('a.example:8443', '10.0.0.1', 'other.test')),
      path: fc
        .array(fc.constantFrom('a', 'A', 'b', 'ab', 'xzy'), { maxLength: 4 })
        .map((segments) => `/${segments.join('/')}`),
      scheme: fc.constantFrom('https' as const, 'http' as const),
      method: fc.constantFrom(...METHODS, 'FOO'),
    });
    const law = (rules: readonly TestRule[], requests: readonly Asked[]): void => {
      const sources = [{ file: 't', text: tableOf(rules) }];
      const loaded = loadedOrNone(sources);
      if (loaded === undefined) return;
      const copy = linkedCopy(sources);
      for (const { host: asking, path: at, scheme, method } of requests) {
        const target = canonicalTarget(scheme, asking, at);
        if ('malformed' in target) throw new Error(target.malformed);
        expect(copy.trie.match(target, target.matchPath, method)).toBe(
          loaded.trie.match(target, target.matchPath, method),
        );
        expect(copy.trie.nearest()).toBe(loaded.trie.nearest());
      }
    };
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), fc.array(asked, { minLength: 5, maxLength: 20 }), law),
    );
  });
});
