import { readBudgetMembers } from '../registry/budget-members.ts';
import { ACTION_CLASSES, findActionClass } from '../registry/classes.ts';
import type { Claims, Invalid, TokenBudget } from './claims.ts';
import { SESSION_ID } from './compact.ts';

/** What a token's claims are held against. */
export interface ClaimRules {
  readonly issuer: string;
  readonly audience: string;
  readonly skewS: number;
  readonly maxTtlS: number;
}

type Members = Readonly<Record<string, unknown>>;

const MAX_GROUPS = 32;
const MAX_PATTERNS = 64;
const MAX_PATTERN_CHARS = 512;
const MAX_BUDGETS = 16;
const MAX_ID_CHARS = 256;
const MAX_JTI_CHARS = 128;

// Control characters and lone surrogates have no place in an id: ids are joined into keys and written to the log.
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const SHA256_TEXT = /^(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]|[0-9a-f]{64})$/;

const CLAIM_NAMES: ReadonlySet<string> = new Set([
  'iss',
  'aud',
  'sub',
  'groups',
  'sid',
  'jti',
  'iat',
  'nbf',
  'exp',
  'action_set',
  'resource_scope',
  'budgets',
  'context_hash',
]);

function onlyMembers(value: object, allowed: ReadonlySet<string>): boolean {
  return Object.keys(value).every((name) => allowed.has(name));
}

function isText(value: unknown, maxChars: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxChars && !UNPRINTABLE.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function textList(value: unknown, min: number, max: number, maxChars: number): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length < min || value.length > max) return undefined;
  const items: readonly unknown[] = value;
  return items.every((item) => isText(item, maxChars)) ? Object.freeze([...items]) : undefined;
}

function readBudgets(value: unknown): readonly TokenBudget[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_BUDGETS) return undefined;
  const items: readonly unknown[] = value;
  const budgets = new Map<string, TokenBudget>();
  for (const item of items) {
    if (typeof item !== 'object' || item === null) return undefined;
    const budget = readBudgetMembers({ ...item });
    if ('problem' in budget || budgets.has(budget.name)) return undefined;
    budgets.set(budget.name, budget);
  }
  return Object.freeze([...budgets.values()]);
}

const invalid = (what: string): Invalid => ({ invalid: `the token's ${what}` });

/**
 * Checks type, bound and meaning of every claim (semantics §3). `nbf` and `exp` are held against each other here and
 * against the clock on every call (`check.ts`): an expired token still says whose session it is.
 *
 * A claim that is not in the list refuses the token: it could be a restriction. `groups` and `budgets` may be absent.
 * The payload was signed by the Authority, so a plain JSON parse is what reads it.
 */
export function checkClaims(payload: Members, rules: ClaimRules, nowS: number): Claims | Invalid {
  if (!onlyMembers(payload, CLAIM_NAMES)) return invalid('payload has a claim this sidecar does not know');
  const { iss, aud, sub, sid, jti, iat, nbf, exp, context_hash: contextHash } = payload;
  if (iss !== rules.issuer) return invalid('`iss` is not the issuer this sidecar trusts');
  if (aud !== rules.audience) return invalid("`aud` is not this sidecar's audience");
  if (!isText(sub, MAX_ID_CHARS)) return invalid('`sub` is not an agent id');
  const { groups: givenGroups = [], budgets: givenBudgets = [] } = payload;
  const groups = textList(givenGroups, 0, MAX_GROUPS, MAX_ID_CHARS);
  if (groups === undefined) return invalid('`groups` is not a list of at most 32 names');
  if (typeof sid !== 'string' || !SESSION_ID.test(sid))
    return invalid('`sid` is not 128 bits in base64url or hex');
  if (!isText(jti, MAX_JTI_CHARS)) return invalid('`jti` is not a token id');

  if (!isCount(iat) || !isCount(nbf) || !isCount(exp)) return invalid('times are not whole seconds');
  if (exp <= nbf || exp <= iat) return invalid('`exp` is not after its `nbf` and `iat`');
  if (exp - iat > rules.maxTtlS) return invalid('lifetime is longer than `max_ttl_s`');
  if (!(iat <= nowS + rules.skewS)) return invalid('`iat` is in the future');

  const actionSet = textList(payload['action_set'], 1, ACTION_CLASSES.length, MAX_ID_CHARS);
  if (actionSet === undefined) return invalid('`action_set` is not a list of 1 to 44 classes');
  if (actionSet.some((name) => findActionClass(name) === undefined)) {
    return invalid('`action_set` names a class this sidecar does not know');
  }
  const resourceScope = textList(payload['resource_scope'], 1, MAX_PATTERNS, MAX_PATTERN_CHARS);
  if (resourceScope === undefined) return invalid('`resource_scope` is not a list of 1 to 64 patterns');
  const budgets = readBudgets(givenBudgets);
  if (budgets === undefined)
    return invalid('`budgets` is not a list of at most 16 rules this sidecar can count');
  if (typeof contextHash !== 'string' || !SHA256_TEXT.test(contextHash)) {
    return invalid('`context_hash` is not a SHA-256 in base64url or hex');
  }
  return Object.freeze({
    iss,
    aud,
    sub,
    groups,
    sid,
    jti,
    iat,
    nbf,
    exp,
    // Sorted once here: what reads them as sets on every call need not.
    actionSet: Object.freeze(actionSet.toSorted()),
    resourceScope: Object.freeze(resourceScope.toSorted()),
    budgets,
    contextHash,
  });
}

/** What session state hangs on. No two (`iss`, `sub`, `sid`) share a key: neither `sub` nor `sid` holds a line feed. */
export function sessionKeyOf(iss: string, sub: string, sid: string): string {
  return `${iss}\n${sub}\n${sid}`;
}
