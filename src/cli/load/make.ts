import { parseFixtures, type Rule } from '@firma/core';
import type { Mix, MixEndpoint } from '../../load/mix.ts';
import { makeMix } from '../../load/make-mix.ts';
import type { PlaceOptions } from '../options.ts';
import { openEngine } from '../policy/engine.ts';
import { bundleOf, openPolicies } from '../policy/open.ts';
import { CaseRunner } from '../policy/run-case.ts';

/** The mix of the configuration in force: requests of its tables that its policies allow, and some that are refused. */
export async function mixInForce(
  options: PlaceOptions,
  seed: number,
  takes?: (rule: Rule) => boolean,
): Promise<Mix> {
  const open = await openPolicies(undefined, options, true);
  const bundle = bundleOf(open, open.sources);
  const { engine, close } = openEngine(bundle);
  const runner = new CaseRunner(open, engine);
  const isAllowed = async ({ method, url, headers, body }: MixEndpoint): Promise<boolean> => {
    const asked = {
      name: 'of a load run',
      principal: { id: agentName(0) },
      ...{ method, url, headers, body },
      expect: { outcome: 'ALLOW', reason: 'OK' },
    };
    const [tested] = parseFixtures({ file: 'mix.json', text: JSON.stringify({ cases: [asked] }) }, bundle);
    return tested !== undefined && (await runner.run(tested)).ok;
  };
  try {
    return await makeMix({
      mappings: open.mappings,
      seed,
      isAllowed,
      ...(takes === undefined ? {} : { takes }),
    });
  } finally {
    close();
  }
}

/** What an agent of a load run is called, by its rank. */
export function agentName(rank: number): string {
  return `load-${String(rank + 1).padStart(5, '0')}`;
}
