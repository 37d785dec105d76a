import { ConfigInvalid, formatLocation, type SourceLocation } from '../errors.ts';
import { type ActionClassInfo, findActionClass } from '../registry/classes.ts';
import { parseToml } from '../toml.ts';
import { type Declared, type FixtureContext, readContext, readParams } from './fixture-context.ts';
import { type FixtureDocument, FixtureTable } from './fixture-table.ts';
import type { PolicyContext, PolicyQuery } from './port.ts';

/** A call as an agent would send it. */
export interface FixtureRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** A call that is classified already. */
export interface FixtureAction {
  readonly action: ActionClassInfo;
  /** Provider and groups are undefined where the mapping tables are to say them. */
  readonly resource: Omit<PolicyQuery['resource'], 'provider' | 'hostGroups'> & {
    readonly provider: string | undefined;
    readonly hostGroups: readonly string[] | undefined;
  };
}

export const FIXTURE_OUTCOMES = ['ALLOW', 'DENY', 'ABORT'] as const;
export const FIXTURE_REASONS = [
  ...(['OK', 'PASS_THROUGH', 'POLICY_FORBID', 'POLICY_NO_PERMIT', 'POLICY_ERROR', 'POLICY_ABORT'] as const),
  ...(['UNCLASSIFIED_ACTION', 'MALFORMED_REQUEST', 'PARAMS_UNREADABLE'] as const),
] as const;

export type FixtureOutcome = (typeof FIXTURE_OUTCOMES)[number];
export type FixtureReason = (typeof FIXTURE_REASONS)[number];

/** What a case says has to come; undefined is not looked at. */
export interface Expected {
  readonly outcome: FixtureOutcome;
  readonly reason: FixtureReason | undefined;
  /** Sorted. */
  readonly policies: readonly string[] | undefined;
}

/** Policy files by name, of the directory of policies under test, and where a fixture file says so. */
export interface NamedPolicies {
  readonly names: readonly string[];
  readonly at: SourceLocation;
}

/** One case of a fixture file: a call, what is known around it, and what has to come. */
export interface FixtureCase {
  readonly file: string;
  /** Undefined in a JSON file. */
  readonly line: number | undefined;
  /** Unique in its file. */
  readonly name: string;
  readonly principal: PolicyQuery['principal'];
  readonly call: FixtureRequest | FixtureAction;
  /** In place of what the body of a request would say; empty for an action that names none. */
  readonly params: PolicyContext['params'] | undefined;
  readonly context: FixtureContext;
  readonly expected: Expected;
  /** The only files it is about, which its own file names; undefined for all. */
  readonly policies: NamedPolicies | undefined;
}

/** A fixture file: `text` is TOML, or JSON where the name ends so. */
export interface FixtureSource {
  readonly file: string;
  readonly text: string;
}

const MAX_CASES = 10_000;
const MAX_NAME_CHARS = 200;
const MAX_URL_CHARS = 8192;
const MAX_BODY_CHARS = 65_536;
const MAX_HEADER_CHARS = 8192;
const HTTPS_PORT = 443;
const MAX_PORT = 65_535;
const POLICY_FILE = /^[^/\\\0]{1,250}\.cedar$/;

const REQUEST_KEYS = ['method', 'url', 'headers', 'content_type', 'body'];
const ACTION_KEYS = ['action', 'resource'];
const KEYS = [
  ...['name', 'principal', ...REQUEST_KEYS, ...ACTION_KEYS, 'params'],
  ...['session', 'capability', 'budget', 'now', 'expect'],
];

function parseDocument({ file, text }: FixtureSource): FixtureDocument {
  if (!file.endsWith('.json')) return parseToml(text, file, (message, at) => new ConfigInvalid(message, at));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigInvalid('not valid JSON', { file });
  }
  if (keysWritten(text) !== keysIn(value)) {
    throw new ConfigInvalid('an object has a key twice; only the last one would count', { file });
  }
  return { value, locate: () => ({ file }) };
}

/** Of valid JSON: a text before a colon is a key. */
function keysWritten(json: string): number {
  let count = 0;
  for (const [, colon] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g))
    if (colon !== undefined) count += 1;
  return count;
}

/** Without recursion: JSON may nest deeper than the stack. */
function keysIn(value: unknown): number {
  let count = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const items: unknown[] = Object.values(next);
    if (!Array.isArray(next)) count += items.length;
    for (const item of items) left.push(item);
  }
  return count;
}

function readPrincipal(table: FixtureTable | undefined): PolicyQuery['principal'] {
  table?.allow(['id', 'groups']);
  return { id: table?.text('id') ?? 'agent', groups: table?.texts('groups') ?? [] };
}

