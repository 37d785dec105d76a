/** The part of JSON Schema that the document uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly oneOf?: readonly Schema[];
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly description?: string;
}

const KNOWN = new Set([
  '$ref',
  'type',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'enum',
  'const',
  'oneOf',
  'maxItems',
  'maxLength',
  'maxProperties',
  'minimum',
  'description',
]);

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeOf(value) === 'object';
}

/** What of a value does not fit a schema, one line each. Throws for a schema that it does not understand. */
export function misfits(
  value: unknown,
  schema: Schema,
  schemas: Readonly<Record<string, Schema>>,
  at = '',
): string[] {
  for (const key of Object.keys(schema)) if (!KNOWN.has(key)) throw new Error(`${at}: what is ${key}?`);
  if (schema.$ref !== undefined) {
    const named = schemas[schema.$ref.replace('#/components/schemas/', '')];
    if (named === undefined) throw new Error(`${at}: there is no ${schema.$ref}`);
    return misfits(value, named, schemas, at);
  }
  if (schema.oneOf !== undefined) {
    const fitting = schema.oneOf.filter((one) => misfits(value, one, schemas, at).length === 0);
    return fitting.length === 1 ? [] : [`${at}: fits ${fitting.length} of oneOf`];
  }
  const problems: string[] = [];
  if (schema.type !== undefined && typeOf(value) !== schema.type)
    problems.push(`${at}: is no ${schema.type}`);
  if (schema.enum !== undefined && !schema.enum.includes(value)) problems.push(`${at}: not in enum`);
  if ('const' in schema && value !== schema.const) problems.push(`${at}: is not the constant`);
  if (typeof value === 'string' && value.length > (schema.maxLength ?? Infinity))
    problems.push(`${at}: long`);
  if (typeof value === 'number' && value < (schema.minimum ?? -Infinity)) problems.push(`${at}: low`);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (value.length > (schema.maxItems ?? Infinity)) problems.push(`${at}: many`);
    if (items !== undefined)
      value.forEach((one, i) => problems.push(...misfits(one, items, schemas, `${at}/${i}`)));
  }
  if (isRecord(value)) problems.push(...memberMisfits(value, schema, schemas, at));
  return problems;
}

function memberMisfits(
  value: Readonly<Record<string, unknown>>,
  { additionalProperties = true, properties = {}, required = [] }: Schema,
  schemas: Readonly<Record<string, Schema>>,
  at: string,
): string[] {
  const problems = required.filter((name) => !(name in value)).map((name) => `${at}: lacks ${name}`);
  for (const [name, member] of Object.entries(value)) {
    const schema =
      properties[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (schema !== undefined) problems.push(...misfits(member, schema, schemas, `${at}/${name}`));
    else if (additionalProperties === false) problems.push(`${at}: has ${name}`);
  }
  return problems;
}
