import { type Bundle, loadBundle, loadMappings, startCedar } from '@firma/core';
import { describe, expect, it } from 'vitest';
import { cedarModule } from '../../src/cedar-module.ts';
import { lowerCoreInThread } from '../../src/pool/lower.ts';
import { bundleSteps, linkCore } from '../../src/pool/lowered-core.ts';
import { atOnce } from '../../src/pool/lowered-slices.ts';
import { lowerCore } from '../../src/pool/lower-core.ts';

const TABLE = `[[rules]]
host = "pay.example"
path = "/transfers"
action_class = "payment.transfer"
params = { recipient = "json:/to" }
`;
const GOOD = `@id("pay") permit (principal, action == Firma::Action::"payment.transfer", resource)
  when { context.params has recipient && context.budget has spend && context.budget.spend > 3 };
@id("odd") forbid (principal, action, resource) when { context.session.calls * 9223372036854775807 < 0 };`;

const sourcesOf = (policies: string, table = TABLE) => ({
  tables: [{ file: 't.toml', text: table }],
  policies: [{ file: 'a.cedar', text: policies }],
  budgets: ['spend'],
});

describe('a thread that lowers tables and policies', () => {
  it('makes the core that this thread would make', async () => {
    startCedar(cedarModule());
    const sources = sourcesOf(GOOD);
    const core = await lowerCoreInThread(sources);
    const here = lowerCore(sources);
    expect(core.digests).toEqual(here.digests);
    expect(core.declines).toBe(here.declines);
    const mappings = loadMappings(sources.tables);
    const bundle: Bundle = loadBundle(sources.policies, { params: mappings.params, budgets: ['spend'] });
    expect(atOnce(bundleSteps(core.bundle))).toEqual(bundle);
    expect((await linkCore(core)).mappings.rules).toEqual(mappings.rules);
  });

  it.each([
    ['does not parse', '\n  permit (principal, action, resource', 2],
    ['does not validate', '@id("a")\npermit (principal, action, resource) when { context.nothing == 1 };', 2],
    ['has the id of another', `${GOOD}\n@id("pay") permit (principal, action, resource);`, 4],
  ])('says where a policy stands that %s', async (_what, text, line) => {
    await expect(lowerCoreInThread(sourcesOf(text))).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      at: { file: 'a.cedar', line },
      message: expect.stringMatching(new RegExp(`^a\\.cedar:${line}:?\\d*: (?!a\\.cedar)`)),
    });
  });

  it('says where a rule stands that is none, before it looks at policies', async () => {
    const failing = lowerCoreInThread(sourcesOf('no policy', `${TABLE}hots = "x"\n`));
    await expect(failing).rejects.toMatchObject({
      code: 'MAPPING_INVALID',
      at: { file: 't.toml', line: 6 },
      message: expect.stringMatching(/^t\.toml:6:?\d*: unknown key `hots`/),
    });
  });
});
