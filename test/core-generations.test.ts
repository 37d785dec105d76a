import { startCedar } from '@firma/core';
import { afterAll, describe, expect, it } from 'vitest';
import { cedarModule } from '../src/cedar-module.ts';
import { CoreGenerations } from '../src/core-generations.ts';
import { openCore, type ThreadCore } from '../src/core-in-force.ts';
import { lowerCore } from '../src/pool/lower-core.ts';
import { ReferenceHub } from '../src/pool/reference-hub.ts';
import { makeLastingDir } from './config/place.ts';
import { MAPPINGS, POLICIES } from './conformance/decisions.ts';

startCedar(cedarModule());
const core = lowerCore({
  tables: [{ file: 'own.toml', text: MAPPINGS }],
  policies: [{ file: 'own.cedar', text: POLICIES }],
  budgets: [],
});
const { root, remove } = makeLastingDir({});
const hub = new ReferenceHub({ core, share: 0, runDir: root });

function forThread(configDigest: string): ThreadCore {
  return { core, share: 0, configDigest, reference: hub.connect() };
}

describe('the cores of one thread', () => {
  afterAll(async () => {
    await hub.close();
    remove();
  });

  async function begun() {
    const inForce: string[] = [];
    const waiting = new Map<number, () => void>();
    const generations = new CoreGenerations((generation) => waiting.get(generation)?.());
    const linked = (generation: number): Promise<void> =>
      new Promise((resolve) => {
        waiting.set(generation, resolve);
      });
    generations.begin(await openCore(forThread('0')), ({ configDigest }) => inForce.push(configDigest));
    return { generations, inForce, linked };
  }

  it('decide once they are ordered to, and not when they are linked', async () => {
    const { generations, inForce, linked } = await begun();
    const first = linked(1);
    generations.link(1, forThread('1'));
    await first;
    expect(inForce).toEqual([]);
    await generations.activate(1);
    expect(inForce).toEqual(['1']);
    await generations.close();
  });

  it('are those of the last order, where one is ordered while another is still linked', async () => {
    const { generations, inForce, linked } = await begun();
    const second = linked(2);
    generations.link(1, forThread('1'));
    const activating = generations.activate(1);
    generations.link(2, forThread('2'));
    await Promise.all([activating, second]);
    await generations.activate(2);
    expect(inForce).toEqual(['2']);
    await generations.close();
  });

  it('stay as they are where one is ordered that was never linked', async () => {
    const { generations, inForce } = await begun();
    await generations.activate(7);
    expect(inForce).toEqual([]);
    await generations.close();
  });
});
