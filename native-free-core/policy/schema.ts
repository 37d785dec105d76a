import { PolicyInvalid } from '../errors.ts';
import { ACTION_CLASSES, CATEGORIES } from '../registry/classes.ts';
import type { ParamType } from '../registry/param-type.ts';

/** What the configuration adds to the schema. */
export interface SchemaInputs {
  /** Facts that mapping rules declare beyond the four that always exist. */
  readonly params: Readonly<Record<string, ParamType>>;
  /** Names of the budgets; a budget of a token is `token/<name>`. */
  readonly budgets: readonly string[];
}

const BUILT_IN_PARAMS: ReadonlyMap<string, ParamType> = new Map([
  ['amount', 'long'],
  ['currency', 'string'],
  ['git_operation', 'string'],
  ['git_ref', 'string'],
]);

// Every attribute is written quoted, so a name need not be a Cedar identifier; none of these characters is special
// in a Cedar string, and a leading letter or digit keeps out `__entity` and `__extn`, which Cedar's JSON reserves.
const NAME = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,127}$/;

function assertName(kind: string, name: string): void {
  if (NAME.test(name)) return;
  throw new PolicyInvalid(
    `${kind} \`${name}\` cannot be named in a policy; use up to 128 letters, digits, \`_\`, \`.\`, \`/\` and \`-\``,
  );
}

/**
 * The type of every fact a policy may read under `context.params`, by name.
 *
 * @throws PolicyInvalid where a name cannot be written in Cedar, or a built-in fact is declared with another type
 */
export function paramTypes(inputs: SchemaInputs): ReadonlyMap<string, ParamType> {
  const types = new Map(BUILT_IN_PARAMS);
  for (const [name, type] of Object.entries(inputs.params)) {
    assertName('param', name);
    const builtIn = BUILT_IN_PARAMS.get(name);
    if (builtIn !== undefined && builtIn !== type) {
      throw new PolicyInvalid(`param \`${name}\` is a ${builtIn} and cannot be declared as a ${type}`);
    }
    types.set(name, type);
  }
  return types;
}

function optional(name: string, type: string): string {
  return `"${name}"?: ${type}`;
}

/** One line a category and a class; every class applies to the same principal, resource and context. */
export function actionDeclarations(appliesTo: string): string {
  const lines: string[] = [];
  for (const category of CATEGORIES) lines.push(`  action "${category}";`);
  for (const info of ACTION_CLASSES) {
    lines.push(`  action "${info.name}" in ["${info.category}"] appliesTo { ${appliesTo} };`);
  }
  return lines.join('\n');
}

/**
 * The Cedar schema that policies are validated against (semantics §4), as Cedar text.
 *
 * The same inputs give the same text, in whatever order they come.
 *
 * @throws PolicyInvalid where a param or budget has a name that cannot be written in Cedar
 */
export function generateSchema(inputs: SchemaInputs): string {
  const params = [...paramTypes(inputs)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, type]) => optional(name, type === 'long' ? 'Long' : 'String'));
  const budgets = [...new Set(inputs.budgets)].sort().map((name) => {
    assertName('budget', name);
    return optional(name, 'Long');
  });
  return `namespace Firma {
  entity AgentGroup;
  entity Agent in [AgentGroup];
  entity HostGroup;
  entity Resource in [HostGroup] = {
    host: String, port: Long, path: String, provider?: String, method: String
  };
  type Ctx = {
    session: {
      id: String, age_s: Long, calls: Long, denies: Long, classes: Set<Action>, tools: Set<Action>,
      hosts: Set<String>, injected: Set<String>, last_class?: Action
    },
    budget: { ${budgets.join(', ')} },
    request: { method: String, scheme: String, transport: String, body_bytes: Long, query_present: Bool },
    time: { now: datetime, hour_utc: Long, weekday_utc: Long },
    capability: { actions: Set<Action>, scope: Set<String>, age_s: Long, ttl_s: Long },
    params: { ${params.join(', ')} }
  };
${actionDeclarations('principal: Agent, resource: Resource, context: Ctx')}
}
`;
}
