import type { BudgetInput, MappingSource, PolicySource } from '@firma/core';
import type { UntrustedConfig } from '../../config/open.ts';

/** What of a configuration has a part in a decision. Credentials, addresses and issuance have none. */
export interface BenchConfig {
  /** Where the budgets stand, for messages. */
  readonly file: string | undefined;
  readonly defaultProtected: boolean;
  readonly skewS: number;
  readonly budgets: readonly BudgetInput[];
  readonly mappings: readonly MappingSource[];
  readonly policies: readonly PolicySource[];
}

/** The part of a configuration that decides. */
export function benchConfigOf({ config, mappings, policies }: UntrustedConfig): BenchConfig {
  const plain = ({ file, text }: MappingSource): MappingSource => ({ file, text });
  return {
    file: config.file,
    defaultProtected: config.mapping.defaultProtected,
    skewS: config.skewS,
    budgets: config.budgets,
    mappings: mappings.map(plain),
    policies: policies.map(plain),
  };
}
