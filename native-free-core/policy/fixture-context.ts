import { ACTION_CLASSES, findActionClass } from '../registry/classes.ts';
import type { Bundle } from './bundle.ts';
import type { FixtureTable } from './fixture-table.ts';
import type { PolicyContext } from './port.ts';

/** What the schema of a bundle declares. */
export type Declared = Pick<Bundle, 'params' | 'budgets'>;

/** What a case says of the context besides the request and its facts. */
export type FixtureContext = Omit<PolicyContext, 'request' | 'params'>;

// Wednesday, 2025-01-01, 12:00 UTC: a case means the same whenever it runs.
const DEFAULT_NOW_MS = 1_735_732_800_000;
const DEFAULT_TTL_S = 3600;
const SESSION_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

// RFC 3339; a time without an offset would mean another instant on another machine.
const INSTANT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

function assertClasses(table: FixtureTable, key: string, names: readonly string[]): readonly string[] {
  for (const name of names) {
    if (findActionClass(name) !== undefined) continue;
    throw table.error(key, `names \`${name}\`, which is no action class; \`firma classes\` lists them`);
  }
  return names;
}

/** A call is counted before it is decided, so the first one of a session sees 1. */
function readSession(table: FixtureTable | undefined): PolicyContext['session'] {
  table?.allow(['age_s', 'calls', 'denies', 'classes', 'hosts', 'injected', 'last_class']);
  const lastClass = table?.text('last_class') ?? '';
  if (table !== undefined && lastClass !== '') assertClasses(table, 'last_class', [lastClass]);
  return {
    id: SESSION_ID,
    ageS: table?.whole('age_s') ?? 0,
    calls: table?.whole('calls') ?? 1,
    denies: table?.whole('denies') ?? 0,
    classes: table === undefined ? [] : assertClasses(table, 'classes', table.texts('classes') ?? []),
    tools: [],
    hosts: table?.texts('hosts') ?? [],
    injected: table?.texts('injected') ?? [],
    lastClass,
  };
}

function readCapability(table: FixtureTable | undefined): PolicyContext['capability'] {
  table?.allow(['actions', 'scope', 'age_s', 'ttl_s']);
  const actions = table?.texts('actions');
  if (table !== undefined && actions !== undefined) assertClasses(table, 'actions', actions);
  return {
    actions: actions ?? ACTION_CLASSES.map(({ name }) => name),
    scope: table?.texts('scope') ?? ['*'],
    ageS: table?.whole('age_s') ?? 0,
    ttlS: table?.whole('ttl_s') ?? DEFAULT_TTL_S,
  };
}

function readBudget(
  table: FixtureTable | undefined,
  budgets: ReadonlySet<string>,
): Readonly<Record<string, number>> {
  const remainders: Record<string, number> = {};
  for (const name of table?.names ?? []) {
    if (table === undefined) continue;
    if (!budgets.has(name)) {
      const known = [...budgets].sort().map((one) => `\`${one}\``);
      const has = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
      throw table.error(name, `is no budget of the configuration; ${has}`);
    }
    remainders[name] = table.whole(name) ?? 0;
  }
  return remainders;
}

function readNow(table: FixtureTable): number {
  const value = table.value('now');
  if (value === undefined) return DEFAULT_NOW_MS;
  // The date of a TOML document writes itself as it was written.
  const text = value instanceof Date ? value.toISOString() : value;
  const nowMs = typeof text === 'string' && INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isSafeInteger(nowMs) && nowMs >= 0) return nowMs;
  throw table.error('now', 'must be an instant from 1970 on with its offset, such as `2025-01-01T13:30:00Z`');
}

/** Facts a case gives by name, of the types that the schema declares. */
export function readParams(
  table: FixtureTable | undefined,
  declared: Declared['params'],
): PolicyContext['params'] | undefined {
  if (table === undefined) return undefined;
  const params: Record<string, number | string> = {};
  for (const name of table.names) {
    const type = declared.get(name);
    if (type === undefined) {
      const known = [...declared.keys()].sort().map((one) => `\`${one}\``);
      throw table.error(name, `is no fact that a mapping rule declares; there are ${known.join(', ')}`);
    }
    params[name] = (type === 'long' ? table.whole(name) : table.text(name)) ?? '';
  }
  return params;
}

/** @throws ConfigInvalid with the place of what a case cannot say */
export function readContext(table: FixtureTable, { budgets }: Declared): FixtureContext {
  return {
    session: readSession(table.table('session')),
    budget: readBudget(table.table('budget'), budgets),
    nowMs: readNow(table),
    capability: readCapability(table.table('capability')),
  };
}
