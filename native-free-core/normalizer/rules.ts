import { MappingInvalid } from '../errors.ts';
import type { ActionClassInfo } from '../registry/classes.ts';
import { parseToml } from '../toml.ts';
import type { Scheme } from './envelope.ts';
import { methodProblem } from './method.ts';
import { compileParam, type ParamSpec } from './param-spec.ts';
import { ANY_PATH, compileHost, compilePath, type HostPattern, type PathPattern } from './pattern.ts';
import { readRefinement, type Refinement } from './refine/refinement.ts';
import { Table } from './table.ts';
import { defaultPort } from './target.ts';

/** One mapping table: `text` is TOML, `file` names it in errors and records. */
export interface MappingSource {
  readonly file: string;
  readonly text: string;
}

/** One `[[rules]]` table, checked. */
export interface Rule {
  readonly file: string;
  readonly line: number;
  /** `file:line`. */
  readonly where: string;
  readonly scheme: Scheme;
  readonly host: HostPattern;
  readonly port: number;
  readonly path: PathPattern;
  /** Sorted; empty for any. */
  readonly methods: readonly string[];
  readonly actionClass: ActionClassInfo;
  readonly params: readonly ParamSpec[];
  /** Bit n-1 set: segment n is compared, scoped and named in lower case. */
  readonly foldMask: number;
  readonly encodedSlash: boolean;
  /** Where the body decides the class. */
  readonly refinement: Refinement | undefined;
}

/** One `[[groups]]` table: a named set of hosts. */
export interface GroupTable {
  readonly name: string;
  readonly hosts: readonly HostPattern[];
}

export interface MappingTable {
  readonly rules: readonly Rule[];
  readonly groups: readonly GroupTable[];
}

const RULE_KEYS = [
  'method',
  'host',
  'scheme',
  'path',
  'action_class',
  'params',
  'fold',
  'encoded_slash',
  'refine',
  'refine_map',
];
/** In the grammar of rules, but nothing here would act on them. */
const LATER_KEYS = ['websocket'];
const MAX_FOLDED_SEGMENT = 16;

/**
 * Reads one mapping table. A key or a class that is not known stops it: nothing of a table is ever ignored.
 *
 * @throws MappingInvalid with file, line and what to write instead
 */
export function parseRules(source: MappingSource): MappingTable {
  const document = parseToml(source.text, source.file, (message, at) => new MappingInvalid(message, at));
  const root = new Table(document, [], document.value);
  root.allowKeys(['rules', 'groups']);
  return { rules: root.tables('rules').map(readRule), groups: root.tables('groups').map(readGroup) };
}

function readRule(table: Table): Rule {
  table.allowKeys(RULE_KEYS, LATER_KEYS);
  const { file, line = 0 } = table.location([]);
  const scheme = table.oneOf('scheme', ['https', 'http']) ?? 'https';
  const host = table.checked('host', compileHost(table.requiredString('host')));
  const path = table.string('path') ?? '*';
  const actionClass = table.actionClass('action_class');
  const pattern = path === '*' ? ANY_PATH : table.checked('path', compilePath(path));
  return {
    file,
    line,
    where: `${file}:${line}`,
    scheme,
    host,
    port: host.port ?? defaultPort(scheme),
    path: pattern,
    methods: readMethods(table),
    actionClass,
    params: readParams(table, pattern),
    foldMask: readFold(table, pattern),
    encodedSlash: table.boolean('encoded_slash') ?? false,
    refinement: readRefinement(table, actionClass),
  };
}

function readMethods(table: Table): readonly string[] {
  const value = table.value['method'];
  if (value === undefined) return [];
  const methods: unknown[] = Array.isArray(value) ? value : [value];
  if (methods.length === 0) throw table.error(['method'], '`method` is an empty list; leave it out for any');
  const names = new Set<string>();
  for (const method of methods) {
    if (typeof method !== 'string')
      throw table.error(['method'], '`method` is not a string or a list of strings');
    const problem = methodProblem(method);
    if (problem !== undefined) throw table.error(['method'], `\`method\` names \`${method}\`: ${problem}`);
    if (names.has(method)) throw table.error(['method'], `\`${method}\` is named twice`);
    names.add(method);
  }
  return [...names].sort();
}

function readParams(table: Table, path: PathPattern): readonly ParamSpec[] {
  const params = table.table('params');
  if (params === undefined) return [];
  const specs = Object.keys(params.value)
    .sort()
    .map((name) => params.checked(name, compileParam(name, params.requiredString(name))));
  for (const { name, source, segment } of specs) {
    if (source === 'path' && !hasSegment(path, segment + 1)) {
      throw params.error(
        [name],
        `\`path:${segment + 1}\` names a segment that \`${path.text}\` does not have`,
      );
    }
  }
  const bodies = new Set(
    specs.map((spec) => spec.source).filter((kind) => kind === 'form' || kind === 'json'),
  );
  if (bodies.size > 1) {
    throw table.error(['params'], 'a body is a form or JSON, never both; split the rule or drop one of them');
  }
  return specs;
}

/** Whether paths of a pattern can have so many segments. */
function hasSegment({ any, segments }: PathPattern, position: number): boolean {
  return any || segments.at(-1)?.kind === 'rest' || position <= segments.length;
}

function readFold(table: Table, path: PathPattern): number {
  const value = table.value['fold'];
  if (value === undefined) return 0;
  if (!Array.isArray(value)) throw table.error(['fold'], '`fold` is not a list of segment numbers');
  let mask = 0;
  for (const segment of value as unknown[]) {
    if (!Number.isInteger(segment) || Number(segment) < 1 || Number(segment) > MAX_FOLDED_SEGMENT) {
      throw table.error(['fold'], `\`fold\` names segments from 1 to ${MAX_FOLDED_SEGMENT}`);
    }
    if (!hasSegment(path, Number(segment))) {
      throw table.error(
        ['fold'],
        `\`fold\` names segment ${Number(segment)}, which \`${path.text}\` does not have`,
      );
    }
    mask |= 1 << (Number(segment) - 1);
  }
  return mask;
}

function readGroup(table: Table): GroupTable {
  table.allowKeys(['name', 'hosts']);
  const name = table.requiredString('name');
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw table.error(['name'], `\`${name}\` is no group name; write letters, digits, \`_\` and \`-\``);
  }
  const hosts = table.value['hosts'];
  if (!Array.isArray(hosts) || hosts.length === 0) {
    throw table.error(['hosts'], '`hosts` is not a list of host patterns');
  }
  const patterns = (hosts as unknown[]).map((host, index) => {
    if (typeof host !== 'string') throw table.error(['hosts', index], '`hosts` is not a list of strings');
    const pattern = compileHost(host);
    if ('invalid' in pattern) throw table.error(['hosts', index], pattern.invalid);
    return pattern;
  });
  return { name, hosts: patterns };
}
