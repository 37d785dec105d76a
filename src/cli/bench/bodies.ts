import type { Rule } from '@firma/core';

type ParamSpec = Rule['params'][number];
type Refiner = NonNullable<Rule['refinement']>['refiner'];

/** A body that a rule reads, and what it is. */
export interface Sent {
  readonly contentType: string;
  readonly body: string;
  /** Header that names the operation as well. */
  readonly soapAction?: string;
}

const JSON_TYPE = 'application/json';
const ID = '1'.repeat(40);
const NO_ID = '0'.repeat(40);
const REF = 'refs/heads/main';
const CAPABILITIES = '\0report-status';

interface Placed {
  readonly parts: readonly string[];
  readonly value: number | string;
}

/** An object, or an array where the only index is 0, that holds each value at its pointer. */
function nested(placed: readonly Placed[]): unknown {
  const [only] = placed;
  if (only?.parts.length === 0) return only.value;
  const below = new Map<string, Placed[]>();
  for (const { parts, value } of placed) {
    const [token = '', ...rest] = parts;
    below.set(token, [...(below.get(token) ?? []), { parts: rest, value }]);
  }
  const zeroth = below.size === 1 ? below.get('0') : undefined;
  if (zeroth !== undefined) return [nested(zeroth)];
  return Object.fromEntries([...below].map(([token, inner]) => [token, nested(inner)]));
}

/** The body that carries the facts of a rule; undefined where none of them is in a body. */
export function bodyOfFacts(
  params: readonly ParamSpec[],
  valueOf: (spec: ParamSpec) => number | string,
): Sent | undefined {
  const forms = params.filter(({ source }) => source === 'form');
  if (forms.length > 0) {
    const body = forms.map((spec) => `${spec.key}=${encodeURIComponent(valueOf(spec))}`).join('&');
    return { contentType: 'application/x-www-form-urlencoded', body };
  }
  const pointers = params.filter(({ source }) => source === 'json');
  if (pointers.length === 0) return undefined;
  const value = nested(pointers.map((spec) => ({ parts: spec.parts, value: valueOf(spec) })));
  return { contentType: JSON_TYPE, body: JSON.stringify(value) };
}

function push(operation: string): string {
  const from = operation === 'create' ? NO_ID : ID;
  const to = operation === 'delete' ? NO_ID : ID.replaceAll('1', '2');
  const line = `${from} ${to} ${REF}${CAPABILITIES}\n`;
  return `${(line.length + 4).toString(16).padStart(4, '0')}${line}0000`;
}

/** The body that asks for one operation, in the protocol of its reader. */
export function bodyOfOperation(refiner: Refiner, operation: string): Sent {
  switch (refiner) {
    case 'git-receive-pack':
      return { contentType: 'application/x-git-receive-pack-request', body: push(operation) };
    case 'git-lfs':
      return {
        contentType: 'application/vnd.git-lfs+json',
        body: JSON.stringify({ operation, objects: [] }),
      };
    case 'graphql':
      return { contentType: JSON_TYPE, body: JSON.stringify({ query: `mutation { ${operation} { id } }` }) };
    case 'json-rpc':
      return { contentType: JSON_TYPE, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: operation }) };
    case 'soap-action':
      return {
        contentType: 'text/xml; charset=utf-8',
        soapAction: `"urn:bench/${operation}"`,
        body:
          '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
          `<b:${operation} xmlns:b="urn:bench"/></s:Body></s:Envelope>`,
      };
  }
}
