import { groupsOf } from './groups.ts';
import type { Mappings } from './mappings.ts';
import { hostMatches } from './pattern.ts';
import { providerOf } from './resource.ts';

/** What is known of a host by itself. */
export interface HostFacts {
  /** Empty where the host is no known provider's. */
  readonly provider: string;
  /** Sorted. */
  readonly hostGroups: readonly string[];
}

/** What an https call to a host finds there, whatever its path; no groups where no rule names the host. */
export function hostFacts({ rules }: Mappings, host: string, port: number): HostFacts {
  const mapped = rules.find(
    ({ rule }) => rule.scheme === 'https' && rule.port === port && hostMatches(rule.host, host),
  );
  return {
    provider: providerOf(host),
    hostGroups: mapped === undefined ? [] : groupsOf(mapped.groups, host),
  };
}
