import { join } from 'node:path';
import { type Bundle, linkBundle } from '@firma/core';
import { describe, expect, it, vi } from 'vitest';
import { trust } from '../../src/config/trust.ts';
import { openFirma } from '../../src/open-firma.ts';
import { openEngine } from '../../src/pool/deciding-engine.ts';
import { makeDir } from '../config/place.ts';
import { policyEngineSuite } from '../conformance/policy-engine.ts';
import { referenceRig } from './reference-rig.ts';

const REPOSITORY = 'https://api.github.com/repos/octocat/hello';

/** The same policies, none of which the compiled engine evaluates. */
function allDeclined(bundle: Bundle): Bundle {
  const policies = bundle.policies.map((policy) => {
    const { lowered } = policy;
    const scope = 'declined' in lowered ? lowered.scope : { ...lowered, condition: undefined };
    return { ...policy, lowered: { declined: 'by the test', scope } };
  });
  return { ...bundle, policies };
}

policyEngineSuite('the engine of a thread, where every policy is declined,', (bundle) => {
  const rig = referenceRig(bundle);
  const { engine, close } = openEngine(linkBundle(allDeclined(bundle)), rig.access, 0.5);
  return {
    engine,
    close() {
      void close();
      rig.close();
    },
  };
});

describe('the engines of an enforcement point', () => {
  it('take the share of decisions that is asked for a second time, and agree', async () => {
    const root = makeDir({ 'firma.toml': '[sidecar.policy]\nshadow = 1\n' });
    const place = { config: join(root, 'firma.toml'), stateDir: join(root, 'state') };
    await trust(place.config, place.stateDir);
    const firma = await openFirma(place);
    try {
      const asked = { agent: 'a', groups: [], actions: ['code.read', 'repo.admin'], scope: ['*'], ttlS: 60 };
      const { token } = await firma.parts.authority.issue(asked);
      expect(await firma.decide({ token, method: 'GET', url: REPOSITORY })).toMatchObject({
        outcome: 'ALLOW',
      });
      expect(await firma.decide({ token, method: 'DELETE', url: REPOSITORY })).toMatchObject({
        reason: 'POLICY_NO_PERMIT',
      });
      await vi.waitFor(
        () =>
          expect(firma.parts.core.stats()).toEqual({
            engine: 'compiled',
            declined: 0,
            shadow: {
              sampled: 2,
              agreed: 2,
              differed: 0,
              unconfirmed: 0,
              unanswered: 0,
              dropped: 0,
              unwritten: 0,
            },
          }),
        { timeout: 10_000 },
      );
    } finally {
      await firma.close();
    }
  });
});
