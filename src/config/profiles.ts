import { ACTION_CLASSES, closestWord, ConfigInvalid, type SourceLocation } from '@firma/core';
import type { RunProfile } from './config.ts';
import type { Locate } from './named-path.ts';
import type { FirmaToml } from './schema.ts';

type WrittenRun = FirmaToml['run'];
type WrittenProfile = NonNullable<NonNullable<WrittenRun>['profiles']>[string];

// The shipped issuance policies refuse both: nothing an agent does by itself needs them.
const NEVER_BY_DEFAULT: ReadonlySet<string> = new Set(['credential.write', 'account.permission.change']);

function builtinProfile(id: string, agent: string, env: Record<string, string>): RunProfile {
  return {
    id,
    env,
    passEnv: [],
    capability: {
      agent,
      groups: [],
      actions: ACTION_CLASSES.map((info) => info.name).filter((name) => !NEVER_BY_DEFAULT.has(name)),
      scope: ['*'],
      ttlS: 3600,
    },
  };
}

/** The profile of whoever names none, and the base of every profile that is only in the file. */
export const DEFAULT_PROFILE: RunProfile = builtinProfile('default', 'agent', {});

/** Profiles that exist without being written down. */
export const BUILTIN_PROFILES: readonly RunProfile[] = [
  DEFAULT_PROFILE,
  // No update checks, telemetry or error reports: calls the person at the keyboard did not ask for.
  builtinProfile('claude-code', 'claude-code', { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }),
];

function overlay(id: string, written: WrittenProfile, base: RunProfile): RunProfile {
  const asked = base.capability;
  return {
    id,
    env: written.env ?? base.env,
    passEnv: written.pass_env ?? base.passEnv,
    capability: {
      agent: written.agent ?? asked.agent,
      groups: written.groups ?? asked.groups,
      actions: written.actions ?? asked.actions,
      scope: written.scope ?? asked.scope,
      ttlS: written.ttl_s ?? asked.ttlS,
    },
  };
}

/**
 * The profile of that id.
 *
 * @param at where it is named, for the message; nowhere in a file where it comes from a command line
 * @throws ConfigInvalid where there is none
 */
export function findProfile(profiles: readonly RunProfile[], id: string, at?: SourceLocation): RunProfile {
  const found = profiles.find((profile) => profile.id === id);
  if (found !== undefined) return found;
  const ids = profiles.map((profile) => profile.id);
  const near = closestWord(id, ids);
  const known = ids.map((one) => `\`${one}\``).join(', ');
  const hint = near === undefined ? `there are ${known}` : `did you mean \`${near}\`?`;
  throw new ConfigInvalid(`no profile is named \`${id}\`; ${hint}`, at);
}

/**
 * The built-in profiles with those of the file over them, and the one in force.
 *
 * @throws ConfigInvalid where a token would outlive the maximum, or the profile in force does not exist
 */
export function chooseProfiles(
  run: WrittenRun,
  maxTtlS: number,
  locate: Locate,
): { readonly profile: string; readonly profiles: readonly RunProfile[] } {
  const byId = new Map(BUILTIN_PROFILES.map((entry) => [entry.id, entry]));
  for (const [id, written] of Object.entries(run?.profiles ?? {})) {
    if (written.ttl_s !== undefined && written.ttl_s > maxTtlS) {
      const at = locate(['run', 'profiles', id, 'ttl_s']);
      throw new ConfigInvalid(`\`ttl_s\` is above \`max_ttl_s\` of \`[authority]\`, which is ${maxTtlS}`, at);
    }
    byId.set(id, overlay(id, written, byId.get(id) ?? DEFAULT_PROFILE));
  }
  const profile = run?.profile ?? DEFAULT_PROFILE.id;
  findProfile([...byId.values()], profile, locate(['run', 'profile']));
  // A maximum below the built-in life shortens it for whoever names none.
  const profiles = [...byId.values()].map((entry) => ({
    ...entry,
    capability: { ...entry.capability, ttlS: Math.min(entry.capability.ttlS, maxTtlS) },
  }));
  return { profile, profiles };
}
