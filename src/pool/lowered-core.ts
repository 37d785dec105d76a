import {
  type Bundle,
  type BundlePolicy,
  type LinkedBundle,
  linkMappings,
  linkSteps,
  type LoweredMappings,
  type Mappings,
} from '@firma/core';
import { readHead, SharedItems, type SharedList, shareList } from './lowered-list.ts';
import { inSlices } from './lowered-slices.ts';

type LoweredRule = LoweredMappings['rules'][number];

export type SharedMappings = SharedList<Omit<LoweredMappings, 'rules'>, LoweredRule>;

interface BundleHead extends Pick<Bundle, 'params' | 'budgets'> {
  readonly schema: string;
}

export type SharedBundle = SharedList<BundleHead, BundlePolicy>;

/**
 * Tables and policies, checked and lowered. Plain data, and cheap to post whatever its size: every thread of the process
 * reads the same bytes.
 */
export interface SharedCore {
  readonly mappings: SharedMappings;
  readonly bundle: SharedBundle;
  /** Over what they mean, as in the decision records. */
  readonly digests: { readonly mappings: string; readonly bundle: string };
  /** Whether the reference engine has to answer for some policy. */
  readonly declines: boolean;
}

/** What a thread decides with, but for its engine. */
export interface LinkedCore {
  readonly mappings: Mappings;
  readonly bundle: LinkedBundle;
}

const POLICIES_A_STEP = 8;

export function shareMappings({ rules, ...head }: LoweredMappings): SharedMappings {
  return shareList(head, rules);
}

export function shareBundle({ policies, params, budgets, canonical }: Bundle): SharedBundle {
  return shareList({ params, budgets, schema: canonical.schema }, policies);
}

/** The whole bundle, in steps of a fraction of a millisecond. */
export function* bundleSteps(shared: SharedBundle): Generator<undefined, Bundle, undefined> {
  const { schema, params, budgets } = readHead(shared);
  const policies: BundlePolicy[] = [];
  for (const policy of new SharedItems(shared)) {
    policies.push(policy);
    if (policies.length % POLICIES_A_STEP === 0) yield undefined;
  }
  const canonical = { schema, policies: policies.map(({ id, text }) => ({ id, text })) };
  return { policies, params, budgets, canonical };
}

/** Makes a core ready while the thread goes on deciding: about a millisecond at a time. A rule is read when it first answers. */
export async function linkCore({ mappings, bundle }: SharedCore): Promise<LinkedCore> {
  return {
    mappings: linkMappings({ ...readHead(mappings), rules: new SharedItems(mappings) }),
    bundle: await inSlices(linkSteps({ ...readHead(bundle), policies: new SharedItems(bundle) })),
  };
}
