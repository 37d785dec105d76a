import type { Rule } from '@firma/core';
import type { MixEndpoint } from './mix.ts';

/** Fills wildcards; no shipped rule has it for a literal. */
const FILLING = 'example';
const FACTS: Readonly<Record<string, string>> = { amount: '100', count: '1', currency: 'usd' };
const MAX_POINTER_DEPTH = 16;

type Param = Rule['params'][number];

function factOf({ name }: Param): string {
  return FACTS[name] ?? FILLING;
}

function hostOf({ host, scheme, port }: Rule): string | undefined {
  const name =
    host.kind === 'exact' ? host.name : host.kind === 'below' ? `${FILLING}.${host.name}` : undefined;
  if (name === undefined) return undefined;
  const bracketed = name.includes(':') ? `[${name}]` : name;
  return port === (scheme === 'https' ? 443 : 80) ? bracketed : `${bracketed}:${port}`;
}

function pathOf({ path }: Rule): string {
  if (path.any) return `/${FILLING}`;
  return path.text
    .split('/')
    .map((segment) => (segment === '**' ? `${FILLING}/${FILLING}` : segment.replaceAll('*', FILLING)))
    .join('/');
}

/** One fact put where a JSON pointer (RFC 6901) says. */
function withPointer(value: unknown, parts: readonly string[], fact: unknown): unknown {
  const [key, ...rest] = parts;
  if (key === undefined || parts.length > MAX_POINTER_DEPTH) return fact;
  const inner: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
  inner[key] = withPointer(inner[key], rest, fact);
  return inner;
}

function jsonBody(params: readonly Param[]): string {
  let value: unknown = {};
  for (const param of params) {
    value = withPointer(
      value,
      param.parts.map(String),
      param.type === 'long' ? Number(factOf(param)) : factOf(param),
    );
  }
  return JSON.stringify(value);
}

/** A body of its operation for a rule whose class the body decides. */
function refinedBody({ refinement }: Rule): string | undefined {
  switch (refinement?.refiner) {
    case 'graphql':
      return JSON.stringify({ query: '{ viewer { login } }' });
    case 'json-rpc':
      return JSON.stringify({ jsonrpc: '2.0', id: 1, method: [...refinement.classes.keys()][0] ?? FILLING });
    case 'git-lfs':
      return JSON.stringify({ operation: 'download', objects: [] });
    default:
      return undefined;
  }
}

/**
 * A request that a rule matches, with the facts it asks for: amounts are 100 usd.
 *
 * A more specific rule may match it too: the caller looks. @returns undefined where no example is made: for any host,
 * for methods whose answers have no body, for bodies that are no text
 */
export function exampleRequest(rule: Rule): Omit<MixEndpoint, 'denied'> | undefined {
  const host = hostOf(rule);
  const method =
    rule.methods.length === 0 ? 'GET' : rule.methods.find((one) => one !== 'HEAD' && one !== 'CONNECT');
  if (host === undefined || method === undefined) return undefined;
  const from = (source: Param['source']): Param[] => rule.params.filter((param) => param.source === source);
  const query = from('query').map((param) => `${param.key}=${factOf(param)}`);
  const headers: Record<string, string> = { accept: 'application/json' };
  for (const param of from('header')) headers[param.key] = factOf(param);
  let body = '';
  const changes = method !== 'GET' && method !== 'DELETE' && method !== 'OPTIONS';
  if (rule.refinement !== undefined) {
    const refined = refinedBody(rule);
    if (refined === undefined) return undefined;
    body = refined;
    headers['content-type'] = 'application/json';
  } else if (from('form').length > 0) {
    body = from('form')
      .map((param) => `${param.key}=${factOf(param)}`)
      .join('&');
    headers['content-type'] = 'application/x-www-form-urlencoded';
  } else if (changes) {
    body = jsonBody(from('json'));
    headers['content-type'] = 'application/json';
  }
  const target = query.length === 0 ? pathOf(rule) : `${pathOf(rule)}?${query.join('&')}`;
  return { method, url: `${rule.scheme}://${host}${target}`, headers, body };
}
