import { dirname, resolve } from 'node:path';
import { type BudgetInput, ConfigInvalid } from '@firma/core';
import { builtinConfig } from './builtin.ts';
import type { CredentialConfig, IngressConfig, UpstreamOverride } from './config.ts';
import type { Assembled, Locate, NamedPath } from './named-path.ts';
import { shippedPath } from './package-root.ts';
import { chooseProfiles } from './profiles.ts';
import type { FirmaToml } from './schema.ts';

/** `rules_paths` entry that stands for the tables shipped with the package. */
export const SHIPPED_MAPPINGS = 'builtin:';

type Sidecar = NonNullable<FirmaToml['sidecar']>;
type Absolute = (path: string) => string;

function mappings(written: Sidecar['mapping'], absolute: Absolute, locate: Locate): NamedPath[] | undefined {
  const { rules_path: one, rules_paths: many } = written ?? {};
  if (one === undefined && many === undefined) return undefined;
  const table = ['sidecar', 'mapping'];
  const paths = (many ?? []).map((path, index) =>
    path === SHIPPED_MAPPINGS
      ? { path: shippedPath('mappings'), at: undefined }
      : { path: absolute(path), at: locate([...table, 'rules_paths', index]) },
  );
  return one === undefined
    ? paths
    : [{ path: absolute(one), at: locate([...table, 'rules_path']) }, ...paths];
}

/**
 * @throws ConfigInvalid where a budget's idempotency key would stand in a header that a credential takes: it is removed
 *   from every call before anything reads it
 */
function budgets(
  written: Sidecar['budgets'],
  entries: readonly CredentialConfig[],
  locate: Locate,
): BudgetInput[] {
  const taken = new Set(entries.map(({ header }) => `header:${header.replaceAll(/[^a-z0-9]/g, '-')}`));
  for (const [index, { idempotency }] of (written ?? []).entries()) {
    if (idempotency === undefined || !taken.has(idempotency)) continue;
    const path = `sidecar.budgets[${index}].idempotency`;
    throw new ConfigInvalid(
      `\`${path}\` names the header of a credential, which is removed from calls; name another`,
      locate(['sidecar', 'budgets', index, 'idempotency']),
    );
  }
  return written ?? [];
}

function ingress(
  written: Sidecar['ingress'],
  absolute: Absolute,
  { listen, adapter, workers, placement, trusted }: IngressConfig,
): IngressConfig {
  return {
    listen: written?.listen ?? listen,
    socket: written?.socket === undefined ? undefined : absolute(written.socket),
    adapter: written?.adapter ?? adapter,
    workers: written?.workers ?? workers,
    placement: written?.placement ?? placement,
    trusted: written?.trusted ?? trusted,
  };
}

function overrides(written: Sidecar['upstream'], absolute: Absolute): UpstreamOverride[] {
  return (written?.overrides ?? []).map(({ from, to, ca }) => ({
    from,
    to,
    ...(ca === undefined ? {} : { ca: absolute(ca) }),
  }));
}

function credentials(written: FirmaToml['credentials'], absolute: Absolute): CredentialConfig[] {
  return Object.entries(written ?? {}).map(([label, entry]) => {
    const header = entry.header ?? 'authorization';
    return {
      label,
      bind: entry.bind,
      source:
        entry.source.kind === 'env' ? entry.source : { kind: 'file', path: absolute(entry.source.path) },
      header,
      // A header of the user's choice, such as `x-api-key`, rarely has a scheme in front.
      scheme: entry.scheme ?? (header === 'authorization' ? 'bearer' : 'raw'),
      user: entry.user ?? '',
    };
  });
}

/**
 * What the checked tables of a file mean: paths made absolute, defaults filled in, profiles laid over each other.
 *
 * @throws ConfigInvalid where two values do not fit together
 */
export function assemble(toml: FirmaToml, file: string, locate: Locate): Assembled {
  const { sidecar, authority } = toml;
  const builtin = builtinConfig();
  const base = builtin.config;
  const absolute: Absolute = (path) => resolve(dirname(file), path);
  const named = (path: string | undefined, key: readonly string[]): NamedPath | undefined =>
    path === undefined ? undefined : { path: absolute(path), at: locate(key) };

  const tables = mappings(sidecar?.mapping, absolute, locate) ?? builtin.mappings;
  const policies = named(sidecar?.policy?.path, ['sidecar', 'policy', 'path']) ?? builtin.policies;
  const issuance = named(authority?.issuance_path, ['authority', 'issuance_path']) ?? builtin.issuance;
  const exceptions = overrides(sidecar?.upstream, absolute);
  const secrets = credentials(toml.credentials, absolute);
  const maxTtlS = authority?.max_ttl_s ?? base.authority.maxTtlS;
  const { idle_timeout_s: idleS, connect_timeout_s: connectS } = sidecar?.proxy ?? {};
  return {
    config: {
      file,
      id: sidecar?.id ?? base.id,
      audience: sidecar?.audience ?? base.audience,
      mapping: {
        defaultProtected: sidecar?.mapping?.default_protected ?? base.mapping.defaultProtected,
      },
      policy: { shadow: sidecar?.policy?.shadow ?? base.policy.shadow },
      skewS: sidecar?.capability?.skew_s ?? base.skewS,
      budgets: budgets(sidecar?.budgets, secrets, locate),
      ingress: ingress(sidecar?.ingress, absolute, base.ingress),
      proxy: {
        listen: sidecar?.proxy?.listen ?? base.proxy.listen,
        idleTimeoutMs: idleS === undefined ? base.proxy.idleTimeoutMs : idleS * 1000,
        connectTimeoutMs: connectS === undefined ? base.proxy.connectTimeoutMs : connectS * 1000,
        maxConnections: sidecar?.proxy?.max_connections ?? base.proxy.maxConnections,
      },
      destinations: sidecar?.destinations ?? [],
      overrides: exceptions,
      audit: { fsync: sidecar?.audit?.fsync ?? base.audit.fsync },
      authority: { maxTtlS },
      credentials: secrets,
      run: chooseProfiles(toml.run, maxTtlS, locate),
    },
    mappings: tables,
    policies,
    issuance,
    ca: exceptions.flatMap(({ ca }, index) =>
      ca === undefined ? [] : [{ path: ca, at: locate(['sidecar', 'upstream', 'overrides', index, 'ca']) }],
    ),
  };
}
