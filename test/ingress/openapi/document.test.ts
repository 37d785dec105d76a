import { describe, expect, it } from 'vitest';
import { ApiHandler } from '../../../src/ingress/api.ts';
import { OPENAPI, OPENAPI_TEXT } from '../../../src/ingress/openapi/document.ts';
import type { Answer } from '../../../src/ingress/port.ts';
import { ROUTES } from '../../../src/ingress/routes.ts';
import { decisionOf, requestOf, ScriptedService, WITH_KEY } from '../scripted-service.ts';
import { misfits, type Schema } from './schema-check.ts';

interface Content {
  readonly [type: string]: { readonly schema: Schema; readonly example?: unknown };
}

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content: Content; readonly headers?: object }>>;
}

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];
const document = JSON.parse(OPENAPI_TEXT) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};
const { schemas } = document.components;

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => method in item).map((method) => ({ path, method, operation: item[method] })),
);

/** The answers a document leaves open: what it says of the body of that status. */
function documentedAs(
  { status, body, contentType = 'application/json' }: Answer,
  operation: Operation,
): string[] {
  const response = operation.responses[String(status)];
  const content = response?.content[contentType.split(';')[0] ?? ''];
  if (content === undefined) return [`${status} ${contentType} is not in the document`];
  const value: unknown = contentType.startsWith('application/json') ? JSON.parse(body) : body;
  return misfits(value, content.schema, schemas);
}

function targetOf(path: string): string {
  return path.replace('{event_id}', '0197b6f2-7f6a-7c3e-9d2e-0a1b2c3d4e5f').replace('{path}', 'user');
}

const PROXY = ['host', 'api.github.com', 'x-forwarded-proto', 'https', 'x-firma-token', 't'];

function ask(service: ScriptedService, method: string, path: string, body: string): Promise<Answer> {
  const headers = path.startsWith('/ext_authz') ? PROXY : WITH_KEY;
  return Promise.resolve(
    new ApiHandler(service).handle(requestOf(method.toUpperCase(), targetOf(path), body, headers)),
  );
}

describe('the OpenAPI document', () => {
  it('has every endpoint that is served, and no other', () => {
    const served = ROUTES.flatMap(({ path, method }) =>
      (method === 'ANY' ? METHODS : [method.toLowerCase()]).map((one) => `${one} ${path}`),
    );
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort());
  });

  it('names each operation once, and is frozen', () => {
    const ids = operations.map(({ operation }) => operation?.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.isFrozen(OPENAPI.paths['/v1/decide'].post)).toBe(true);
  });

  it.each(operations)('is true of $method $path', async ({ path, method, operation }) => {
    if (operation === undefined) throw new Error('is no operation');
    const json = operation.requestBody?.content['application/json'];
    const body = json === undefined ? '' : JSON.stringify(json.example);
    expect(json === undefined ? [] : misfits(json.example, json.schema, schemas)).toEqual([]);

    const service = new ScriptedService();
    const answer = await ask(service, method, path, body);
    // What is no GET is denied by the script, which `/ext_authz` alone tells by its status.
    const isDenied = path.startsWith('/ext_authz') && method !== 'get';
    expect(answer.status).toBe(isDenied ? 403 : 200);
    expect(documentedAs(answer, operation)).toEqual([]);

    // Asked for nonsense, without a key, and where nothing can be decided.
    service.answer = () => ({
      decision: decisionOf({ outcome: 'DENY', reason: 'OVERLOADED', retryAfterS: 1 }),
    });
    expect(documentedAs(await ask(service, method, path, body), operation)).toEqual([]);
    expect(documentedAs(await ask(service, method, path, '{"x":1}'), operation)).toEqual([]);
    const noKey = requestOf(method.toUpperCase(), targetOf(path), body, PROXY);
    expect(documentedAs(await new ApiHandler(service).handle(noKey), operation)).toEqual([]);
  });

  it('tells of the other answers of status and proofs', async () => {
    const service = new ScriptedService();
    service.ready = { ...service.ready, store: { ready: false, detail: 'why' } };
    for (const [path, proofs] of [
      ['/readyz', 'unknown'],
      ['/v1/events/{event_id}/proof', 'unknown'],
      ['/v1/events/{event_id}/proof', 'unsigned'],
    ] as const) {
      service.proofs = proofs;
      const operation = document.paths[path]?.['get'];
      if (operation === undefined) throw new Error('is no operation');
      const answer = await ask(service, 'get', path, '');
      expect(answer.status).not.toBe(200);
      expect(documentedAs(answer, operation)).toEqual([]);
    }
  });

  it('has what a decision can be answered with', async () => {
    const service = new ScriptedService();
    const operation = document.paths['/v1/decide']?.['post'];
    if (operation === undefined) throw new Error('is no operation');
    const call = { method: 'GET', url: 'https://a.example/', canonicalize: true, receipt: true };
    const whole = await ask(service, 'post', '/v1/decide', JSON.stringify(call));
    expect(Object.keys(JSON.parse(whole.body) as object)).toEqual(
      expect.arrayContaining(['canonical', 'receipt']),
    );
    expect(documentedAs(whole, operation)).toEqual([]);
    service.answer = () => ({ decision: decisionOf(), receipt: 'unsigned' });
    expect(documentedAs(await ask(service, 'post', '/v1/decide', JSON.stringify(call)), operation)).toEqual(
      [],
    );
  });

  it('is what is served', async () => {
    const answer = await new ApiHandler(new ScriptedService()).handle(requestOf('GET', '/openapi.json'));
    expect(JSON.parse(answer.body)).toEqual(OPENAPI);
  });
});
