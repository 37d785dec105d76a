import type { FixtureSuite } from './fixture-files.ts';

/** `4 from policies/ (dev.cedar, payments.cedar)`: which policies cases are tested with. */
export function writtenPolicies({ bundle, from, only }: FixtureSuite): string {
  const named = only === undefined ? '' : ` (${only.join(', ')})`;
  return `${bundle.policies.length} from ${from}${named}`;
}
