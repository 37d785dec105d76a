import { CompiledEngine, linkBundle, loadBundle, lowerMappings, ReferenceEngine } from '@firma/core';
import { describe, expect, it } from 'vitest';
import { lowerCore } from '../../src/pool/lower-core.ts';
import { bundleSteps, linkCore, shareBundle } from '../../src/pool/lowered-core.ts';
import { readHead, SharedItems, shareList } from '../../src/pool/lowered-list.ts';
import { atOnce, inSlices } from '../../src/pool/lowered-slices.ts';
import { INPUTS, query } from '../policy/query.ts';

const policies = (count: number): string =>
  Array.from(
    { length: count },
    (_, at) =>
      `@id("p${at}") permit (principal, action, resource) when { context.session.calls == ${at} && "é" like "*" };`,
  ).join('\n');

const table = (count: number): string =>
  Array.from(
    { length: count },
    (_, at) => `[[rules]]\nhost = "h${at}.example"\npath = "/p${at}/*"\naction_class = "code.read"\n`,
  ).join('\n');

describe('a list that threads share', () => {
  it.each([0, 1, 100])('is read as it was written, with %i items', (count) => {
    const items = Array.from({ length: count }, (_, at) => ({
      at,
      text: `é${at}`,
      more: new Map([[at, 1n]]),
    }));
    const head = { numbers: Int32Array.of(1, -2), set: new Set(['a']) };
    const shared = structuredClone(shareList(head, items));
    expect(readHead(shared)).toEqual(head);
    const read = new SharedItems(shared);
    expect(read).toHaveLength(count);
    expect([...read]).toEqual(items);
    expect(items.map((_, at) => read.at(at))).toEqual(items);
    expect(read.at(count)).toBeUndefined();
  });

  it('is not changed by what becomes of its copies', () => {
    const shared = shareList({ numbers: Int32Array.of(1) }, []);
    readHead(shared).numbers[0] = 2;
    expect(readHead(shared).numbers).toEqual(Int32Array.of(1));
  });
});

describe('steps', () => {
  it('let the event loop turn between them', async () => {
    const seen = { turns: 0 };
    const turn = (): void => {
      seen.turns += 1;
      if (seen.turns < 3) setImmediate(turn);
    };
    setImmediate(turn);
    const steps = function* (): Generator<undefined, string, undefined> {
      while (seen.turns < 3) yield undefined;
      return 'done';
    };
    expect(await inSlices(steps())).toBe('done');
    expect(seen.turns).toBe(3);
  });
});

describe('a core that threads share', () => {
  it('holds the bundle that was lowered', () => {
    const bundle = loadBundle([{ file: 'p.cedar', text: policies(20) }], INPUTS);
    expect(atOnce(bundleSteps(shareBundle(bundle)))).toEqual(bundle);
    const empty = loadBundle([], INPUTS);
    expect(atOnce(bundleSteps(shareBundle(empty)))).toEqual(empty);
  });

  it('is linked to what this thread would load', async () => {
    const tables = [{ file: 't.toml', text: table(100) }];
    const core = lowerCore({
      tables,
      policies: [{ file: 'p.cedar', text: policies(40) }],
      budgets: ['spend'],
    });
    const { mappings, bundle } = await linkCore(structuredClone(core));
    expect(mappings.rules.map(({ rule }) => rule.host.name)).toEqual(
      lowerMappings(tables).rules.map(({ rule }) => rule.host.name),
    );
    const loaded = loadBundle([{ file: 'p.cedar', text: policies(40) }], { params: {}, budgets: ['spend'] });
    const reference = new ReferenceEngine(loaded);
    const engine = new CompiledEngine(reference, bundle);
    const before = new CompiledEngine(reference, linkBundle(loaded));
    const asked = query({ context: { params: {}, budget: {} } });
    expect(engine.evaluate(asked)).toEqual(before.evaluate(asked));
    expect(engine.evaluate(asked)).toMatchObject({ allowed: true, determining: ['p4'] });
    reference.close();
  });
});
