// The operations of `/openapi.json`. A test holds them against the routes and sends their examples.

import { ref } from './schemas.ts';

const KEY = [{ enforcementPoint: [] }];

/** Content of one media type. */
function json(name: Parameters<typeof ref>[0], example?: object): object {
  return { 'application/json': { schema: ref(name), ...(example === undefined ? {} : { example }) } };
}

function answer(description: string, name: Parameters<typeof ref>[0], headers?: object): object {
  return { description, content: json(name), ...(headers === undefined ? {} : { headers }) };
}

const RETRY = { 'retry-after': { schema: { type: 'integer' } } };
const BAD_REQUEST = { '400': answer('The request could not be read.', 'Error') };
const NO_KEY = { '401': answer('The key of enforcement points is missing or wrong.', 'Error') };
const TOO_LONG = { '413': answer('The body is too long.', 'Error') };
const UNAVAILABLE = { '503': answer('Nobody could answer; try again.', 'Error', RETRY) };

const CALL = { token: 'eyJ…', method: 'GET', url: 'https://api.github.com/user' };
const EVENT_ID = '0197b6f2-7f6a-7c3e-9d2e-0a1b2c3d4e5f';

function post(
  operationId: string,
  summary: string,
  body: object,
  done: object,
  security?: object,
): { post: object } {
  return {
    post: {
      operationId,
      summary,
      ...(security === undefined ? {} : { security }),
      requestBody: { required: true, content: body },
      responses: { ...done, ...BAD_REQUEST, ...TOO_LONG, ...UNAVAILABLE },
    },
  };
}

function get(operationId: string, summary: string, done: object): { get: object } {
  return { get: { operationId, summary, responses: done } };
}

const FIRMA_HEADERS = Object.fromEntries(
  ['x-firma-outcome', 'x-firma-reason', 'x-firma-event-id', 'x-firma-action-class'].map((name) => [
    name,
    { schema: { type: 'string' } },
  ]),
);

function extAuthz(method: string): object {
  return {
    operationId: `extAuthz_${method}`,
    summary: "Envoy's HTTP ext_authz, and nginx' auth_request",
    description:
      'Believed on the Unix socket and from networks in `sidecar.ingress.trusted`. Envoy: method, `Host`, path below the ' +
      'prefix and `x-forwarded-proto` are those of the call; its body counts where Envoy says that it is whole. nginx asks ' +
      '`/ext_authz/` with `x-original-method`, `x-original-uri`, `x-original-host` and `x-original-proto`. It has to speak ' +
      'HTTP/1.1 here (`proxy_http_version 1.1`). The token is in `x-firma-token`.',
    responses: {
      '200': answer('ALLOW', 'Allowed', FIRMA_HEADERS),
      '403': answer('DENY or ABORT, or a peer that is not believed.', 'Denial', FIRMA_HEADERS),
      '503': answer('Nobody could decide.', 'Denial', { ...FIRMA_HEADERS, ...RETRY }),
    },
  };
}

export const PATHS = {
  '/v1/decide': post(
    'decide',
    'Decide one call',
    json('Call', CALL),
    { '200': answer('The decision, a denial too.', 'Decision'), ...NO_KEY },
    [{}, ...KEY],
  ),
  '/v1/decide/batch': post(
    'decideBatch',
    'Decide up to 1,000 calls, in their order',
    json('Batch', { calls: [CALL, { ...CALL, method: 'DELETE' }] }),
    { '200': answer('One decision, or error, for each call.', 'BatchDecisions') },
    [{}, ...KEY],
  ),
  '/v1/commit': post(
    'commit',
    'A call that was decided with `commit: "manual"` was sent',
    json('EventReference', { event_id: EVENT_ID }),
    {
      '200': answer('Its budgets stay charged.', 'Settled'),
      ...NO_KEY,
      '404': answer('No such decision waits to be settled.', 'Error'),
    },
    KEY,
  ),
  '/v1/rollback': post(
    'rollback',
    'A call that was decided with `commit: "manual"` was not sent',
    json('EventReference', { event_id: EVENT_ID }),
    {
      '200': answer('Its budgets have their room back.', 'Settled'),
      ...NO_KEY,
      '404': answer('No such decision waits to be settled.', 'Error'),
    },
    KEY,
  ),
  '/access/v1/evaluation': post(
    'evaluate',
    'OpenID AuthZEN Authorization API 1.0: access evaluation',
    json('Evaluation', {
      subject: { type: 'agent', id: 'agent-1' },
      action: { name: 'GET' },
      resource: { type: 'http', id: 'https://api.github.com/user' },
      context: { firma: { token: 'eyJ…' } },
    }),
    { '200': answer('The decision.', 'EvaluationDecision') },
  ),
  '/.well-known/authzen-configuration': get('authzenConfiguration', 'AuthZEN metadata', {
    '200': answer('Where the evaluation is.', 'AuthzenConfiguration'),
  }),
  '/ext_authz/{path}': {
    parameters: [
      {
        name: 'path',
        in: 'path',
        required: true,
        description: 'Path of the call, which may hold slashes; empty for nginx.',
        schema: { type: 'string' },
      },
    ],
    ...Object.fromEntries(
      ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'].map((method) => [
        method,
        extAuthz(method),
      ]),
    ),
  },
  '/v1/events/{event_id}/proof': {
    parameters: [
      { name: 'event_id', in: 'path', required: true, schema: { type: 'string' }, example: EVENT_ID },
    ],
    get: {
      operationId: 'proof',
      summary: 'Record, inclusion proof and checkpoint of one event',
      security: KEY,
      responses: {
        '200': answer('The proof.', 'EventProof'),
        ...NO_KEY,
        '404': answer('No event of that id is in the log.', 'Error'),
        '409': answer('It is in the log, and not signed yet.', 'Error', RETRY),
        ...UNAVAILABLE,
      },
    },
  },
  '/healthz': get('healthz', 'Whether the server lives', { '200': answer('It does.', 'Health') }),
  '/readyz': get('readyz', 'Whether decisions can be made', {
    '200': answer('They can.', 'Readiness'),
    '503': answer('A part is not ready.', 'Readiness', RETRY),
  }),
  '/metrics': get('metrics', 'Prometheus metrics', {
    '200': {
      description: 'Text format 0.0.4.',
      content: { 'text/plain': { schema: { type: 'string' } } },
    },
    ...UNAVAILABLE,
  }),
  '/openapi.json': get('openapi', 'This document', {
    '200': {
      description: 'OpenAPI 3.1.',
      content: { 'application/json': { schema: { type: 'object' } } },
    },
  }),
};
