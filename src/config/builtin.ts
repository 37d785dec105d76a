import type { Assembled } from './named-path.ts';
import { shippedPath } from './package-root.ts';
import { BUILTIN_PROFILES, DEFAULT_PROFILE } from './profiles.ts';

// `strict.cedar` and `read-only.cedar` beside them are other bases: of permits, the widest would hold.
const DEFAULT_POLICIES = ['dev.cedar', 'exfiltration.cedar', 'payments.cedar', 'runaway.cedar'];

/** What holds where `firma.toml` says nothing; with no file at all, all of this. */
export function builtinConfig(): Assembled {
  return {
    config: {
      file: undefined,
      id: 'sidecar',
      audience: 'firma',
      mapping: { defaultProtected: true },
      policy: { shadow: 0 },
      skewS: 5,
      budgets: [],
      ingress: {
        listen: { host: '127.0.0.1', port: 0 },
        socket: undefined,
        adapter: 'auto',
        workers: 1,
        placement: 'inline',
        trusted: [],
      },
      proxy: {
        listen: { host: '127.0.0.1', port: 0 },
        // Long, because a model may think for minutes before its first byte.
        idleTimeoutMs: 300_000,
        connectTimeoutMs: 10_000,
        maxConnections: 1024,
      },
      destinations: [],
      overrides: [],
      audit: { fsync: 'checkpoint' },
      authority: { maxTtlS: 3600 },
      credentials: [],
      run: { profile: DEFAULT_PROFILE.id, profiles: BUILTIN_PROFILES },
    },
    mappings: [{ path: shippedPath('mappings'), at: undefined }],
    policies: { path: shippedPath('policies/starter'), only: DEFAULT_POLICIES, at: undefined },
    issuance: { path: shippedPath('policies/issuance'), at: undefined },
    ca: [],
  };
}