function readHeaders(table: FixtureTable): Readonly<Record<string, string>> {
  const written = table.table('headers');
  const headers = Object.fromEntries(
    (written?.names ?? []).map((name) => [name, written?.text(name, MAX_HEADER_CHARS) ?? '']),
  );
  const contentType = table.text('content_type');
  if (contentType === undefined) return headers;
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) {
    throw table.error('content_type', 'stands in `headers` as well; give one of them');
  }
  return { ...headers, 'content-type': contentType };
}

function readRequest(table: FixtureTable): FixtureRequest {
  for (const key of ACTION_KEYS) {
    if (table.value(key) !== undefined) {
      throw table.error(key, 'cannot stand beside `url`: the mapping tables say what the call is');
    }
  }
  const body = table.text('body', MAX_BODY_CHARS);
  if (body !== undefined && table.value('params') !== undefined) {
    throw table.error('params', 'cannot stand beside `body`: the body says what the facts are');
  }
  return {
    method: table.required('method'),
    url: table.required('url', MAX_URL_CHARS),
    headers: readHeaders(table),
    body,
  };
}

function readAction(table: FixtureTable): FixtureAction {
  const name = table.text('action');
  if (name === undefined) throw table.error('url', 'is missing; or give `action` and `resource`');
  for (const key of REQUEST_KEYS) {
    if (table.value(key) !== undefined)
      throw table.error(key, 'cannot stand beside `action`: it belongs to `url`');
  }
  const action = findActionClass(name);
  if (action === undefined) {
    throw table.error('action', `is \`${name}\`, which is no action class; \`firma classes\` lists them`);
  }
  const resource = table.table('resource');
  if (resource === undefined) throw table.error('resource', 'is missing; it needs a `host` at least');
  return { action, resource: readResource(resource) };
}

function readResource(table: FixtureTable): FixtureAction['resource'] {
  table.allow(['host', 'port', 'path', 'method', 'provider', 'groups']);
  const host = table.required('host');
  const port = table.whole('port', MAX_PORT) ?? HTTPS_PORT;
  const path = table.text('path', MAX_URL_CHARS) ?? '/';
  if (!path.startsWith('/')) throw table.error('path', 'must start with `/`');
  return {
    uid: `${host}${port === HTTPS_PORT ? '' : `:${port}`}${path}`,
    host,
    port,
    path,
    provider: table.text('provider'),
    method: table.text('method') ?? 'GET',
    hostGroups: table.texts('groups'),
  };
}

function readExpected(table: FixtureTable): Expected {
  const expect = table.table('expect');
  expect?.allow(['outcome', 'reason', 'policies']);
  const outcome = expect?.word('outcome', FIXTURE_OUTCOMES);
  if (expect === undefined || outcome === undefined) {
    throw table.error('expect', `needs an \`outcome\`: ${FIXTURE_OUTCOMES.join(', ')}`);
  }
  return {
    outcome,
    reason: expect.word('reason', FIXTURE_REASONS),
    policies: expect.texts('policies')?.toSorted(),
  };
}

function readPolicies(root: FixtureTable): NamedPolicies | undefined {
  const names = root.texts('policies');
  if (names === undefined) return undefined;
  if (names.length === 0 || !names.every((name) => POLICY_FILE.test(name))) {
    throw root.error('policies', 'must name files of the directory of the policies, such as `strict.cedar`');
  }
  return { names: [...new Set(names)].sort(), at: root.locate('policies') };
}

function readCase(table: FixtureTable, declared: Declared, policies: NamedPolicies | undefined): FixtureCase {
  table.allow(KEYS);
  const { file, line } = table.at;
  const call = table.value('url') === undefined ? readAction(table) : readRequest(table);
  const params = readParams(table.table('params'), declared.params);
  return {
    file,
    line,
    name: table.required('name', MAX_NAME_CHARS),
    principal: readPrincipal(table.table('principal')),
    call,
    params: params ?? ('action' in call ? {} : undefined),
    context: readContext(table, declared),
    expected: readExpected(table),
    policies,
  };
}

/**
 * Reads the cases of a fixture file: `[[cases]]` in TOML, `{"cases": […]}` in JSON. A list `policies` beside them names the
 * policy files that they are about.
 *
 * @param declared what the policies under test may read: a `Bundle` says it
 * @throws ConfigInvalid with file, line (TOML) and what to write
 */
export function parseFixtures(source: FixtureSource, declared: Declared): readonly FixtureCase[] {
  const document = parseDocument(source);
  const root = new FixtureTable(document, [], document.value);
  root.allow(['policies', 'cases']);
  const policies = readPolicies(root);
  const names = new Map<string, FixtureCase>();
  return root.tables('cases', MAX_CASES).map((table) => {
    const one = readCase(table, declared, policies);
    const other = names.get(one.name);
    if (other !== undefined) {
      const where =
        other.line === undefined ? '' : ` (${formatLocation({ file: other.file, line: other.line })})`;
      throw table.error('name', `is \`${one.name}\`, as of another case${where}; names must differ`);
    }
    names.set(one.name, one);
    return one;
  });
}
