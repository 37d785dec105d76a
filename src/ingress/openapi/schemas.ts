// JSON Schema (2020-12) of what the decision API takes and gives, for `/openapi.json`.

const text = { type: 'string' };
const flag = { type: 'boolean' };
const whole = { type: 'integer', minimum: 0 };
const texts = { type: 'array', items: text };

function object(required: readonly string[], properties: object, more: object = {}): object {
  return { type: 'object', required, properties, additionalProperties: false, ...more };
}

/** A reference to one of the schemas below. */
export function ref(name: keyof typeof SCHEMAS): object {
  return { $ref: `#/components/schemas/${name}` };
}

const CALL_PROPERTIES = {
  token: {
    ...text,
    maxLength: 16_384,
    description: 'The capability token. Without one the answer is TOKEN_MISSING.',
  },
  method: { ...text, maxLength: 32 },
  url: {
    ...text,
    maxLength: 8_192,
    description:
      'Absolute, and already canonical: otherwise MALFORMED_REQUEST, unless `canonicalize` is set.',
  },
  headers: {
    type: 'object',
    maxProperties: 64,
    additionalProperties: text,
    description: 'By name. Only what classification reads is looked at.',
  },
  body: {
    ...text,
    maxLength: 65_536,
    description: 'The whole body, at most 64 KiB. A rule with `params` reads its facts from it.',
  },
  params: {
    type: 'object',
    maxProperties: 64,
    additionalProperties: { type: ['string', 'number'] },
    description:
      'In place of `body`: what the caller read of it. It is not relied on: a rule with `params` answers PARAMS_UNREADABLE.',
  },
};

const DECISION_PROPERTIES = {
  outcome: { enum: ['ALLOW', 'DENY', 'ABORT'] },
  reason: text,
  stage: { enum: ['normalize', 'capability', 'policy', 'operation', 'dispatch'] },
  scope: { enum: ['session', 'call'] },
  detail: text,
  remedy: text,
  retry_after_s: whole,
  event_id: { ...text, description: 'UUIDv7 of the record. Absent where nobody was authenticated.' },
  action_class: text,
  risk: { enum: ['low', 'medium', 'high', 'critical'] },
  resource: text,
  rule: { ...text, description: '`file:line` of the mapping rule.' },
  policies: texts,
  budgets: {
    type: 'array',
    items: { type: 'object', required: ['name', 'charged', 'remaining'] },
  },
  latency_us: object(['normalize', 'capability', 'policy', 'total'], {
    normalize: whole,
    capability: whole,
    policy: whole,
    total: whole,
  }),
};
const DECISION_REQUIRED = ['outcome', 'reason', 'stage', 'detail', 'policies', 'budgets', 'latency_us'];

const part = object(['ready'], { ready: flag, detail: text });
const properties = { type: 'object' };

export const SCHEMAS = {
  Call: object(['method', 'url'], {
    ...CALL_PROPERTIES,
    canonicalize: {
      ...flag,
      description: 'Decide about the canonical target. The caller has to send what `canonical` says.',
    },
    commit: {
      const: 'manual',
      description:
        'Only with the key of enforcement points: the caller commits or rolls back; after ten minutes it is committed.',
    },
    receipt: { ...flag, description: 'Answer once the record is under a checkpoint, with its proof.' },
  }),
  Decision: object(DECISION_REQUIRED, {
    ...DECISION_PROPERTIES,
    canonical: object(['method', 'url'], { method: text, url: text }),
    receipt: {
      oneOf: [{ $ref: '#/components/schemas/EventProof' }, { type: 'null' }],
      description: 'With `receipt: true`; null where no checkpoint came in time.',
    },
  }),
  Batch: object(['calls'], {
    calls: { type: 'array', maxItems: 1_000, items: { $ref: '#/components/schemas/Call' } },
  }),
  BatchDecisions: object(['decisions'], {
    decisions: {
      type: 'array',
      items: {
        oneOf: [{ $ref: '#/components/schemas/Decision' }, { $ref: '#/components/schemas/Error' }],
      },
    },
  }),
  EventReference: object(['event_id'], { event_id: text }),
  Settled: object(['settled'], { settled: { const: true } }),
  Evaluation: object(['subject', 'action', 'resource'], {
    subject: object(['type', 'id'], {
      type: text,
      id: { ...text, description: 'Must equal `sub` of the token.' },
      properties,
    }),
    action: object(['name'], {
      name: { ...text, description: 'The HTTP method, where `properties.method` does not say it.' },
      properties,
    }),
    resource: object(['type', 'id'], {
      type: { enum: ['http', 'uri'] },
      id: { ...text, description: 'The URL of the call.' },
      properties,
    }),
    context: {
      type: 'object',
      properties: {
        firma: object([], {
          token: CALL_PROPERTIES.token,
          headers: CALL_PROPERTIES.headers,
          body: CALL_PROPERTIES.body,
        }),
      },
    },
  }),
  EvaluationDecision: object(['decision', 'context'], {
    decision: flag,
    context: object(['firma'], {
      id: text,
      reason_user: { type: 'object', additionalProperties: text },
      firma: { $ref: '#/components/schemas/Decision' },
    }),
  }),
  AuthzenConfiguration: object(['policy_decision_point', 'access_evaluation_endpoint'], {
    policy_decision_point: text,
    access_evaluation_endpoint: text,
  }),
  EventProof: object(['record', 'leaf_index', 'tree_size', 'inclusion', 'checkpoint'], {
    record: { ...text, description: 'The line of the log: canonical JSON (RFC 8785).' },
    leaf_index: whole,
    tree_size: whole,
    inclusion: { ...texts, description: 'Audit path of RFC 6962 from leaf to root, base64.' },
    checkpoint: { ...text, description: 'Signed note (C2SP).' },
  }),
  Readiness: object(['ready', 'bundle', 'revocations', 'audit', 'store'], {
    ready: flag,
    bundle: part,
    revocations: part,
    audit: part,
    store: part,
  }),
  Health: object(['status'], { status: { const: 'ok' } }),
  Allowed: object(['outcome'], { outcome: { const: 'ALLOW' } }),
  Denial: {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'firma', 'message', 'error'],
    description: 'RFC 9457 members, and `firma`; proxies pass it on to the agent.',
  },
  Error: object(['error'], { error: object(['code', 'message'], { code: text, message: text }) }),
};
