import { compileScope } from '@firma/core';
import type { LoadedConfig } from '../config/read-named.ts';
import { Authority } from './authority.ts';

/** `iss` of every token that the embedded Authority signs, and what a sidecar beside it accepts. */
export const ISSUER = 'firma-authority';

/**
 * The Authority that lives in this process: same key, same issuance policies for every command of a state directory.
 *
 * @throws as `Authority.open`
 */
export function openAuthority(loaded: LoadedConfig, authorityDir: string): Promise<Authority> {
  return Authority.open({
    dir: authorityDir,
    issuer: ISSUER,
    audience: loaded.config.audience,
    maxTtlS: loaded.config.authority.maxTtlS,
    issuance: loaded.issuance,
    checkScope(pattern) {
      const compiled = compileScope([pattern]);
      return 'invalid' in compiled ? compiled.invalid : undefined;
    },
    now: Date.now,
  });
}
